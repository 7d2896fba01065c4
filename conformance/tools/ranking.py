"""Makes vectors/ranking.json: small stores, questions, and every score by chapter 8 of the spec.

A second reading of the text, made without looking at an implementation, so that the reference is
judged by something that is not itself. It is slow and plain on purpose. `--check` only compares.
Needs the package snowballstemmer (3 or later).
"""

from __future__ import annotations

import json
import math
import re
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import snowballstemmer

from exp2 import exp2
from ranking_stores import STORES

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "agentmem-core" / "data"
TARGET = ROOT / "conformance" / "vectors" / "ranking.json"

VOCABULARY = {
    piece: row
    for row, piece in enumerate((DATA / "vocab.txt").read_text("utf-8").split("\n"))
    if piece
}
TABLE = memoryview((DATA / "table_128.i8").read_bytes()).cast("b")
STOP_WORDS = set((DATA / "stopwords.txt").read_text("utf-8").split())
STEM = snowballstemmer.stemmer("english").stemWord
TONGUES = json.loads(
    (ROOT / "tools" / "languages" / "languages.json").read_text("utf-8")
)
W = 0.4
# The clock of a case.
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def category(character: str) -> str:
    return unicodedata.category(character)


CHARACTERS = [
    range(0x3005, 0x3008),
    range(0x3040, 0x3100),
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xAC00, 0xD7B0),
    range(0xF900, 0xFB00),
    range(0x20000, 0x40000),
]
ALPHABETS = [
    range(0xE00, 0xF00),
    range(0x1000, 0x10A0),
    range(0x1780, 0x1800),
    range(0x1950, 0x19E0),
    range(0x1A20, 0x1AB0),
    range(0xA9E0, 0xAA00),
    range(0xAA60, 0xAAE0),
]
SELECTORS = [*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10)]
SELECTORS += range(0xE0100, 0xE01F0)
REPLACED = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "đ": "d", "ħ": "h"}
REPLACED |= {"ı": "i", "ł": "l", "ø": "o", "\u2018": "'", "\u2019": "'", "\u02bc": "'"}


def unspaced(character: str) -> str:
    """8.2, step 1: how a character is cut if it belongs to a run."""
    code = ord(character)
    if any(code in block for block in CHARACTERS):
        return "characters"
    if category(character)[0] in "LM" and any(code in block for block in ALPHABETS):
        return "alphabet"
    return ""


def is_vowel_sign(character: str) -> bool:
    """8.2, step 2."""
    combining = unicodedata.combining(character)
    wanted = combining in (0, 9) or 84 <= combining <= 132
    code = ord(character)
    beyond = code >= 0x370 and code not in SELECTORS
    return beyond and wanted and category(character) in ("Mn", "Mc")


def kind(character: str) -> str:
    """8.2, step 2: the kind of word that a character is part of."""
    code = ord(character)
    if character in "abcdefghijklmnopqrstuvwxyz0123456789":
        return "latin"
    if 0xDF <= code <= 0x2AF and character != "÷":
        return "latin"
    letter = code >= 0x370 and category(character)[0] == "L"
    return "other" if letter or is_vowel_sign(character) else ""


def folded(character: str) -> str:
    if category(character)[0] == "M" and not is_vowel_sign(character):
        return ""
    if category(character) == "Nd":
        return str(unicodedata.decimal(character))
    return REPLACED.get(character, character)


def read(text: str) -> tuple[list[str], list[str], str, str | None]:
    """Terms, words and rest of steps 1 and 2 of 8.2, and the language of step 3.

    The texts of the stores have no characters on which versions of Unicode differ.
    """
    s = unicodedata.normalize("NFKC", text).lower()
    s = re.sub("[\u0640\u200c\u200d]", "", s)
    found: list[str] = []
    rest = ""
    for script, characters in groupby(s, unspaced):
        run = list(characters)
        if not script:
            rest += "".join(run)
            continue
        rest += " "
        units: list[str] = []
        for c in run:
            if script == "alphabet" and units and category(c)[0] == "M":
                units[-1] += c
            else:
                units.append(c)
        if script == "characters" or len(units) == 1:
            found += units
        found += [a + b for a, b in pairwise(units)]
    rest = unicodedata.normalize("NFKD", rest).lower()
    rest = "".join(map(folded, rest))
    plain = words(re.sub(r"'s(?![a-z0-9])|'", "", rest))
    for word in plain:
        if not word.isascii():
            found.append(script_stem(word))
        elif word not in STOP_WORDS:
            found.append(STEM(word))
    return found, plain, rest, told(plain, set(s))


def terms(text: str) -> list[str]:
    """8.2."""
    found, plain, rest, tongue = read(text)
    if tongue:
        again = words(rest.replace("'", " ")) if tongue == "french" else plain
        for word in again:
            if word.isascii() and len(word) >= 3 and not is_function_word(word):
                term = foreign_term(tongue, word)
                if term not in found:
                    found.append(term)
    return found


def words(rest: str) -> list[str]:
    runs = [(script, "".join(letters)) for script, letters in groupby(rest, kind)]
    return [word for script, word in runs if script]


def is_function_word(word: str) -> bool:
    lists = [
        tongue["strong"] + " " + tongue["weak"]
        for tongue in TONGUES["languages"].values()
    ]
    return word in STOP_WORDS or any(word in some.split() for some in lists)


def told(plain: list[str], letters: set[str]) -> str | None:
    """8.2, step 3: the language of a text."""
    english = sum(2 for word in plain if word in STOP_WORDS)
    sums: dict[str, int] = {}
    for name, tongue in TONGUES["languages"].items():
        strong, weak = tongue["strong"].split(), tongue["weak"].split()
        sums[name] = sum(2 * (word in strong) + (word in weak) for word in plain)
        groups = tongue["letters"].items()
        sums[name] += max([0, *(w for some, w in groups if letters & set(some))])
    best = max(sums, key=lambda name: sums[name])
    return best if sums[best] >= english + 2 else None


def foreign_term(tongue: str, word: str) -> str:
    return STEM(light_stem(word, TONGUES["languages"][tongue]["steps"]))


def script_stem(word: str) -> str:
    """8.2, step 2: words of Cyrillic, Arabic and Devanagari."""
    for script in TONGUES["scripts"].values():
        for block in script["characters"].split():
            first, last = (int(code, 16) for code in block.split("-"))
            if first <= ord(word[0]) <= last:
                return light_stem(word, script["steps"])
    return word


def light_stem(word: str, steps: list[dict[str, Any]]) -> str:
    for step in steps:
        rules = [
            rule.partition(">")[::2]
            for rule in (step.get("end") or step["start"]).split()
        ]
        fitting = []
        for affix, instead in rules:
            if "end" in step and word.endswith(affix):
                fitting.append((affix, word[: len(word) - len(affix)] + instead))
            elif "start" in step and word.startswith(affix):
                fitting.append((affix, instead + word[len(affix) :]))
        fitting = [
            (affix, left) for affix, left in fitting if len(left) >= step["least"]
        ]
        if fitting:
            word = max(fitting, key=lambda one: len(one[0]))[1]
    return word


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


def ln(x: float) -> float:
    """8.5."""
    m, e = math.frexp(x)
    if m < math.sqrt(0.5):
        m, e = m * 2, e - 1
    z = (m - 1) / (m + 1)
    w = z * z
    p = 0.0
    for k in range(10, -1, -1):
        p = p * w + 1 / (2 * k + 1)
    return (2 * z) * p + e * 0.6931471805599453


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


@dataclass
class Record:
    """A live record, with what 8.3 derives from it."""

    id: str
    place: int
    given: dict[str, object]
    created: datetime = field(init=False)
    words: Counter[str] = field(init=False)
    neighbours: dict[int, Record] = field(init=False)
    tf8: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        text = str(self.given.get("createdAt", "2026-01-01T00:00:00.000Z"))
        self.created = datetime.fromisoformat(text.replace("Z", "+00:00"))

    @property
    def importance(self) -> float:
        return float(str(self.given.get("importance", 0.5)))

    @property
    def is_turn(self) -> bool:
        return "role" in self.given

    @property
    def text(self) -> str:
        named = self.is_turn and "name" in self.given
        return (
            f"{self.given['name']}: {self.given['content']}"
            if named
            else str(self.given["content"])
        )

    @property
    def scope(self) -> tuple[object, ...]:
        return tuple(self.given.get(name) for name in ("userId", "agentId", "runId"))


def derive(records: list[Record]) -> None:
    """8.3 for all records."""
    conversations: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        record.words = Counter(terms(record.text))
        record.neighbours = {}
        if record.is_turn:
            when = record.created.astimezone(timezone.utc)
            record.words.update(terms(f"{when.day} {when:%B}, {when.year}"))
            conversations.setdefault(record.scope, []).append(record)
    for turns in conversations.values():
        turns.sort(key=lambda turn: (turn.created, turn.place))
        for i, turn in enumerate(turns):
            for away in (-3, -2, -1, 1, 2, 3):
                if 0 <= i + away < len(turns):
                    turn.neighbours[away] = turns[i + away]
    for record in records:
        record.tf8 = Counter({t: 8 * count for t, count in record.words.items()})
        for away, other in record.neighbours.items():
            for t, count in other.words.items():
                record.tf8[t] += 2 ** (3 - abs(away)) * count


@dataclass
class Partition:
    """8.4: the statistics of all live records of the user, or of the store."""

    records: list[Record]

    def __post_init__(self) -> None:
        self.n = len(self.records)
        self.total8 = sum(record.tf8.total() for record in self.records)
        self.words = sum(record.words.total() for record in self.records)
        mean = self.words / self.n if self.n else 0.0
        self.long = min(1.0, max(0.0, mean / 32 - 1))
        self.b = 0.4 + 0.35 * self.long

    def idf(self, df: int) -> float:
        return ln(1 + (self.n - df + 0.5) / (df + 0.5))

    def df1(self, term: str) -> int:
        return sum(1 for record in self.records if term in record.words)

    def idf1(self, term: str) -> float:
        return self.idf(self.df1(term))

    def lexical(self, query: str) -> tuple[dict[str, list[dict[str, object]]], float]:
        """The terms of 8.13 by id, whose weights are the summands of BM25, and U of 8.10."""
        found: dict[str, list[dict[str, object]]] = {r.id: [] for r in self.records}
        idf_sum = 0.0
        for term in dict.fromkeys(terms(query)):
            having = [record for record in self.records if record.tf8[term] > 0]
            idf = self.idf(len(having))
            idf_sum += idf
            for record in having:
                tf = record.tf8[term] / 8
                norm = (record.tf8.total() * self.n) / self.total8
                weight = ((idf * tf) * 1.9) / (
                    tf + 0.9 * ((1 - self.b) + self.b * norm)
                )
                own = record.words[term]
                around = (record.tf8[term] - 8 * own) / 8
                found[record.id].append(
                    {"term": term, "own": own, "around": around, "weight": weight}
                )
        return found, 1.9 * idf_sum

    def v(self, record: Record, term: str, idf1: float) -> float:
        """v(d, t) of 8.9."""
        count, total = record.words[term], record.words.total()
        norm = (total * self.n) / self.words
        return ((idf1 * count) * 1.9) / (count + 0.9 * ((1 - self.b) + self.b * norm))


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


def ordered(values: dict[str, float], records: dict[str, Record]) -> list[str]:
    """8.8."""
    return sorted(
        values, key=lambda i: (-values[i], -records[i].created.timestamp(), i.encode())
    )


def selected(record: Record, options: dict[str, object]) -> bool:
    names = ("userId", "agentId", "runId")
    return all(
        record.given.get(name) == options[name] for name in names if name in options
    )


def search(
    records: list[Record], options: dict[str, object]
) -> list[dict[str, object]]:
    """8.9 to 8.16, for the options that the stores use."""
    query, mode = str(options["query"]), options.get("mode", "hybrid")
    limit = int(str(options.get("limit", 10)))
    derive(records)
    partition = Partition(
        [
            r
            for r in records
            if "userId" not in options or selected(r, {"userId": options["userId"]})
        ]
    )
    query = mended(query, partition)
    words = dated(query, partition)
    found, u = partition.lexical(words)
    bm25 = {i: bm25_of(parts) for i, parts in found.items()}
    by_id = {r.id: r for r in partition.records if selected(r, options)}
    if mode == "lexical":
        why = {
            i: {**NOTHING, "terms": found[i], "bm25": bm25[i], "value": bm25[i]}
            for i in by_id
            if bm25[i] > 0
        }
        scores = {i: bm25[i] / u for i in why}
    elif mode == "semantic":
        scores = {i: similarity(query, record) for i, record in by_id.items()}
        scores = {i: value for i, value in scores.items() if value > 0}
        why = {
            i: {**NOTHING, "cosine": value, "near": value, "value": value}
            for i, value in scores.items()
        }
    else:
        scores, why = hybrid(query, words, partition, by_id, bm25, u, limit)
        for i in why:
            why[i]["terms"] = found[i]
    best = ordered({i: why[i]["value"] for i in why}, by_id)
    scores = {i: min(1.0, max(0.0, score)) for i, score in scores.items()}
    if "recency" in options or "importanceWeight" in options:
        for i in why:
            why[i] |= blend_of(by_id[i], scores[i], options)
        scores = {i: blended(by_id[i], score, options) for i, score in scores.items()}
        best = ordered(scores, by_id)
    hits = [{"id": i, "score": scores[i]} for i in best[:limit]]
    if options.get("explain"):
        hits = [{**hit, "explain": {"$exact": why[str(hit["id"])]}} for hit in hits]
    return hits


# What 8.13 tells of a number that a mode does not know.
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("bm25", "cosine", "near", "speaker", "question", "feedback"), 0),
    **dict.fromkeys(("coverage", "likelihood", "relevance", "recency", "importance")),
    "terms": [],
}


def bm25_of(parts: list[dict[str, Any]]) -> float:
    """The sum in order: Python's own sum may be more exact than doubles are."""
    total = 0.0
    for part in parts:
        total += part["weight"]
    return total


def blend_of(
    record: Record, score: float, options: dict[str, object]
) -> dict[str, object]:
    """What 8.13 tells of 8.11."""
    recency: dict[str, float] = options.get("recency", {})  # type: ignore[assignment]
    return {
        "relevance": score,
        "recency": newness(record, recency) if recency.get("weight", 0) > 0 else None,
        "importance": record.importance if options.get("importanceWeight") else None,
    }


def blended(record: Record, score: float, options: dict[str, object]) -> float:
    """8.11. The stores give no weights that are all 0."""
    recency: dict[str, float] = options.get("recency", {})  # type: ignore[assignment]
    wr = recency.get("weight", 0)
    wi = float(str(options.get("importanceWeight", 0)))
    new = newness(record, recency)
    return ((score + wr * new) + (wi * record.importance)) / ((1 + wr) + wi)


def newness(record: Record, recency: dict[str, float]) -> float:
    """EXP2(-x) of 8.11."""
    age = max(0, (NOW - record.created) // timedelta(milliseconds=1))
    return exp2(-((age / 1000) / recency.get("halfLife", 1)))


def similarity(query: str, record: Record) -> float:
    """c of 8.9."""
    return max(0.0, cosine(vector(query), vector(record.text)))


def near(query: str, record: Record) -> float:
    """C of 8.9."""

    def at(away: int) -> float:
        other = record.neighbours.get(away)
        return similarity(query, other) if other else 0.0

    first = similarity(query, record) + 0.5 * (at(-1) + at(1))
    return (first + 0.25 * (at(-2) + at(2))) + 0.125 * (at(-3) + at(3))


def feedback(
    partition: Partition, by_id: dict[str, Record], final: dict[str, float]
) -> dict[str, float]:
    """R of 8.9 by id."""
    best = [by_id[i] for i in ordered(final, by_id)[:3]]
    idf1 = {term: partition.idf1(term) for record in best for term in record.words}
    like = {}
    for i in final:
        like[i] = 0.0
        for term in by_id[i].words:
            if term in idf1:
                of_best = 0.0
                for record in best:
                    if term in record.words:
                        of_best += partition.v(record, term, idf1[term])
                like[i] += partition.v(by_id[i], term, idf1[term]) * of_best
    return like


def hybrid(
    query: str,
    words: str,
    partition: Partition,
    by_id: dict[str, Record],
    bm25: dict[str, float],
    u: float,
    limit: int,
) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """The scores of 8.10, not clamped, and what 8.13 tells, but for the terms."""
    cut = max(200, limit)
    nears = {i: near(query, record) for i, record in by_id.items()}
    candidates = dict.fromkeys(
        ordered({i: bm25[i] for i in by_id if bm25[i] > 0}, by_id)[:cut]
        + ordered({i: v for i, v in nears.items() if v > 0}, by_id)[:cut]
    )
    if not candidates:
        return {}, {}
    max_b = max(bm25[i] for i in candidates)
    max_c = max(nears[i] for i in candidates)
    asked = set(terms(words))
    final = {}
    why: dict[str, dict[str, Any]] = {}
    for i in candidates:
        record = by_id[i]
        b = bm25[i] / max_b if max_b > 0 else 0.0
        s = nears[i] / max_c if max_c > 0 else 0.0
        named = record.is_turn and asked & set(terms(str(record.given.get("name", ""))))
        asks = record.is_turn and any(
            c in "?\u061f\uff1f" for c in record.given["content"]
        )  # type: ignore[attr-defined]
        speaker, question = 0.15 if named else 0, 0.1 if asks else 0
        final[i] = (((W * s) + ((1 - W) * b)) + speaker) - question
        why[i] = {**NOTHING, "bm25": bm25[i], "near": nears[i]}
        why[i] |= {"speaker": speaker, "question": question}
        why[i]["cosine"] = similarity(query, record)
    covered = []
    for i in ordered(final, by_id)[:40]:
        more = coverage(query, by_id[i].text)
        if more is not None:
            final[i] += 0.5 * more
            covered.append(more)
            why[i]["coverage"] = more
    if partition.long > 0:
        like = feedback(partition, by_id, final)
        greatest = max(like.values())
        if greatest > 0:
            for i in final:
                more = (0.6 * partition.long) * (like[i] / greatest)
                final[i] += more
                why[i]["feedback"] = more
    share = max_b / u if u != 0 else 0.0
    if covered:
        z = 8 * (share + max(covered)) - 7.5
        y = exp2(-abs(z))
        p = 1 / (1 + y) if z >= 0 else y / (1 + y)
    else:
        c = max(similarity(query, by_id[i]) for i in candidates)
        p = math.sqrt(W * c + (1 - W) * share)
    top = max(final.values())
    scores = {i: p * (max(0.0, value) / top) for i, value in final.items()}
    for i, value in final.items():
        why[i] |= {"value": value, "likelihood": p}
    return scores, why


def case_of(store: dict[str, object]) -> dict[str, object]:
    items: list[dict[str, object]] = store["items"]  # type: ignore[assignment]
    deleted: list[str] = store.get("deleted", [])  # type: ignore[assignment]
    searches: list[dict[str, object]] = store["searches"]  # type: ignore[assignment]
    records = [Record(str(item["id"]), place, item) for place, item in enumerate(items)]
    live = [record for record in records if record.id not in deleted]
    steps: list[dict[str, object]] = [{"do": "addMany", "with": {"items": items}}]
    steps += [{"do": "delete", "with": {"id": i}, "expect": True} for i in deleted]
    steps += [{"do": "search", "with": s, "expect": search(live, s)} for s in searches]
    return {"name": store["name"], "why": store["why"], "steps": steps}


def render() -> str:
    cases = []
    for store in STORES:
        case = case_of(store)
        steps = ",\n".join(
            f"      {json.dumps(s, ensure_ascii=False)}" for s in case["steps"]
        )  # type: ignore[attr-defined]
        name, why = (
            json.dumps(case[key], ensure_ascii=False) for key in ("name", "why")
        )
        cases.append(
            f'    {{ "name": {name}, "why": {why}, "steps": [\n{steps}\n    ] }}'
        )
    body = ",\n".join(cases)
    return f"""{{
  "format": "1.0",
  "title": "Rankings and scores, to the bit",
  "spec": ["8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "8.8", "8.9", "8.10", "8.11", "8.13", "8.15", "8.16"],
  "why": "Computed from the spec alone by tools/ranking.py, as a second opinion; never edited.",
  "cases": [
{body}
  ]
}}
"""


def main() -> int:
    text = render()
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
    elif TARGET.read_text("utf-8") != text:
        print(f"{TARGET.name} is not what the specification gives", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
