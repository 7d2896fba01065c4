"""What is made of a query first, by 8.15 and 8.16 of the spec; a part of ranking.py."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ranking_terms import (
    STEM,
    STOP_WORDS,
    foreign_term,
    is_function_word,
    read,
    terms,
)
from ranking_vectors import VOCABULARY

if TYPE_CHECKING:
    from ranking import Partition

# The clock of a case.
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def mended(query: str, partition: Partition) -> str:
    """8.15."""

    def df1(word: str) -> int:
        return partition.df1(STEM(word))

    best: dict[str, str] = {}
    runs = list(re.finditer("[A-Za-z0-9]+", query))
    plain = {run: run[0].lower() for run in runs if is_plain(run, query)}
    tongue = read(query)[3]
    misspelt = [
        word
        for word in dict.fromkeys(plain.values())
        if not is_function_word(word)
        and word not in VOCABULARY
        and df1(word) == 0
        and not (tongue and partition.df1(foreign_term(tongue, word)))
    ]
    for word in misspelt[:8]:
        found = {c: df1(c) for c in corrections(word)}
        found = {
            c: count
            for c, count in found.items()
            if (not tongue if c in STOP_WORDS else count > 0)
        }
        if found:
            best[word] = min(
                found,
                key=lambda c: (
                    c not in STOP_WORDS,
                    c not in STOP_WORDS and c not in VOCABULARY,
                    0 if c in STOP_WORDS else -found[c],
                    c,
                ),
            )
    for run in reversed(runs):
        if run in plain:
            word = best.get(plain[run], run[0])
            query = query[: run.start()] + word + query[run.end() :]
    return query


MONTHS = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]
WEEKDAYS = [date(2000, 5, day).strftime("%A").lower() for day in range(1, 8)]
NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
N = "(?P<n>[1-9][0-9]{0,2}|an?|couple of|%s)" % "|".join(NUMBERS)
PHRASES = [
    "today|tonight|this (?:morning|afternoon|evening)",
    "yesterday|last night",
    "day before yesterday",
    f"{N} days? ago",
    f"last (?P<weekday>{'|'.join(WEEKDAYS)})",
    "last weekend",
    "this week",
    "last week",
    f"{N} weeks? ago",
    f"past week|(?:last|past) {N} days",
    f"this month|last month|{N} months? ago",
    f"last (?P<month>{'|'.join(MONTHS)})",
]


def dated(query: str, partition: Partition) -> str:
    """8.16. The clock of the stores is `NOW`."""
    at, out = 0, ""
    while at < len(query):
        free = not (query[:at][-1:].isascii() and query[:at][-1:].isalnum())
        for row, phrase in enumerate(PHRASES):
            pattern = f"(?i:{phrase.replace(' ', ' +')})(?![A-Za-z0-9]|[^\\x00-\\x7f]| +of(?![A-Za-z0-9]))"
            match = re.compile(pattern, re.ASCII).match(query, at)
            if match and free and query[:at][-1:].isascii() and is_one(row, match):
                parts = dates(row, match)
                known = [[w for w in part if has(w, partition)] for part in parts]
                out += " ".join(sum(known, [])) if all(known) else match[0]
                at = match.end()
                break
        else:
            out += query[at]
            at += 1
    return out


def has(word: str, partition: Partition) -> bool:
    return any(partition.df1(term) > 0 for term in terms(word))


def is_one(row: int, match: re.Match[str]) -> bool:
    """Whether days are not too many for "the last n days"."""
    return row != 9 or count(match) <= 7


def count(match: re.Match[str], otherwise: int = 7) -> int:
    n = match.groupdict().get("n")
    if n is None:
        return otherwise
    n = " ".join(n.lower().split())
    known = {"a": 1, "an": 1, "couple of": 2} | {
        w: i + 1 for i, w in enumerate(NUMBERS)
    }
    return known.get(n) or int(n)


def dates(row: int, match: re.Match[str]) -> list[list[str]]:
    """Days, months and years of a row of 8.16's table, each once."""
    today = NOW.date()
    monday = today - timedelta(today.weekday())
    this = match[0].lower().startswith("this")
    back = 0 if this else count(match, 1)
    stretch = []
    if row in (10, 11):
        if row == 11:
            month = [m.lower() for m in MONTHS].index(match["month"].lower()) + 1
            back = (today.month - month - 1) % 12 + 1
        months = today.year * 12 + today.month - 1 - back
        return [[MONTHS[months % 12]], [str(months // 12)]]
    if row < 3:
        stretch = [today - timedelta(row)]
    elif row == 3:
        stretch = [today - timedelta(count(match))]
    elif row == 4:
        days = [today - timedelta(i) for i in range(1, 8)]
        stretch = [d for d in days if WEEKDAYS[d.weekday()] == match["weekday"].lower()]
    elif row == 5:
        stretch = [monday - timedelta(2), monday - timedelta(1)]
    elif row == 6:
        stretch = [monday + timedelta(i) for i in range(today.weekday() + 1)]
    elif row == 7:
        stretch = [monday - timedelta(7 - i) for i in range(7)]
    elif row == 8:
        stretch = [today - timedelta(7 * count(match) - i) for i in range(-3, 4)]
    elif row == 9:
        stretch = [today - timedelta(i) for i in range(count(match), -1, -1)]
    return [
        list(dict.fromkeys(str(d.day) for d in stretch)),
        list(dict.fromkeys(MONTHS[d.month - 1] for d in stretch)),
        list(dict.fromkeys(str(d.year) for d in stretch)),
    ]


def is_plain(run: re.Match[str], query: str) -> bool:
    beside = query[: run.start()][-1:] + query[run.end() :][:1]
    return run[0].isalpha() and 4 <= len(run[0]) <= 24 and beside.isascii()


def corrections(word: str) -> set[str]:
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = {a + b[1:] for a, b in cuts if b}
    found |= {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    found |= {a + c + b[1:] for a, b in cuts if b for c in letters}
    found |= {a + c + b for a, b in cuts for c in letters}
    return {one for one in found if len(one) >= 3 and one != word}
