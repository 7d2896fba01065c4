"""A table of SQLite with an index on the user, and a distance function: what one writes by hand."""

from __future__ import annotations

import json
from pathlib import Path

from systems import LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from systems import Question, Record


class Sqlite:
    insert = "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?)"
    schema = """
        CREATE TABLE record(
            id TEXT PRIMARY KEY, user TEXT, category TEXT, text TEXT, metadata TEXT, vector BLOB
        );
        CREATE INDEX record_user ON record(user);
        CREATE INDEX record_category ON record(category);
    """

    def __init__(self, function: str = "sqlite-vec") -> None:
        self.function = function

    def open(self, folder: Path, kind: str) -> None:
        path = folder / "bench.sqlite"
        fresh = not path.exists()
        self.db = self.connect(path)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        if fresh:
            self.db.executescript(self.schema)

    def connect(self, path: Path) -> Any:
        """Makes `distance` known: of sqlite-vec, or, with Python's own module, by numpy."""
        if self.function == "sqlite-vec":
            import importlib.util

            import pysqlite3

            db = pysqlite3.connect(path, isolation_level=None)
            db.enable_load_extension(True)
            # As sqlite_vec.load does, but that the package imports numpy where there is one.
            package = importlib.util.find_spec("sqlite_vec")
            if package is None or package.origin is None:
                raise ModuleNotFoundError("sqlite_vec")
            db.load_extension(str(Path(package.origin).with_name("vec0")))
            self.distance = "vec_distance_cosine"
            return db
        import sqlite3

        import numpy

        def distance(one: bytes, other: bytes) -> float:
            vectors = (numpy.frombuffer(part, dtype=numpy.float32) for part in (one, other))
            return 1 - float(numpy.dot(*vectors))

        own = sqlite3.connect(path, isolation_level=None)
        own.create_function("distance", 2, distance, deterministic=True)
        self.distance = "distance"
        return own

    def row(self, record: Record) -> tuple[Any, ...]:
        category, metadata = record.metadata["category"], json.dumps(record.metadata)
        return (record.id, record.user, category, record.text, metadata, record.vector.tobytes())

    def add(self, record: Record) -> None:
        self.db.execute(self.insert, self.row(record))

    def add_many(self, records: Sequence[Record]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(self.insert, map(self.row, records))
        self.db.execute("COMMIT")

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        where, values = "", [question.vector.tobytes()]
        if user is not None or category is not None:
            where = "WHERE user = ?" if user is not None else "WHERE category = ?"
            values.append(user or category)  # type: ignore[arg-type]  # one of them is there
        columns = f"id, text, metadata, {self.distance}(vector, ?) AS far"
        asked = f"SELECT {columns} FROM record {where} ORDER BY far LIMIT {LIMIT}"
        return [
            (id, text, json.loads(more)) for id, text, more, _ in self.db.execute(asked, values)
        ]

    def ids(self, found: Any) -> list[str]:
        return [id for id, _, _ in found]

    def get(self, record: Record) -> Any:
        found = "SELECT id, text, metadata FROM record WHERE id = ?"
        id, text, metadata = self.db.execute(found, [record.id]).fetchone()
        return id, text, json.loads(metadata)

    def update(self, record: Record, text: str) -> None:
        changed = "UPDATE record SET text = ?, vector = ? WHERE id = ?"
        self.db.execute(changed, [text, record.vector.tobytes(), record.id])

    def delete(self, record: Record) -> None:
        self.db.execute("DELETE FROM record WHERE id = ?", [record.id])

    def close(self) -> None:
        self.db.close()


make = Sqlite
