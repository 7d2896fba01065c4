"""What calls are given and give back, and the mark of what was left out."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypedDict

JsonObject = dict[str, Any]
Time = datetime | str
"""An aware `datetime`, or RFC 3339 text with seconds and an offset."""
Clock = Callable[[], float]
"""Gives milliseconds since 1970."""
Mode = Literal["hybrid", "lexical", "semantic"]
Order = Literal["asc", "desc"]
OnExisting = Literal["error", "skip", "replace"]
"""What becomes of a record that the store has already, with other fields, in an import."""
Durability = Literal["full", "normal"]


class HistoryDays(TypedDict):
    """Keeps the superseded states of so many days, at least 0."""

    days: float


History = Literal["keep", "none"] | HistoryDays
"""Which superseded states `compact` leaves."""


class Recency(TypedDict):
    """How much it counts in a search that a record is new (spec 8.11)."""

    weight: float
    """What a new record gains, beside how well it answers, which counts 1; 0 to 100."""
    half_life: float
    """After so many seconds it gains half of that; above 0."""


class AfterEvent(TypedDict):
    """The state of the store after all events with a `seq` of at most this."""

    seq: int


AsOf = Time | AfterEvent
"""Which state of the store is asked of: by the time of writing, or by the event (spec 7.6)."""


class Floats(Protocol):
    """A one-dimensional buffer of floats of 32 or 64 bits: `array.array`, `numpy.ndarray`."""

    def __buffer__(self, flags: int, /) -> memoryview: ...


Vector = Sequence[float] | Floats
"""A vector: finite numbers, not all of them zero."""
Embed = Callable[[list[str]], Iterable[Vector] | Awaitable[Iterable[Vector]]]
"""Gives the vectors of 1 to 64 texts, in their order."""
Progress = Callable[[int, int], object]
"""Hears how many records are done, of how many."""


class _Embedder(TypedDict):
    id: str
    dimensions: int


class Embedder(_Embedder, total=False):
    """An embedder of the caller's own: its name, and how many components its vectors have.

    The name is for good: a store opens with the embedder that its vectors are of. `embed` may be a
    coroutine function in `Memory`; without it vectors come as `embedding`.
    """

    embed: Embed | None


EmbedderOption = Literal["builtin"] | Embedder | None
"""What makes the vectors of a store: the built-in table, the caller's own embedder, or nothing."""


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Left out, where None has a meaning of its own."""


@dataclass(frozen=True, slots=True)
class Record:
    """One memory. All fields are always there; times are aware and in UTC (spec 2.1)."""

    id: str
    """1 to 256 bytes; a UUID of version 7 (RFC 9562) if the caller gave none."""
    content: str
    """Not blank, at most 1 MiB."""
    user_id: str | None
    agent_id: str | None
    run_id: str | None
    role: str | None
    """Who says it in a conversation, such as `user`. A record with a role is a *turn*."""
    name: str | None
    """The speaker's name."""
    metadata: JsonObject
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


@dataclass(frozen=True, slots=True)
class HitContext:
    """The turns around a hit, oldest first; none around what is no turn (spec 8.12)."""

    before: list[Record]
    after: list[Record]


@dataclass(frozen=True, slots=True)
class HitTerm:
    """What a word of the query says for a hit (spec 8.13)."""

    term: str
    """The word as it is searched: in lower case, without its ending."""
    own: int
    """How often it is among the record's own words."""
    around: float
    """What the turns around it add, each place away half as much."""
    weight: float
    """What it adds to `bm25`."""


@dataclass(frozen=True, slots=True)
class HitExplanation:
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


@dataclass(frozen=True, slots=True)
class Hit(Record):
    """A record that was found."""

    score: float
    """How well it answers, from 0 to 1; to be compared within one answer."""
    context: HitContext | None = None
    """The turns around it in its conversation; None if the search did not ask for `context`."""
    explain: HitExplanation | None = None
    """Why it was found; None if the search did not ask for `explain`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One write in the life of a record (spec 11.1)."""

    seq: int
    """Its place in the log of the store."""
    at: datetime
    """When it was written; never before the event before it."""
    event: Literal["ADD", "UPDATE", "DELETE", "PURGE"]
    id: str
    record: Record | None
    """The full state that it left; None after a deletion, or if it has been erased since."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a store holds (spec 11.5)."""

    records: int
    """Live records."""
    expired: int
    """Records that have expired and have not been erased."""
    past: int
    """States that were superseded or deleted, and are kept."""
    events: int
    bytes: int
    """The size of the file and of those beside it; 0 in memory."""
    pending_purge: bool
    """Whether something that was purged may still be in the file."""
    embedder: str | None
    """The id of the embedder: `builtin` for the built-in table, None for none."""
    dimensions: int
    """How many components its vectors have; 0 for none."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that `verify` found to be wrong."""

    kind: Literal["file", "row", "vector", "event", "past", "index"]
    seq: int | None
    """The event, or the record by the event that added it."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether rows, vectors, text index and log agree (spec 11.6)."""

    ok: bool
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to, in records, or in events of an export with history (spec 13.5)."""

    imported: int
    """Those that were written."""
    skipped: int
    """Those that were there already, or were left."""
    replaced: int
    """Records that took the place of others."""


class _Message(TypedDict):
    role: str
    content: str


class Message(_Message, total=False):
    """A chat message, as content to add."""

    name: str | None


class AddDefaults(TypedDict, total=False):
    """What `add_many` may be given for all items: any option of `add` but `id`."""

    user_id: str | None
    agent_id: str | None
    run_id: str | None
    role: str | None
    name: str | None
    metadata: JsonObject | None
    importance: float | None
    created_at: Time | None
    expires_at: Time | None
    ttl: float | None
    dedupe: bool | None


class _Content(TypedDict):
    content: str | Message


class AddItem(_Content, AddDefaults, total=False):
    """One of the items of `add_many`: content and any option of `add`."""

    id: str | None
    embedding: Vector | None
