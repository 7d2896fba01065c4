"""Slips of the keyboard: what questions look like that people type."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence
from dataclasses import replace

import forms

WORD = re.compile(r"[A-Za-z]{4,}")
AT_FIRST_LETTER = 0.1
"""How often a slip is at a word's first letter: people see those."""


def misspell(questions: Sequence[forms.Question], seed: int) -> list[forms.Question]:
    """Gives each question one slip, in one of its words of four letters or more, if it has any."""
    chance = random.Random(seed)
    return [replace(one, text=misspelt(one.text, chance)) for one in questions]


def misspelt(text: str, chance: random.Random) -> str:
    words = list(WORD.finditer(text))
    if not words:
        return text
    word = chance.choice(words)
    return text[: word.start()] + slip(word[0], chance) + text[word.end() :]


def slip(word: str, chance: random.Random) -> str:
    """A letter left out, swapped with the next one, replaced, or one put in before it."""
    at = 0 if chance.random() < AT_FIRST_LETTER else chance.randrange(1, len(word))
    kind = chance.choice(("left out", "swapped", "replaced", "put in"))
    before, letter, after = word[:at], word[at], word[at + 1 :]
    if kind == "left out":
        return before + after
    if kind == "swapped" and after:
        return before + after[0] + letter + after[1:]
    other = chance.choice(string.ascii_lowercase.replace(letter.lower(), ""))
    return before + other + (after if kind == "replaced" else letter + after)
