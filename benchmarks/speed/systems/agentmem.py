"""AgentMem through its Python package, awaited or blocking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from systems import DIMENSIONS, LIMIT, Question, Record


class AgentMem:
    def __init__(self, blocking: bool) -> None:
        self.blocking = blocking

    def open(self, folder: Path, kind: str) -> None:
        from agentmem_native import Memory, SyncMemory

        self.own = DIMENSIONS[kind] > 0
        options: dict[str, Any] = {}
        if self.own:
            options["embedder"] = {"id": "given", "dimensions": DIMENSIONS[kind]}
        made = SyncMemory if self.blocking else Memory
        self.memory: Any = made(folder / "bench.agentmem", **options)

    def add(self, record: Record) -> Any:
        item = self.item(record)
        return self.memory.add(item.pop("content"), **item)

    def add_many(self, records: Sequence[Record]) -> Any:
        return self.memory.add_many([self.item(record) for record in records])

    def item(self, record: Record) -> dict[str, Any]:
        item: dict[str, Any] = {
            "content": record.text,
            "id": record.id,
            "user_id": record.user,
            "metadata": record.metadata,
        }
        if self.own:
            item["embedding"] = record.vector
        return item

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        options: dict[str, Any] = {"mode": mode, "limit": LIMIT}
        if user is not None:
            options["user_id"] = user
        if category is not None:
            options["filter"] = {"category": category}
        if self.own:
            options["embedding"] = question.vector
        return self.memory.search(question.text, **options)

    def ids(self, found: Any) -> list[str]:
        return [hit.id for hit in found]

    def get(self, record: Record) -> Any:
        return self.memory.get(record.id)

    def update(self, record: Record, text: str) -> Any:
        given = {"embedding": record.vector} if self.own else {}
        return self.memory.update(record.id, content=text, **given)

    def delete(self, record: Record) -> Any:
        return self.memory.delete(record.id)

    def close(self) -> Any:
        return self.memory.close()


make = AgentMem
