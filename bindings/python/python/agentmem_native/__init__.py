"""Long-term memory for AI agents, in one file that any number of processes share.

`Memory` has asynchronous methods, `SyncMemory` the same ones blocking.
"""

from ._errors import (
    AgentMemError,
    AlreadyExistsError,
    BusyError,
    ClosedError,
    ConflictError,
    CorruptError,
    EmbedderFailedError,
    EmbedderMismatchError,
    InvalidArgumentError,
    IoError,
    LimitError,
    NotFoundError,
    ReadOnlyError,
    UnsupportedFormatError,
)
from ._native import (
    Event,
    Hit,
    HitContext,
    HitExplanation,
    HitTerm,
    Imported,
    Problem,
    Record,
    Stats,
    Verification,
)
from ._sync import SyncMemory, SyncScopedMemory
from ._wire import UNSET, Unset

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    from ._memory import Memory, ScopedMemory
    from ._types import (
        AddDefaults,
        AddItem,
        AfterEvent,
        AsOf,
        Embedder,
        ErrorCode,
        Message,
        Recency,
    )

    __version__: str


_TYPES = frozenset(
    {
        "AddDefaults",
        "AddItem",
        "AfterEvent",
        "AsOf",
        "Embedder",
        "ErrorCode",
        "Message",
        "Recency",
    }
)


def __getattr__(name: str) -> object:
    # asyncio, `typing`, and what reads the package's metadata, take longer to import than all the
    # rest: blocking code needs none of them.
    if name in ("Memory", "ScopedMemory"):
        from . import _memory

        value: object = getattr(_memory, name)
    elif name in _TYPES:
        from . import _types

        value = getattr(_types, name)
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
