"""Chroma on a folder: an HNSW index, and SQLite for the rest."""

from __future__ import annotations

from systems import LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


class Chroma:
    def open(self, folder: Path, kind: str) -> None:
        import chromadb

        settings = chromadb.Settings(anonymized_telemetry=False)
        self.client: Any = chromadb.PersistentClient(str(folder), settings=settings)
        self.collection = self.client.get_or_create_collection(
            "record", metadata={"hnsw:space": "cosine"}, embedding_function=None
        )

    def add(self, record: Record) -> None:
        self.add_many([record])

    def add_many(self, records: Sequence[Record]) -> None:
        self.collection.add(
            ids=[record.id for record in records],
            documents=[record.text for record in records],
            metadatas=[{**record.metadata, "user": record.user} for record in records],
            embeddings=[record.vector.tolist() for record in records],
        )

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        where = None if user is None else {"user": user}
        if category is not None:
            where = {"category": category}
        found = self.collection.query(
            query_embeddings=[question.vector.tolist()],
            n_results=LIMIT,
            where=where,
            include=["documents", "metadatas", "distances"],
        )
        columns = (found["ids"][0], found["documents"][0], found["metadatas"][0])
        return list(zip(*columns, strict=True))

    def ids(self, found: Any) -> list[str]:
        return [id for id, _, _ in found]

    def get(self, record: Record) -> Any:
        return self.collection.get(ids=[record.id])

    def update(self, record: Record, text: str) -> None:
        vectors = [record.vector.tolist()]
        self.collection.update(ids=[record.id], documents=[text], embeddings=vectors)

    def delete(self, record: Record) -> None:
        self.collection.delete(ids=[record.id])

    def close(self) -> None:
        pass


make = Chroma
