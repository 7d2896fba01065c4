"""The caller's own embedder: what is asked of it, and what it may give (spec chapter 12)."""

from __future__ import annotations

from . import _wire as wire
from ._errors import EmbedderFailedError, InvalidArgumentError
from ._wire import UNSET

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ._native import NativeArguments, NativeMemory, NativeMoving
    from ._types import Embed, EmbedderOption
    from ._wire import Unset

_ASKING = frozenset({"add", "addMany", "search", "update"})
_BATCH = 64


class Own:
    """An embedder of the caller's own that can be asked."""

    __slots__ = ("dimensions", "embed")

    def __init__(self, dimensions: int, embed: Embed) -> None:
        self.dimensions = dimensions
        self.embed = embed


class Holder:
    """What a memory shares with its views: the embedder to ask, if there is one."""

    __slots__ = ("own",)

    def __init__(self, own: Own | None) -> None:
        self.own = own


def read(value: EmbedderOption | Unset) -> tuple[dict[str, Any], Own | None]:
    """Parts the option into what goes over the wire, unchecked, and what is asked here."""
    if value is UNSET:
        return {}, None
    if not isinstance(value, dict):
        return {"embedder": wire.scalar(value, "embedder")}, None
    members: dict[str, Any] = dict(value)
    embed = members.pop("embed", None)
    if embed is not None and not callable(embed):
        raise InvalidArgumentError("embedder.embed must be callable", "embedder.embed")
    json = {
        wire.key_of(name, "embedder"): wire.scalar(member, f"embedder.{name}")
        for name, member in members.items()
    }
    dimensions = json.get("dimensions")
    if embed is None or not isinstance(dimensions, (int, float)):
        return {"embedder": json}, None
    return {"embedder": json}, Own(int(dimensions), embed)


def move(native: NativeMemory, value: EmbedderOption | Unset) -> tuple[NativeMoving, Own | None]:
    """Begins to move a store."""
    if value is UNSET:
        raise InvalidArgumentError("embedder is missing", "embedder")
    named, own = read(value)
    moving = native.reembed(named["embedder"])
    if isinstance(value, dict) and own is None and value.get("embed") is None:
        problem = "embedder.embed is missing: reembed asks it for every vector"
        raise InvalidArgumentError(problem, "embedder.embed")
    return moving, own


def needs_asking(operation: str, arguments: NativeArguments) -> bool:
    """Tells whether a call may need vectors that it does not bring.

    Of the items of `add_many` some may lack theirs.
    """
    return operation in _ASKING and (operation == "addMany" or not arguments.has_vectors)


async def ask(own: Own, texts: list[str]) -> bytes:
    """Gives the vectors of texts, one behind the other, as bytes of floats of 32 bits."""
    import asyncio  # These take long to import, and blocking code does not need them.
    import inspect

    made = []
    for batch in _batches(texts):
        try:
            if _is_coroutine_function(own.embed):
                answer: Any = own.embed(batch)
            else:
                # It may take long, and must not hold up the loop.
                answer = await asyncio.to_thread(own.embed, batch)
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as error:
            raise _failed("raised an error, which is the cause") from error
        made.append(_joined(own, answer, len(batch)))
    return b"".join(made)


def ask_here(own: Own, texts: list[str]) -> bytes:
    """Does what `ask` does, in this thread."""
    made = []
    for batch in _batches(texts):
        try:
            answer: Any = own.embed(batch)
        except Exception as error:
            raise _failed("raised an error, which is the cause") from error
        if hasattr(answer, "__await__"):
            if hasattr(answer, "close"):
                answer.close()  # A coroutine that is never awaited would warn.
            raise _failed("is asynchronous, which is for Memory: SyncMemory needs a plain function")
        made.append(_joined(own, answer, len(batch)))
    return b"".join(made)


def _batches(texts: list[str]) -> Iterator[list[str]]:
    return (texts[begin : begin + _BATCH] for begin in range(0, len(texts), _BATCH))


def _is_coroutine_function(embed: Embed) -> bool:
    import inspect

    return inspect.iscoroutinefunction(embed) or inspect.iscoroutinefunction(
        getattr(embed, "__call__", None)  # noqa: B004  # of an object that can be called
    )


def _joined(own: Own, answer: Any, count: int) -> bytes:
    try:
        vectors = [wire.vector(one, "a vector") for one in answer]
    except (TypeError, InvalidArgumentError) as error:
        raise _failed(f"gave what is no list of vectors: {error}") from None
    if len(vectors) != count:
        raise _failed(f"gave {len(vectors)} vectors for {count} texts")
    for one in vectors:
        if len(one) != 4 * own.dimensions:
            raise _failed(f"gave a vector of {len(one) // 4} components, not {own.dimensions}")
    return b"".join(vectors)


def _failed(problem: str) -> EmbedderFailedError:
    return EmbedderFailedError(f"the embedder {problem}", "embedder")
