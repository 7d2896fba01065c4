"""LangGraph's InMemoryStore: nothing outlives the process."""

from __future__ import annotations

from array import array

from systems import DIMENSIONS, LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


class LangGraph:
    def open(self, folder: Path, kind: str) -> None:
        from langgraph.store.base import PutOp
        from langgraph.store.memory import InMemoryStore

        self.vectors: dict[str, array[float]] = {}

        def embed(texts: Sequence[str]) -> list[list[float]]:
            return [self.vectors[text].tolist() for text in texts]

        index: Any = {"dims": DIMENSIONS[kind], "embed": embed, "fields": ["text"]}
        self.store: Any = InMemoryStore(index=index)
        self.put: Any = PutOp

    def add(self, record: Record) -> None:
        self.add_many([record])

    def add_many(self, records: Sequence[Record]) -> None:
        self.vectors.update((record.text, record.vector) for record in records)
        self.store.batch(
            [
                self.put(self.place(record), record.id, {"text": record.text, **record.metadata})
                for record in records
            ]
        )
        self.vectors.clear()

    def place(self, record: Record) -> tuple[str, ...]:
        return ("memories", record.user)

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        self.vectors = {question.text: question.vector}
        place = ("memories",) if user is None else ("memories", user)
        return self.store.search(place, query=question.text, limit=LIMIT)

    def ids(self, found: Any) -> list[str]:
        return [one.key for one in found]

    def get(self, record: Record) -> Any:
        return self.store.get(self.place(record), record.id)

    def update(self, record: Record, text: str) -> None:
        self.vectors = {text: record.vector}
        self.store.put(self.place(record), record.id, {"text": text, **record.metadata})

    def delete(self, record: Record) -> None:
        self.store.delete(self.place(record), record.id)

    def close(self) -> None:
        pass


make = LangGraph
