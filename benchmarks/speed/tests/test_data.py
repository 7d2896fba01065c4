import json
from pathlib import Path

import numpy

import data


def test_a_users_records_are_as_many_whatever_part_of_the_store_is_taken() -> None:
    for count in (1000, 4000):
        users = [data.user(number, 10_000, 100) for number in range(count)]
        assert len(set(users)) == 100
        assert users.count("user-7") == count // 100
    large = [data.user(number, 30_000, 300) for number in range(30_000)]
    assert {large.count(f"user-{number}") for number in (0, 99, 100, 299)} == {100}
    assert data.user(9, 10, 1) == "user-0"


def test_exact_answers_are_the_nearest_of_those_that_may_be_found(tmp_path: Path) -> None:
    data.make(tmp_path, 500, 10)
    records, questions = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("records.jsonl", "questions.jsonl")
    )
    rows = numpy.fromfile(tmp_path / "vectors.f32", dtype=numpy.float32).reshape(
        -1, data.DIMENSIONS
    )
    assert len(rows) == 500 + data.QUESTIONS
    assert numpy.allclose(numpy.linalg.norm(rows, axis=1), 1, atol=1e-5)
    cosines = rows[:500] @ rows[500]
    may = {
        "all": range(500),
        "own": [at for at in range(500) if records[at]["user"] == questions[0]["user"]],
        "tenth": [at for at in range(500) if records[at]["metadata"]["category"] == "c3"],
    }
    for kind, places in may.items():
        best = sorted(places, key=lambda at: -cosines[at])[: data.LIMIT]
        assert questions[0][kind] == [records[at]["id"] for at in best]


def test_the_same_seed_makes_the_same_records(tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.make(tmp_path / name, 100, 4)
    for name in ("records.jsonl", "questions.jsonl", "vectors.f32", "vectors128.f32"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
