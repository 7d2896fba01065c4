"""AgentMem through its Python package, awaited or blocking."""

from __future__ import annotations

from systems import DIMENSIONS, LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


class AgentMem:
    def __init__(self, blocking: bool) -> None:
        self.blocking = blocking

    def open(self, folder: Path, kind: str) -> None:
        self.own = DIMENSIONS[kind] > 0
        options: dict[str, Any] = {}
        if self.own:
            options["embedder"] = {"id": "given", "dimensions": DIMENSIONS[kind]}
        import agentmem_native

        made = agentmem_native.SyncMemory if self.blocking else agentmem_native.Memory
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
        found = self.memory.search(question.text, **options)
        return read(found) if self.blocking else later(found)

    def ids(self, found: Any) -> list[str]:
        return [id for id, _, _ in found]

    def get(self, record: Record) -> Any:
        return self.memory.get(record.id)

    def update(self, record: Record, text: str) -> Any:
        given = {"embedding": record.vector} if self.own else {}
        return self.memory.update(record.id, content=text, **given)

    def delete(self, record: Record) -> Any:
        return self.memory.delete(record.id)

    def close(self) -> Any:
        return self.memory.close()


def read(hits: Any) -> list[Any]:
    """Text and metadata of each hit, which are made when they are read: all others bring them."""
    return [(hit.id, hit.content, hit.metadata) for hit in hits]


async def later(found: Any) -> list[Any]:
    return read(await found)


make = AgentMem
