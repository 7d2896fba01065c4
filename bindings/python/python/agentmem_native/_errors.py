"""What can go wrong: one error, and a subclass for each stable code (spec chapter 9)."""

from __future__ import annotations

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    from typing import ClassVar

    from ._types import ErrorCode


class AgentMemError(Exception):
    """Says what went wrong; every call of AgentMem fails with a subclass of this and nothing else.

    The message never contains content, metadata values, queries or ids, so it may be logged. It may
    change between releases; `code` and `field` do not.

    >>> from agentmem_native import AgentMemError, SyncMemory
    >>> with SyncMemory() as memory:
    ...     try:
    ...         memory.update("no such id", importance=1)
    ...     except AgentMemError as error:
    ...         print(error.code, error.field)
    NOT_FOUND id
    """

    code: ClassVar[ErrorCode]
    """What kind of error it is: stable across releases and languages."""

    field: str | None
    """The wire name or path of the argument at fault, such as `userId` or `metadata.a[3]`."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    def __reduce__(self) -> tuple[type[AgentMemError], tuple[str, str | None]]:
        return type(self), (str(self), self.field)


class InvalidArgumentError(AgentMemError):
    """The type, form, range, size, depth or number of an argument; an unknown option."""

    code = "INVALID_ARGUMENT"


class NotFoundError(AgentMemError):
    """There is no such record."""

    code = "NOT_FOUND"


class AlreadyExistsError(AgentMemError):
    """The id is in use by a record that was added with other fields."""

    code = "ALREADY_EXISTS"


class ConflictError(AgentMemError):
    """The record has another version than `if_version` asks for."""

    code = "CONFLICT"


class ClosedError(AgentMemError):
    """The memory was closed, or inherited through a fork."""

    code = "CLOSED"


class ReadOnlyError(AgentMemError):
    """A write through a memory that was opened with `read_only`."""

    code = "READ_ONLY"


class EmbedderMismatchError(AgentMemError):
    """Another embedder is named than the store's."""

    code = "EMBEDDER_MISMATCH"


class EmbedderFailedError(AgentMemError):
    """The caller's `embed` failed, or there is none and a vector is needed."""

    code = "EMBEDDER_FAILED"


class UnsupportedFormatError(AgentMemError):
    """The file is not a store, or of a newer format; it is left as it is."""

    code = "UNSUPPORTED_FORMAT"


class CorruptError(AgentMemError):
    """The file is damaged."""

    code = "CORRUPT"


class BusyError(AgentMemError):
    """Another process held the file for longer than `busy_timeout`."""

    code = "BUSY"


class LimitError(AgentMemError):
    """A store or process has reached a stated limit."""

    code = "LIMIT"


class IoError(AgentMemError):
    """The operating system refused."""

    code = "IO"


_CLASSES: dict[str, type[AgentMemError]] = {cls.code: cls for cls in AgentMemError.__subclasses__()}


def error_of(code: str, field: str | None, message: str) -> AgentMemError:
    """Makes the exception for an error of the core; called from the glue."""
    return _CLASSES[code](message, field)
