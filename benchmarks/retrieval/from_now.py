"""Questions that name a date, asked as people ask who look back from a day soon after it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

import forms

MONTHS = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]
MONTH = "|".join(MONTHS)
DAY = re.compile(
    rf"(?:\bon )?\b(?:(\d{{1,2}})(?:st|nd|rd|th)? ({MONTH}),? ?(\d{{4}})"
    rf"|({MONTH}) (\d{{1,2}}),? ?(\d{{4}}))"
)
WHOLE_MONTH = re.compile(rf"\b(?:in|during) ({MONTH}),? (\d{{4}})")
OTHER_TIME = re.compile(r"week|before|after|between|\bby\b|as of|beginning|first|since", re.I)
"""A question with such words names no day, or more than one."""


def ask(questions: Sequence[forms.Question], text: Literal["now", "date"]) -> list[forms.Question]:
    """Gives each question with gold that names one day or month once for each phrase that tells it.

    `now` puts the phrase in place of the date, `date` leaves the question as it is: the same
    questions, in the same order. The phrase is the category.
    """
    found = []
    for one in questions:
        if not one.gold or OTHER_TIME.search(one.text):
            continue
        for start, end, phrase, day in phrases(one.text):
            asked = one.text[:start] + phrase + one.text[end:] if text == "now" else one.text
            noon = datetime.combine(day, time(12), timezone.utc)
            found.append(replace(one, text=asked, category=kind(phrase), now=noon.timestamp()))
    return found


def phrases(text: str) -> Iterator[tuple[int, int, str, date]]:
    """Where the date stands, what is said instead, and on which day."""
    if match := DAY.search(text):
        month = MONTHS.index(match[2] or match[4]) + 1
        day = date(int(match[3] or match[6]), month, int(match[1] or match[5]))
        next_monday = day + timedelta(7 - day.weekday())
        said = [
            ("yesterday", day + timedelta(1)),
            (f"last {day:%A}", day + timedelta(4)),
            ("three days ago", day + timedelta(3)),
            ("two weeks ago", day + timedelta(12)),
            ("two weeks ago", day + timedelta(16)),
            ("last week", next_monday + timedelta(2)),
        ]
        if day.weekday() > 4:
            said.append(("last weekend", next_monday + timedelta(2)))
    elif match := WHOLE_MONTH.search(text):
        months = int(match[2]) * 12 + MONTHS.index(match[1])
        said = [("last month", month_day(months + 1)), ("three months ago", month_day(months + 3))]
    else:
        return
    for phrase, now in said:
        yield match.start(), match.end(), phrase, now


def month_day(months: int) -> date:
    return date(months // 12, months % 12 + 1, 14)


def kind(phrase: str) -> str:
    return "last Tuesday" if phrase.endswith("day") and phrase != "yesterday" else phrase
