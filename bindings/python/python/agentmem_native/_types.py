"""The types of what calls are given; for type checkers, and imported when somebody asks for one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, NoReturn, Protocol, TypedDict

from ._native import Event, Hit, Imported, Record, Stats, Verification
from ._wire import Unset

# What annotations of methods name beside the types below: `typing.get_type_hints` finds it here.
_NAMED: tuple[object, ...] = (os, TracebackType, NoReturn, Unset)
_NAMED += (Event, Hit, Imported, Record, Stats, Verification)

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
ErrorCode = Literal[
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "CONFLICT",
    "CLOSED",
    "READ_ONLY",
    "EMBEDDER_MISMATCH",
    "EMBEDDER_FAILED",
    "UNSUPPORTED_FORMAT",
    "CORRUPT",
    "BUSY",
    "LIMIT",
    "IO",
]
"""What kind of error it is (spec chapter 9)."""


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
