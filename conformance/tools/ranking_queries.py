"""What is made of a query first, by 8.15 and 8.16 of the spec; a part of ranking.py."""

from __future__ import annotations

import re
from collections.abc import Callable
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
N7 = "(?P<n>[1-7]|an?|couple of|%s)" % "|".join(NUMBERS[:7])
TODAY = NOW.date()
MONDAY = TODAY - timedelta(TODAY.weekday())


def dated(query: str, partition: Partition) -> str:
    """8.16. The clock of the stores is `NOW`."""
    at, out = 0, ""
    while at < len(query):
        before = query[:at][-1:]
        free = before.isascii() and not before.isalnum()
        for phrase, parts in PHRASES.items():
            pattern = f"(?i:{phrase.replace(' ', ' +')})(?![A-Za-z0-9]|[^\\x00-\\x7f]| +of(?![A-Za-z0-9]))"
            match = re.compile(pattern, re.ASCII).match(query, at)
            if match and free:
                said = [list(dict.fromkeys(part)) for part in parts(match)]
                known = [[w for w in part if has(w, partition)] for part in said]
                out += " ".join(sum(known, [])) if all(known) else match[0]
                at = match.end()
                break
        else:
            out += query[at]
            at += 1
    return out


def has(word: str, partition: Partition) -> bool:
    return any(partition.df1(term) > 0 for term in terms(word))


def count(match: re.Match[str], otherwise: int) -> int:
    if match["n"] is None:
        return otherwise
    n = " ".join(match["n"].lower().split())
    known = {"a": 1, "an": 1, "couple of": 2}
    known |= {word: i + 1 for i, word in enumerate(NUMBERS)}
    return known.get(n) or int(n)


def days(first: int, last: int, start: date = TODAY) -> list[list[str]]:
    """Days, months and years of the days so many behind `start`, both ends among them."""
    them = [start + timedelta(i) for i in range(first, last + 1)]
    return [
        [str(day.day) for day in them],
        [MONTHS[day.month - 1] for day in them],
        [str(day.year) for day in them],
    ]


def month(back: int) -> list[list[str]]:
    months = TODAY.year * 12 + TODAY.month - 1 - back
    return [[MONTHS[months % 12]], [str(months // 12)]]


def last_weekday(match: re.Match[str]) -> list[list[str]]:
    wanted = WEEKDAYS.index(match["weekday"].lower())
    back = next(i for i in range(1, 8) if (TODAY - timedelta(i)).weekday() == wanted)
    return days(-back, -back)


def last_month(match: re.Match[str]) -> list[list[str]]:
    wanted = [name.lower() for name in MONTHS].index(match["month"].lower()) + 1
    return month((TODAY.month - wanted - 1) % 12 + 1)


PHRASES: dict[str, Callable[[re.Match[str]], list[list[str]]]] = {
    "today|tonight|this (?:morning|afternoon|evening)": lambda _: days(0, 0),
    "yesterday|last night": lambda _: days(-1, -1),
    "day before yesterday": lambda _: days(-2, -2),
    f"{N} days? ago": lambda m: days(-count(m, 0), -count(m, 0)),
    f"last (?P<weekday>{'|'.join(WEEKDAYS)})": last_weekday,
    "last weekend": lambda _: days(-2, -1, MONDAY),
    "this week": lambda _: days(0, TODAY.weekday(), MONDAY),
    "last week": lambda _: days(-7, -1, MONDAY),
    f"{N} weeks? ago": lambda m: days(-7 * count(m, 0) - 3, -7 * count(m, 0) + 3),
    f"past week|(?:last|past) {N7} days": lambda m: days(-count(m, 7), 0),
    "this month": lambda _: month(0),
    f"last month|{N} months? ago": lambda m: month(count(m, 1)),
    f"last (?P<month>{'|'.join(MONTHS)})": last_month,
}


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
