"""Long-term memory for AI agents, in one file that any number of processes share.

`Memory` has asynchronous methods, `SyncMemory` the same ones blocking.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._errors import (
    AgentMemError,
    AlreadyExistsError,
    BusyError,
    ClosedError,
    ConflictError,
    CorruptError,
    EmbedderFailedError,
    EmbedderMismatchError,
    ErrorCode,
    InvalidArgumentError,
    IoError,
    LimitError,
    NotFoundError,
    ReadOnlyError,
    UnsupportedFormatError,
)
from ._sync import SyncMemory, SyncScopedMemory
from ._types import (
    UNSET,
    AddDefaults,
    AddItem,
    AfterEvent,
    AsOf,
    Embedder,
    Event,
    Hit,
    HitContext,
    HitExplanation,
    HitTerm,
    Imported,
    Message,
    Problem,
    Recency,
    Record,
    Stats,
    Unset,
    Verification,
)

if _TYPE_CHECKING:
    from ._memory import Memory, ScopedMemory

    __version__: str


def __getattr__(name: str) -> object:
    # asyncio, and what reads the package's metadata, take longer to import than all the rest:
    # blocking code needs neither.
    if name in ("Memory", "ScopedMemory"):
        from . import _memory

        value: object = getattr(_memory, name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("agentmem-native")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "UNSET",
    "AddDefaults",
    "AddItem",
    "AfterEvent",
    "AgentMemError",
    "AlreadyExistsError",
    "AsOf",
    "BusyError",
    "ClosedError",
    "ConflictError",
    "CorruptError",
    "Embedder",
    "EmbedderFailedError",
    "EmbedderMismatchError",
    "ErrorCode",
    "Event",
    "Hit",
    "HitContext",
    "HitExplanation",
    "HitTerm",
    "Imported",
    "InvalidArgumentError",
    "IoError",
    "LimitError",
    "Memory",
    "Message",
    "NotFoundError",
    "Problem",
    "ReadOnlyError",
    "Recency",
    "Record",
    "ScopedMemory",
    "Stats",
    "SyncMemory",
    "SyncScopedMemory",
    "Unset",
    "UnsupportedFormatError",
    "Verification",
    "__version__",
]
