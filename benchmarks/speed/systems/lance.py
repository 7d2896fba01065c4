"""LanceDB as it is without an index: a flat scan."""

from __future__ import annotations

import json

from systems import DIMENSIONS, LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


COLUMNS = ("id", "user", "category", "text", "metadata")


class Lance:
    def open(self, folder: Path, kind: str) -> None:
        import lancedb
        import pyarrow

        self.arrow: Any = pyarrow
        self.size = DIMENSIONS[kind]
        fields = [(name, pyarrow.string()) for name in COLUMNS]
        self.schema = pyarrow.schema(
            [*fields, ("vector", pyarrow.list_(pyarrow.float32(), self.size))]
        )
        database = lancedb.connect(folder)
        self.table: Any = database.create_table("record", schema=self.schema, exist_ok=True)

    def add(self, record: Record) -> None:
        self.add_many([record])

    def add_many(self, records: Sequence[Record]) -> None:
        columns: dict[str, Any] = {
            "id": [record.id for record in records],
            "user": [record.user for record in records],
            "category": [record.metadata["category"] for record in records],
            "text": [record.text for record in records],
            "metadata": [json.dumps(record.metadata) for record in records],
        }
        joined = b"".join(record.vector.tobytes() for record in records)
        flat = self.arrow.Array.from_buffers(
            self.arrow.float32(), len(joined) // 4, [None, self.arrow.py_buffer(joined)]
        )
        columns["vector"] = self.arrow.FixedSizeListArray.from_arrays(flat, self.size)
        self.table.add(self.arrow.table(columns, schema=self.schema))

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        found = self.table.search(question.vector.tolist(), vector_column_name="vector")
        found = found.distance_type("cosine").limit(LIMIT).select([*COLUMNS, "_distance"])
        if user is not None or category is not None:
            where = f"user = '{user}'" if user is not None else f"category = '{category}'"
            found = found.where(where, prefilter=True)
        return [(one["id"], one["text"], json.loads(one["metadata"])) for one in found.to_list()]

    def ids(self, found: Any) -> list[str]:
        return [id for id, _, _ in found]

    def get(self, record: Record) -> Any:
        return self.table.search().where(f"id = '{record.id}'").limit(1).to_list()

    def update(self, record: Record, text: str) -> None:
        values = {"text": text, "vector": record.vector.tolist()}
        self.table.update(where=f"id = '{record.id}'", values=values)

    def delete(self, record: Record) -> None:
        self.table.delete(f"id = '{record.id}'")

    def finish(self) -> None:
        """Joins the fragments of many writes, as its documentation advises."""
        self.table.optimize()

    def close(self) -> None:
        pass


make = Lance
