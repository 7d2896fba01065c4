"""Long-term memory for AI agents, in one file that any number of processes share.

`Memory` has asynchronous methods, `SyncMemory` the same ones blocking.
"""

from importlib.metadata import version as _version

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
from ._memory import Memory, ScopedMemory
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

__version__ = _version("agentmem-native")

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
