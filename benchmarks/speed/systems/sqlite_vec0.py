"""The virtual table of sqlite-vec, partitioned by user."""

from __future__ import annotations

import json

from systems import DIMENSIONS, LIMIT
from systems.sqlite import Sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from systems import Question


class SqliteVec(Sqlite):
    schema = f"""
        CREATE VIRTUAL TABLE record USING vec0(
            id text primary key, user text partition key, category text, +text text, +metadata text,
            vector float[{DIMENSIONS["vectors"]}] distance_metric=cosine, chunk_size=128
        )
    """

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        where, values = "", [question.vector.tobytes()]
        if user is not None or category is not None:
            where = "AND user = ?" if user is not None else "AND category = ?"
            values.append(user or category)  # type: ignore[arg-type]  # one of them is there
        columns = "SELECT id, text, metadata, distance FROM record"
        asked = f"{columns} WHERE vector MATCH ? AND k = {LIMIT} {where}"
        return [
            (id, text, json.loads(more)) for id, text, more, _ in self.db.execute(asked, values)
        ]


make = SqliteVec
