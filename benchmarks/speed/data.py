"""Makes the records and the questions from a seed: the same files for every system and language.

    vectors.f32, vectors128.f32   float32, a row a record, then a row a question
    records.jsonl    {"id", "text", "user", "metadata"}, in order of adding
    questions.jsonl  {"user", "text", "own", "all", "tenth", "all128"}: ids by exact cosine

A vector is a mixture of one of 2,000 topics and noise, normalised; the one of 128 components is its
beginning, normalised again. A user's records lie scattered among those of 99 others, 100 users
behind 100 users, so that the first tenth of a store is a store of a tenth of the users.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy

SEED = 7
DIMENSIONS = 384
SHORT = 128
TOPICS = 2000
CATEGORIES = 10
QUESTIONS = 200
LIMIT = 10
BEHIND = 10_000
"""With 100 records a user, so many are all of those of 100 users."""
BLOCK = 50_000
"""So many records are made at once: what bounds the memory."""
ASKED_CATEGORY = 3

WHO = "Ada Bob Chloe Dmitri Eva Farid Greta Hugo Ines Jamal Kira Luis".split()
DOES = (
    "likes|dislikes|bought|looked for|cancelled|asked about|recommends|forgot|plans|remembers|"
    "postponed|works on|lives near|studies|paid for|sold"
).split("|")
WHAT = (
    "green tea|a folding bicycle|the office in Lyon|a cello|type theory|the yearly audit|a train "
    "to Porto|old maps|an eye examination|the grey armchair|database backups|rye bread|a trumpet|"
    "the half marathon|a new kitchen floor|the car insurance|night mode|hearing protection|a "
    "kitten called Miso|Italian lessons|a tent for four|the tax return|almond milk|a weather "
    "station"
).split("|")
WHY = (
    "since it takes less time in the evening|after talking with two people from sales|because the "
    "flat has become too small|although the price has gone up again|and wants to be told a day "
    "before|while on the way to a customer|but never before ten in the morning|as was said on the "
    "phone last week"
).split("|")


def text(number: int) -> str:
    """A text of about 26 words."""
    pick = random.Random(SEED * 1_000_003 + number).choice
    first, second = (f"{pick(WHO)} {pick(DOES)} {pick(WHAT)} {pick(WHY)}" for _ in range(2))
    return f"{first}, and {second} (entry {number})."


def question(number: int) -> str:
    pick = random.Random(SEED * 2_000_003 + number).choice
    return f"What did {pick(WHO)} say about {pick(WHAT)}, and why?"


def identifier(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def user(number: int, records: int, users: int) -> str:
    """Whose the record is."""
    side_by_side = min(100, users)
    block = side_by_side * max(1, records // users)
    return f"user-{min(number // block * 100 + number % side_by_side, users - 1)}"


def category(number: Any) -> Any:
    """Which tenth a record, or an array of records, belongs to."""
    return number * 7919 % 97 % CATEGORIES


def record(number: int, records: int, users: int) -> dict[str, Any]:
    return {
        "id": identifier(number),
        "text": text(number),
        "user": user(number, records, users),
        "metadata": {
            "n": number,
            "category": f"c{category(number)}",
            "source": "chat",
            "rank": number * 31 % 5,
        },
    }


def make(folder: Path, records: int, users: int, *, vectors: bool = True) -> None:
    """Writes the files; without vectors no exact answers either."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "records.jsonl", "w", encoding="utf-8") as file:
        for number in range(records):
            file.write(json.dumps(record(number, records, users)) + "\n")
    asked = [f"user-{number * 37 % min(20, users)}" for number in range(QUESTIONS)]
    exact = Exact(asked, records, users)
    if vectors:
        exact.make(folder)
    with open(folder / "questions.jsonl", "w", encoding="utf-8") as file:
        for number, name in enumerate(asked):
            found = {kind: ids[number] for kind, ids in exact.answers.items()}
            file.write(json.dumps({"user": name, "text": question(number), **found}) + "\n")


def make_short(folder: Path, records: int) -> None:
    """Writes the vectors of 128 components alone; of their questions no exact answers are known."""
    with open(folder / "vectors128.f32", "wb") as short:
        for count, seed in ((records, SEED), (QUESTIONS, SEED + 1)):
            for block in blocks(count, seed):
                normalised(block[:, :SHORT]).tofile(short)


def blocks(count: int, seed: int) -> Iterator[Any]:
    """Vectors, normalised, by blocks."""
    shape = numpy.random.default_rng(SEED)
    centres = shape.standard_normal((TOPICS, 64), dtype=numpy.float32)
    spread = shape.standard_normal((64, DIMENSIONS), dtype=numpy.float32) / 8
    generator = numpy.random.default_rng(seed)

    def noise(rows: int, columns: int, share: float) -> Any:
        return share * generator.standard_normal((rows, columns), dtype=numpy.float32)

    for begin in range(0, count, BLOCK):
        rows = min(BLOCK, count - begin)
        latent = centres[generator.integers(0, TOPICS, rows)] + noise(rows, 64, 0.7)
        yield normalised(latent @ spread + noise(rows, DIMENSIONS, 0.25))


def normalised(vectors: Any) -> Any:
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


class Exact:
    """The best records of each question by float32 cosine, gathered while the vectors are made."""

    def __init__(self, asked: list[str], records: int, users: int) -> None:
        self.asked, self.records, self.users = asked, records, users
        self.answers: dict[str, list[list[str]]] = {}

    def make(self, folder: Path) -> None:
        asked = next(blocks(QUESTIONS, SEED + 1))
        best: dict[str, list[tuple[Any, Any]]] = {}
        begin = 0
        with (
            open(folder / "vectors.f32", "wb") as long,
            open(folder / "vectors128.f32", "wb") as short,
        ):
            for block in blocks(self.records, SEED):
                block.tofile(long)
                shortened = normalised(block[:, :SHORT])
                shortened.tofile(short)
                cosines = asked @ block.T
                numbers = numpy.arange(begin, begin + len(block))
                masks = self.masks(numbers)
                for kind, mask in masks.items():
                    keep(best, kind, numpy.where(mask, cosines, -9), numbers)
                keep(best, "all", cosines, numbers)
                keep(best, "all128", normalised(asked[:, :SHORT]) @ shortened.T, numbers)
                begin += len(block)
            asked.tofile(long)
            normalised(asked[:, :SHORT]).tofile(short)
        self.answers = {kind: top(parts) for kind, parts in best.items()}

    def masks(self, numbers: Any) -> dict[str, Any]:
        """Which records each question may find: its user's own, and those of one category."""
        names = numpy.array([user(number, self.records, self.users) for number in numbers.tolist()])
        own = numpy.stack([names == name for name in sorted(set(self.asked))])
        place = {name: row for row, name in enumerate(sorted(set(self.asked)))}
        rows = numpy.array([place[name] for name in self.asked])
        return {"own": own[rows], "tenth": category(numbers) == ASKED_CATEGORY}


def keep(best: dict[str, list[tuple[Any, Any]]], kind: str, cosines: Any, numbers: Any) -> None:
    """Keeps the best of a block for each question."""
    few = min(LIMIT, cosines.shape[1])
    order = numpy.argpartition(-cosines, few - 1, axis=1)[:, :few]
    best.setdefault(kind, []).append((numpy.take_along_axis(cosines, order, 1), numbers[order]))


def top(parts: list[tuple[Any, Any]]) -> list[list[str]]:
    cosines = numpy.concatenate([part[0] for part in parts], axis=1)
    numbers = numpy.concatenate([part[1] for part in parts], axis=1)
    order = numpy.argsort(-cosines, axis=1, kind="stable")[:, :LIMIT]
    return [
        [identifier(int(number)) for number, cosine in zip(row, values, strict=True) if cosine > -9]
        for row, values in zip(
            numpy.take_along_axis(numbers, order, 1),
            numpy.take_along_axis(cosines, order, 1),
            strict=True,
        )
    ]
