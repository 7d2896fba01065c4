"""Tokens and vectors, by 8.6 and 8.7 of the spec, and the second stage of 8.9; a part of ranking.py."""

from __future__ import annotations

import math
import unicodedata
from functools import cache

from ranking_terms import DATA, category

VOCABULARY = {
    piece: row
    for row, piece in enumerate((DATA / "vocab.txt").read_text("utf-8").split("\n"))
    if piece
}
TABLE = memoryview((DATA / "table_128.i8").read_bytes()).cast("b")


def is_ideograph(character: str) -> bool:
    code = ord(character)
    ranges = [
        (0x4E00, 0x9FFF),
        (0x3400, 0x4DBF),
        (0x20000, 0x2A6DF),
        (0x2A700, 0x2B73F),
    ]
    ranges += [
        (0x2B740, 0x2B81F),
        (0x2B820, 0x2CEAF),
        (0xF900, 0xFAFF),
        (0x2F800, 0x2FA1F),
    ]
    return any(low <= code <= high for low, high in ranges)


def is_punctuation(character: str) -> bool:
    symbol = character.isascii() and character.isprintable() and not character.isalnum()
    return (symbol and character != " ") or category(character).startswith("P")


@cache
def tokens(text: str) -> tuple[int, ...]:
    """8.6."""
    cleaned = ""
    for c in text:
        if c in "\t\n\r" or category(c) == "Zs":
            cleaned += " "
        elif not category(c).startswith("C") and c != "\ufffd":
            cleaned += f" {c} " if is_ideograph(c) else c
    cleaned = unicodedata.normalize("NFD", cleaned)
    cleaned = "".join(c for c in cleaned if category(c) != "Mn").lower()
    spaced = "".join(f" {c} " if is_punctuation(c) else c for c in cleaned)
    return tuple(piece for word in spaced.split() for piece in pieces(word))


def pieces(word: str) -> list[int]:
    found: list[int] = []
    start = 0
    while start < len(word) <= 100:
        mark = "##" if start else ""
        ends = (
            end
            for end in range(len(word), start, -1)
            if mark + word[start:end] in VOCABULARY
        )
        end = next(ends, None)
        if end is None:
            return []
        found.append(VOCABULARY[mark + word[start:end]])
        start = end
    return found


def row(token: int) -> memoryview:
    return TABLE[token * 128 : token * 128 + 128]


def dot(a: list[int] | memoryview, b: list[int] | memoryview) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


@cache
def vector(text: str) -> list[int]:
    """8.7."""
    sums = [0] * 128
    for token in tokens(text):
        sums = [a + x for a, x in zip(sums, row(token), strict=True)]
    m = max(abs(a) for a in sums)
    if m == 0:
        return sums
    return [(1 if a >= 0 else -1) * ((254 * abs(a) + m) // (2 * m)) for a in sums]


def cosine(a: list[int], b: list[int]) -> float:
    squares = dot(a, a) * dot(b, b)
    return dot(a, b) / math.sqrt(squares) if squares else 0.0


@cache
def coverage(query: str, document: str) -> float | None:
    """L of 8.9; None if the query has no tokens: there is no second stage."""
    wanted = first_tokens(query)
    if not wanted:
        return None
    found = first_tokens(document)
    if not found:
        return 0.0
    total = 0.0
    for t in wanted:
        total += max(0.0, max(dot(row(t), row(u)) / length(u) for u in found))
    return total / sum(length(t) for t in wanted)


def first_tokens(text: str) -> list[int]:
    return [token for token in dict.fromkeys(tokens(text)) if any(row(token))][:64]


def length(token: int) -> float:
    return math.sqrt(dot(row(token), row(token)))
