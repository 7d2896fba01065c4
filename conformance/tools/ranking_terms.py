"""The terms of a text, by 8.2 of the spec; a part of ranking.py."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import snowballstemmer

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "agentmem-core" / "data"
STOP_WORDS = set((DATA / "stopwords.txt").read_text("utf-8").split())
STEM = snowballstemmer.stemmer("english").stemWord
TONGUES = json.loads(
    (ROOT / "tools" / "languages" / "languages.json").read_text("utf-8")
)


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
