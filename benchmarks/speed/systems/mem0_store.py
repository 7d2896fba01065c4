"""Mem0 without its language model, on its own default store. It wants a scope in every search."""

from __future__ import annotations

import logging
import warnings

from systems import DIMENSIONS, LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


class Prepared:
    """Stands in for an embedding model, and gives the vector that is ready."""

    vector: list[float]

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        return self.vector

    def embed_batch(
        self, texts: Sequence[str], memory_action: str | None = None
    ) -> list[list[float]]:
        return [self.vector for _ in texts]


class Mem0:
    def open(self, folder: Path, kind: str) -> None:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        from mem0 import Memory

        size = DIMENSIONS[kind]
        vectors = {
            "collection_name": "record",
            "path": str(folder / "qdrant"),
            "on_disk": True,
            "embedding_model_dims": size,
        }
        unused = {"api_key": "unused"}
        self.memory: Any = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": vectors},
                "llm": {"provider": "openai", "config": unused},
                "embedder": {"provider": "openai", "config": {**unused, "embedding_dims": size}},
                "history_db_path": str(folder / "history.db"),
            }
        )
        self.prepared = self.memory.embedding_model = Prepared()

    def add(self, record: Record) -> None:
        self.prepared.vector = record.vector.tolist()
        metadata = {**record.metadata, "record": record.id}
        self.memory.add(record.text, user_id=record.user, metadata=metadata, infer=False)

    def add_many(self, records: Sequence[Record]) -> None:
        for record in records:
            self.add(record)

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        self.prepared.vector = question.vector.tolist()
        filters = {"user_id": user}
        found = self.memory.search(question.text, filters=filters, top_k=LIMIT, threshold=0.0)
        return found["results"]

    def ids(self, found: Any) -> list[str]:
        return [one["metadata"]["record"] for one in found]

    def prepare(self, records: Sequence[Record]) -> None:
        """Looks up its own ids, which it chooses by itself."""
        self.known = {}
        for record in records:
            filters = {"user_id": record.user, "record": record.id}
            found = self.memory.get_all(filters=filters, top_k=1)["results"]
            self.known[record.id] = str(found[0]["id"])

    def get(self, record: Record) -> Any:
        return self.memory.get(self.known[record.id])

    def update(self, record: Record, text: str) -> None:
        self.prepared.vector = record.vector.tolist()
        self.memory.update(self.known[record.id], text)

    def delete(self, record: Record) -> None:
        self.memory.delete(self.known[record.id])

    def close(self) -> None:
        self.memory.vector_store.client.close()


make = Mem0
