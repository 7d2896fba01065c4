"""The systems that are compared. Each takes and answers one user's records at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agentmem_native import AddItem, SyncMemory

from forms import Record

if TYPE_CHECKING:
    import minilm

Hits = list[tuple[str, float]]
"""Ids and scores, best first."""
Mode = Literal["hybrid", "lexical", "semantic"]

CANDIDATES = 200
"""What a fusion takes from each side, as AgentMem's own does."""
MOST_AT_ONCE = 100_000
"""What one `add_many` takes."""
SNAKE = {
    "userId": "user_id",
    "agentId": "agent_id",
    "runId": "run_id",
    "createdAt": "created_at",
}


class System(Protocol):
    def add(self, user: str | None, records: Sequence[Record]) -> None:
        """Takes all of a user's records."""

    def search(self, user: str | None, query: str, limit: int) -> Hits: ...


def text(record: Record) -> str:
    """What the baselines read of a record: the text that AgentMem makes vectors of (spec 8.3)."""
    if "role" in record and "name" in record:
        return f"{record['name']}: {record['content']}"
    return record["content"]


class AgentMem:
    """A store in a file, through the public Python API."""

    def __init__(self, mode: Mode) -> None:
        self.mode: Mode = mode
        self.now: float | None = None
        self.folder = tempfile.TemporaryDirectory(prefix="agentmem-retrieval-")
        self.memory = SyncMemory(Path(self.folder.name) / "bench.agentmem", clock=self.clock)

    def clock(self) -> float:
        """Milliseconds since 1970, at the time that a question is asked."""
        return (time.time() if self.now is None else self.now) * 1000

    def add(self, user: str | None, records: Sequence[Record]) -> None:
        items: list[Any] = [
            {SNAKE.get(name, name): value for name, value in record.items()} for record in records
        ]
        for start in range(0, len(items), MOST_AT_ONCE):
            batch: list[AddItem] = items[start : start + MOST_AT_ONCE]
            self.memory.add_many(batch)

    def search(self, user: str | None, query: str, limit: int) -> Hits:
        hits = self.memory.search(query, user_id=user, mode=self.mode, limit=limit)
        return [(hit.id, hit.score) for hit in hits]


class Bm25:
    """bm25s with its defaults: Lucene's variant, k1 1.5, b .75, its English stop words."""

    def __init__(self, stem: bool = False) -> None:
        import bm25s

        self.library = bm25s
        self.stemmer = None
        if stem:
            import Stemmer

            self.stemmer = Stemmer.Stemmer("english")
        self.users: dict[str | None, tuple[list[str], Any]] = {}

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = self.library.tokenize(
            list(texts), stemmer=self.stemmer, return_ids=False, show_progress=False
        )
        return found

    def add(self, user: str | None, records: Sequence[Record]) -> None:
        index = self.library.BM25()
        index.index(self.tokens([text(record) for record in records]), show_progress=False)
        self.users[user] = ([record["id"] for record in records], index)

    def search(self, user: str | None, query: str, limit: int) -> Hits:
        ids, index = self.users[user]
        tokens = self.tokens([query])
        count = min(limit, len(ids))
        places, scores = index.retrieve(tokens, k=count, show_progress=False)
        found = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(ids[place], score) for place, score in found if score > 0]


class MiniLm:
    """all-MiniLM-L6-v2 and the exact cosine with every record."""

    def __init__(self, int8: bool = False) -> None:
        import numpy

        import minilm

        self.numpy: Any = numpy  # checked without numpy too
        self.minilm = minilm
        self.encoder = minilm.Encoder()
        self.cache: minilm.Cache | None = minilm.Cache()
        self.int8 = int8
        self.users: dict[str | None, tuple[list[str], Any]] = {}

    def vectors(self, texts: Sequence[str]) -> minilm.Array:
        """The vectors of texts, from the cache those that are there."""
        if self.cache is None:
            return self.encoder.encode(texts)
        missing = self.cache.missing(texts)
        if missing:
            self.cache.put(missing, self.encoder.encode(missing))
        return self.numpy.stack([self.cache.get(one) for one in texts])

    def add(self, user: str | None, records: Sequence[Record]) -> None:
        matrix: Any = self.vectors([text(record) for record in records])
        if self.int8:
            matrix = self.minilm.quantise(matrix)
        self.users[user] = ([record["id"] for record in records], matrix)

    def cosines(self, user: str | None, query: str) -> tuple[list[str], minilm.Array]:
        """The ids of a user's records and the cosine of each."""
        ids, matrix = self.users[user]
        (asked,) = self.vectors([query])
        if not self.int8:
            return ids, matrix @ asked
        whole = self.numpy.int32
        asked = self.minilm.quantise(asked).astype(whole)
        rows = matrix.astype(whole)
        return ids, (rows @ asked) / self.numpy.sqrt((rows * rows).sum(axis=1) * (asked @ asked))

    def search(self, user: str | None, query: str, limit: int) -> Hits:
        ids, cosines = self.cosines(user, query)
        best = self.numpy.argsort(-cosines, kind="stable")[:limit].tolist()
        return [(ids[place], float(cosines[place])) for place in best]


class Fused:
    """AgentMem's lexical search and MiniLM, weighed as shares of the greatest values."""

    def __init__(self, weight: float = 0.5) -> None:
        self.lexical = AgentMem("lexical")
        self.minilm = MiniLm()
        self.weight = weight

    def add(self, user: str | None, records: Sequence[Record]) -> None:
        self.lexical.add(user, records)
        self.minilm.add(user, records)

    def search(self, user: str | None, query: str, limit: int) -> Hits:
        return fuse(*self.sides(user, query), self.weight)[:limit]

    def sides(self, user: str | None, query: str) -> tuple[dict[str, float], dict[str, float]]:
        """Both values of the best of each side, as shares of the greatest."""
        lexical = dict(self.lexical.search(user, query, CANDIDATES))
        ids, cosines = self.minilm.cosines(user, query)
        near = (-cosines).argsort(kind="stable")
        place = {ids[one]: one for one in near.tolist()}
        candidates = dict.fromkeys([*lexical, *list(place)[:CANDIDATES]])
        return (
            shares({one: lexical.get(one, 0.0) for one in candidates}),
            shares({one: float(cosines[place[one]]) for one in candidates}),
        )


def shares(values: dict[str, float]) -> dict[str, float]:
    most = max(values.values(), default=0.0)
    return {one: max(0.0, value) / most if most > 0 else 0.0 for one, value in values.items()}


def fuse(lexical: dict[str, float], cosines: dict[str, float], weight: float) -> Hits:
    score = {one: weight * cosines[one] + (1 - weight) * lexical[one] for one in lexical}
    return sorted(score.items(), key=lambda one: -one[1])


SYSTEMS: dict[str, Callable[[], System]] = {
    "hybrid": lambda: AgentMem("hybrid"),
    "lexical": lambda: AgentMem("lexical"),
    "semantic": lambda: AgentMem("semantic"),
    "bm25": Bm25,
    "bm25-stem": lambda: Bm25(stem=True),
    "minilm": MiniLm,
    "minilm-int8": lambda: MiniLm(int8=True),
    "fused": Fused,
}
