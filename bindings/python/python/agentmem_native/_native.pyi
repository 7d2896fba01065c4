from asyncio import Future
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, final

from ._types import JsonObject

__all__ = [
    "Event",
    "Hit",
    "HitContext",
    "HitExplanation",
    "HitTerm",
    "Imported",
    "Mailbox",
    "NativeArguments",
    "NativeAsking",
    "NativeCall",
    "NativeExporting",
    "NativeImporting",
    "NativeMemory",
    "NativeMoving",
    "Problem",
    "Record",
    "Stats",
    "Value",
    "Verification",
    "end_deliveries",
]

class Value:
    """What the classes of values have in common: they are what frozen dataclasses are."""

    def __replace__(self, **changes: Any) -> Any: ...

@dataclass(frozen=True)
class Record(Value):
    """One memory. All fields are always there; times are aware and in UTC (spec 2.1)."""

    id: str
    """1 to 256 bytes; a UUID of version 7 (RFC 9562) if the caller gave none."""
    content: str
    """Not blank, at most 1 MiB."""
    user_id: str | None
    """Whose it is; None for nobody's."""
    agent_id: str | None
    """The agent; None for none."""
    run_id: str | None
    """The run, such as one conversation; None for none."""
    role: str | None
    """Who says it in a conversation, such as `user`. A record with a role is a *turn*."""
    name: str | None
    """The speaker's name."""
    metadata: JsonObject
    """A dict of JSON, of this object alone: what is changed in it is changed nowhere else."""
    importance: float
    """From 0 to 1."""
    created_at: datetime
    """When it happened."""
    updated_at: datetime
    """When it was last written."""
    expires_at: datetime | None
    """From then on it counts as absent."""
    version: int
    """1 at `add`, one more at each `update`."""

@dataclass(frozen=True)
class HitContext(Value):
    """The turns around a hit, oldest first; none around what is no turn (spec 8.12)."""

    before: list[Record]
    """Those before it, a list of `Record`."""
    after: list[Record]
    """Those after it, a list of `Record`."""

@dataclass(frozen=True)
class HitTerm(Value):
    """What a word of the query says for a hit (spec 8.13)."""

    term: str
    """The word as it is searched: in lower case, without its ending."""
    own: int
    """How often it is among the record's own words."""
    around: float
    """What the turns around it add, each place away half as much."""
    weight: float
    """What it adds to `bm25`."""

@dataclass(frozen=True)
class HitExplanation(Value):
    """Why a search found a record: the numbers that its ranking used (spec 8.13)."""

    terms: list[HitTerm]
    """The words of the query that it or a turn near it has; none in `semantic`."""
    bm25: float
    """How well its words answer: the sum of the weights of `terms`."""
    cosine: float
    """How near its own meaning is to the query's, from 0 to 1."""
    near: float
    """The same with the turns around it."""
    coverage: float | None
    """How much of the query's meaning its words cover; None where the second stage did not look."""
    speaker: float
    """What it gained because the query names who speaks."""
    question: float
    """What it lost because it asks something itself."""
    feedback: float
    """What it gained because it is like the best."""
    value: float
    """What all that comes to. Hits are ordered by it, unless recency or importance count."""
    likelihood: float | None
    """How likely it is that an answer is there at all; None but in `hybrid`."""
    relevance: float | None
    """The score without recency and importance; None where neither was asked for."""
    recency: float | None
    """From 1, for what is new, down to 0; None where it was not asked for."""
    importance: float | None
    """The record's importance; None where it was not asked for."""

@dataclass(frozen=True)
class Hit(Record):
    """A record that was found."""

    score: float
    """How well it answers, from 0 to 1; to be compared within one answer."""
    context: HitContext | None = None
    """The turns around it in its conversation; None if the search did not ask for `context`."""
    explain: HitExplanation | None = None
    """Why it was found; None if the search did not ask for `explain`."""

@dataclass(frozen=True)
class Event(Value):
    """One write in the life of a record (spec 11.1)."""

    seq: int
    """Its place in the log of the store."""
    at: datetime
    """When it was written; never before the event before it."""
    event: Literal["ADD", "UPDATE", "DELETE", "PURGE"]
    """`ADD`, `UPDATE`, `DELETE` or `PURGE`."""
    id: str
    """The record's id."""
    record: Record | None
    """The full state that it left; None after a deletion, or if it has been erased since."""

@dataclass(frozen=True)
class Stats(Value):
    """What a store holds (spec 11.5)."""

    records: int
    """Live records."""
    expired: int
    """Records that have expired and have not been erased."""
    past: int
    """States that were superseded or deleted, and are kept."""
    events: int
    """Events in the log."""
    bytes: int
    """The size of the file and of those beside it; 0 in memory."""
    pending_purge: bool
    """Whether something that was purged may still be in the file."""
    embedder: str | None
    """The id of the embedder: `builtin` for the built-in table, None for none."""
    dimensions: int
    """How many components its vectors have; 0 for none."""

@dataclass(frozen=True)
class Problem(Value):
    """Something that `verify` found to be wrong."""

    kind: Literal["file", "row", "vector", "event", "past", "index"]
    """`file`, `row`, `vector`, `event`, `past` or `index`."""
    seq: int | None
    """The event, or the record by the event that added it."""

@dataclass(frozen=True)
class Verification(Value):
    """Whether rows, vectors, text index and log agree (spec 11.6)."""

    ok: bool
    """Whether they do."""
    problems: list[Problem]
    """What is wrong, a list of `Problem`."""

@dataclass(frozen=True)
class Imported(Value):
    """What an import came to, in records, or in events of an export with history (spec 13.5)."""

    imported: int
    """Those that were written."""
    skipped: int
    """Those that were there already, or were left."""
    replaced: int
    """Records that took the place of others."""

@final
class Mailbox:
    def __new__(cls, ring: Callable[[], object] | None = None) -> Mailbox: ...
    def fileno(self) -> int | None: ...
    def fetch(self) -> list[tuple[Future[Any], Any, Exception | None]]: ...

_Waiter: TypeAlias = tuple[Mailbox, Future[Any]]

@final
class NativeArguments:
    has_vectors: bool
    def __new__(
        cls,
        options: JsonObject | None = None,
        defaults: JsonObject | None = None,
        name: str | None = None,
        value: object = None,
    ) -> NativeArguments: ...
    @staticmethod
    def of_items(items: Sequence[object], defaults: object) -> NativeArguments: ...

@final
class NativeMemory:
    def __new__(cls, path: str | None, options: JsonObject) -> NativeMemory: ...
    def submit_open(self, waiter: _Waiter) -> None: ...
    def submit(
        self, operation: str, arguments: NativeArguments, now: int | None, waiter: _Waiter
    ) -> NativeCall: ...
    def try_call(self, operation: str, arguments: NativeArguments, now: int | None) -> Any: ...
    def submit_close(self, waiter: _Waiter) -> None: ...
    def ask(self, operation: str, arguments: NativeArguments, now: int) -> NativeAsking: ...
    def reembed(self, embedder: object) -> NativeMoving: ...
    def export_to(self, args: JsonObject) -> NativeExporting: ...
    def import_from(self, args: JsonObject, embeds: bool, now: int | None) -> NativeImporting: ...
    def open(self) -> None: ...
    def call(self, operation: str, arguments: NativeArguments, now: int | None) -> Any: ...
    def call_long(self, operation: str, arguments: NativeArguments, now: int | None) -> Any: ...
    def close(self) -> None: ...
    def scoped(self, scope: JsonObject) -> NativeMemory: ...

@final
class NativeAsking:
    def submit_texts(self, waiter: _Waiter) -> None: ...
    def submit(self, vectors: bytes, waiter: _Waiter) -> NativeCall: ...
    def texts(self) -> Any: ...
    def finish(self, vectors: bytes) -> Any: ...
    def end(self) -> None: ...

@final
class NativeCall:
    def cancel(self) -> None: ...

@final
class NativeMoving:
    def submit_step(self, vectors: bytes, waiter: _Waiter) -> None: ...
    def step(self, vectors: bytes) -> Any: ...

@final
class NativeExporting:
    def submit_step(self, waiter: _Waiter) -> None: ...
    def step(self) -> Any: ...
    def end(self) -> None: ...

@final
class NativeImporting:
    def submit_step(self, vectors: bytes, waiter: _Waiter) -> None: ...
    def step(self, vectors: bytes) -> Any: ...
    def end(self) -> None: ...

def end_deliveries() -> None: ...
