"""Python's values as JSON has them.

What is not JSON is refused here, with its path (spec 1.3, 1.8). What an option may be is checked on
the other side of the wire, once for all languages. Most of what calls are given is plain, and read
by the glue (`NativeArguments`), which calls the readers of this module for all else.
"""

from __future__ import annotations

import os
import time

from ._errors import InvalidArgumentError

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    import enum
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Final

    from ._types import Clock, JsonObject

    class Unset(enum.Enum):
        """The type of `UNSET`."""

        UNSET = "UNSET"

    UNSET: Final = Unset.UNSET
    """Left out, where None has a meaning of its own."""
else:

    class Unset:
        """The type of `UNSET`: an enumeration, but for the time that `enum` takes to import."""

        __slots__ = ()

        def __repr__(self):
            return "UNSET"

        def __reduce__(self):
            return "UNSET"

    UNSET = Unset.UNSET = Unset()

_MAX_INTEGER = 2**53 - 1
_END = 253_402_300_800_000  # The first millisecond after the year 9999.
_MAX_DEPTH = 32
_MAX_METADATA_BYTES = 65_536
_MAX_FILTER_BYTES = 1_048_576
_MAX_ITEMS = 100_000

_MESSAGE_NAMES = {"role": "role", "content": "content", "name": "name"}
_ADD_NAMES = {
    "user_id": "userId",
    "agent_id": "agentId",
    "run_id": "runId",
    "role": "role",
    "name": "name",
    "metadata": "metadata",
    "importance": "importance",
    "id": "id",
    "created_at": "createdAt",
    "expires_at": "expiresAt",
    "ttl": "ttl",
    "dedupe": "dedupe",
}
ADD_DEFAULTS = dict.fromkeys([*_ADD_NAMES.values(), "embedding"])
"""What the options of `add` are if they are left out: null."""
SEARCH_DEFAULTS = {
    "filter": None,
    "since": None,
    "until": None,
    "limit": 10,
    "mode": "hybrid",
    "minScore": 0.0,
    "embedding": None,
    "recency": None,
    "importanceWeight": 0.0,
    "context": 0,
    "explain": False,
    "asOf": None,
}
"""What some options of `search` are if they are left out."""
GET_DEFAULTS = {"asOf": None}
"""What the options of `get` are if they are left out."""
_RECENCY_NAMES = {"weight": "weight", "half_life": "halfLife"}
_AS_OF_NAMES = {"seq": "seq"}
ITEM_NAMES = {"content": "content", "embedding": "embedding", **_ADD_NAMES}
"""The wire names of what an item of `add_many` may have."""


def read(step: str) -> Any:
    """Reads how far something long is."""
    import json  # Few need it, and it takes long to import.

    return json.loads(step)


def options(given: JsonObject, unknown: Iterable[str] = ()) -> JsonObject:
    """Turns options, by their wire names, into JSON; what is UNSET is left out."""
    refuse(unknown)
    return {
        name: _option(name, value, name, None)
        for name, value in given.items()
        if value is not UNSET
    }


def refuse(unknown: Iterable[str]) -> None:
    """Refuses options that nobody knows."""
    for name in unknown:
        raise InvalidArgumentError(f"{_camel(name)} is unknown here", _camel(name))


def content(value: object, field: str = "content") -> object:
    """Turns a text or a message into JSON."""
    if isinstance(value, dict):
        return _members(value, _MESSAGE_NAMES, field, f"{field}.")
    return scalar(value, field)


def items(value: object) -> Sequence[object]:
    """Checks that the items of `add_many` are a list, and not too many."""
    if not isinstance(value, (list, tuple)):
        raise _invalid("items", f"must be a list, not {_type_of(value)}")
    if len(value) > _MAX_ITEMS:
        raise _invalid("items", f"are {len(value)}: {_MAX_ITEMS} are the most")
    return value


def item(value: object, index: int) -> tuple[JsonObject, bytes | None]:
    """Turns an item of `add_many` into JSON, and its vector, if it has one, into bytes."""
    vectors: list[bytes] = []
    members = _members(value, ITEM_NAMES, f"items[{index}]", f"items[{index}].", vectors)
    return members, vectors[0] if vectors else None


def defaults(value: object) -> JsonObject | None:
    """Turns the defaults of `add_many` into JSON."""
    return None if value is None else _members(value, _ADD_NAMES, "defaults", "defaults.")


def scalar(value: object, field: str) -> object:
    """Turns None, a boolean, a number or a text into JSON."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, field)
    if isinstance(value, (int, float)):
        return _number(value, field)
    raise _invalid(field, f"cannot be {_type_of(value)}")


def vector(value: object, field: str) -> bytes:
    """Turns a vector into the bytes of floats of 32 bits (spec 12.3); its size is checked later."""
    if not isinstance(value, (list, tuple)):
        try:
            view = memoryview(value)  # type: ignore[arg-type]  # what is no buffer raises
        except TypeError:
            problem = f"must be a list, a tuple or a buffer of floats, not {_type_of(value)}"
            raise _invalid(field, problem) from None
        if view.ndim != 1 or view.format not in ("f", "d"):
            raise _invalid(field, "must be one-dimensional, of floats of 32 or 64 bits")
        if view.format == "f":
            return view.tobytes()
        value = view.tolist()
    elif bool in set(map(type, value)):
        raise _invalid(field, "must have numbers as components, not bool")
    from array import array

    try:
        return array("f", value).tobytes()
    except (TypeError, ValueError, OverflowError):
        raise _invalid(field, "must have numbers as components, finite as float32") from None


def path(value: object) -> str | None:
    """Turns a path, which may be a `PathLike`, into text."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _invalid("path", f"must be text or a PathLike of text, not {_type_of(value)}")
    return _text(value, "path")


def clock(value: object) -> Clock | None:
    """Checks that a clock can be called."""
    if value is not None and not callable(value):
        raise _invalid("clock", f"must be callable, not {_type_of(value)}")
    return value


def now(clock: Clock | None) -> int | None:
    """Reads the clock, once per call (spec 3.4)."""
    if clock is None:
        return None
    try:
        value: object = clock()
    except Exception as error:
        raise _invalid("clock", "must give milliseconds since 1970, but raised") from error
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _END:
        return int(value)
    raise _invalid("clock", "must give milliseconds since 1970, within the years 1970 to 9999")


def now_or_system(now: int | None) -> int:
    """Gives the time of a call; the system's, if there is no clock."""
    return time.time_ns() // 1_000_000 if now is None else now


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _members(
    value: object,
    names: Mapping[str, str],
    field: str,
    before: str,
    vectors: list[bytes] | None = None,
) -> JsonObject:
    """Turns an object whose keys are options into JSON; errors are told by the wire names."""
    if not isinstance(value, dict):
        raise _invalid(field, f"must be a dict, not {_type_of(value)}")
    members = {}
    for key, member in value.items():
        if not isinstance(key, str):
            raise _invalid(field, "has a key that is not text")
        name = names.get(key)
        if name is None:
            at = before + (key if names is _MESSAGE_NAMES else _camel(key))
            raise _invalid(at, f"is unknown here: known are {', '.join(names)}")
        if member is not UNSET:
            members[name] = _option(name, member, before + name, vectors)
    return members


def _option(name: str, value: object, field: str, vectors: list[bytes] | None) -> object:
    if value is None:
        return None
    if name == "embedding" and vectors is not None:
        vectors.append(vector(value, field))
        return len(vectors[-1]) // 4
    return READERS.get(name, scalar)(value, field)


def _metadata(value: object, field: str) -> object:
    return _json(value, field, _Limit(field, _MAX_METADATA_BYTES))


def _filter(value: object, field: str) -> object:
    return _json(value, field, _Limit(field, _MAX_FILTER_BYTES))


def _recency(value: object, field: str) -> object:
    return _members(value, _RECENCY_NAMES, field, f"{field}.")


def _as_of(value: object, field: str) -> object:
    if isinstance(value, dict):
        return _members(value, _AS_OF_NAMES, field, f"{field}.")
    return _time(value, field)


def _time(value: object, field: str) -> str:
    if isinstance(value, str):
        return _text(value, field)
    from datetime import datetime, timezone

    if not isinstance(value, datetime):
        raise _invalid(field, f"must be an aware datetime or RFC 3339 text, not {_type_of(value)}")
    if value.utcoffset() is None:
        raise _invalid(
            field,
            "is a naive datetime, which means another moment on every machine: give it a tzinfo",
        )
    try:
        return value.astimezone(timezone.utc).isoformat(timespec="microseconds")
    except OverflowError as error:
        raise _invalid(field, "is outside the years 1970 to 9999") from error


READERS: dict[str, Callable[[object, str], object]] = {
    "embedding": vector,  # It goes beside the JSON.
    "content": content,
    "metadata": _metadata,
    "filter": _filter,
    "createdAt": _time,
    "expiresAt": _time,
    "since": _time,
    "until": _time,
    "history": _metadata,
    "recency": _recency,
    "asOf": _as_of,
}
"""What reads more than a scalar, by wire names."""


class _Limit:
    """How much may still come of a value; each part of it takes a byte of JSON at least."""

    def __init__(self, field: str, most: int) -> None:
        self.field = field
        self.left = most

    def take(self, parts: int) -> None:
        self.left -= parts
        if self.left < 0:
            raise _invalid(self.field, "is too large")


def _json(value: object, at: str, limit: _Limit, depth: int = 0) -> object:
    """Copies a JSON value; what contains itself is too deep."""
    if isinstance(value, (dict, list, tuple)):
        if depth == _MAX_DEPTH:
            raise _invalid(
                limit.field, f"is nested deeper than {_MAX_DEPTH} levels, or contains itself"
            )
        limit.take(len(value))
        if isinstance(value, dict):
            return {
                key_of(key, at): _json(member, f"{at}.{key}", limit, depth + 1)
                for key, member in value.items()
            }
        return [_json(item, f"{at}[{i}]", limit, depth + 1) for i, item in enumerate(value)]
    if isinstance(value, str):
        limit.take(len(value))
    return scalar(value, at)


def key_of(key: object, at: str) -> str:
    """Checks a key of JSON."""
    if not isinstance(key, str):
        raise _invalid(at, "has a key that is not text")
    return _text(key, at)


def _text(value: str, field: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _invalid(field, "contains an unpaired surrogate, which is no Unicode text") from None
    # A subclass may have a form of its own: what counts is the text.
    return value if type(value) is str else str.__str__(value)


def _number(value: float, field: str) -> float:
    if isinstance(value, int):
        value = int.__index__(value)
    else:
        value = float.__float__(value)
        if value != value or abs(value) == float("inf"):
            raise _invalid(field, "must be a finite number")
    if abs(value) > _MAX_INTEGER:
        raise _invalid(field, "is beyond ±(2^53 - 1), where doubles are no longer exact: use text")
    return value


def _invalid(field: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{field} {problem}", field)


def _type_of(value: object) -> str:
    return type(value).__name__
