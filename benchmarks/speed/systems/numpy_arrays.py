"""A matrix of float32 in memory: the floor for exact search, and no store."""

from __future__ import annotations

import json

from systems import DIMENSIONS, LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


class Arrays:
    def open(self, folder: Path, kind: str) -> None:
        import numpy

        self.numpy: Any = numpy
        self.path = folder / "vectors.npy"
        self.records: list[dict[str, Any]] = []
        self.new: list[Any] = []
        self.matrix = numpy.empty((0, DIMENSIONS[kind]), dtype=numpy.float32)
        if self.path.exists():
            self.matrix = numpy.load(self.path)
            with open(folder / "records.jsonl") as file:
                self.records = [json.loads(line) for line in file]
        self.sort()

    def sort(self) -> None:
        """Notes which rows are whose."""
        rows: dict[tuple[str, str], list[int]] = {}
        for row, record in enumerate(self.records):
            rows.setdefault(("user", record["user"]), []).append(row)
            rows.setdefault(("category", record["metadata"]["category"]), []).append(row)
        self.rows = {key: self.numpy.array(found) for key, found in rows.items()}

    def add(self, record: Record) -> None:
        self.add_many([record])

    def add_many(self, records: Sequence[Record]) -> None:
        for record in records:
            self.new.append(self.numpy.frombuffer(record.vector, dtype=self.numpy.float32))
            self.records.append(
                {
                    "id": record.id,
                    "text": record.text,
                    "user": record.user,
                    "metadata": record.metadata,
                }
            )

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        wanted = self.numpy.frombuffer(question.vector, dtype=self.numpy.float32)
        rows = None
        if user is not None or category is not None:
            rows = self.rows[("user", user) if user is not None else ("category", str(category))]
        cosines = (self.matrix if rows is None else self.matrix[rows]) @ wanted
        best = self.numpy.argpartition(-cosines, LIMIT - 1)[:LIMIT]
        best = best[self.numpy.argsort(-cosines[best])]
        return [self.records[row] for row in (best if rows is None else rows[best]).tolist()]

    def ids(self, found: Any) -> list[str]:
        return [record["id"] for record in found]

    def get(self, record: Record) -> Any:
        raise NotImplementedError

    def update(self, record: Record, text: str) -> Any:
        raise NotImplementedError

    def delete(self, record: Record) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        if self.new:
            self.matrix = self.numpy.concatenate([self.matrix, self.numpy.stack(self.new)])
            self.numpy.save(self.path, self.matrix)
            with open(self.path.parent / "records.jsonl", "w") as file:
                file.writelines(json.dumps(record) + "\n" for record in self.records)


make = Arrays
