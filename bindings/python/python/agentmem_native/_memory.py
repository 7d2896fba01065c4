"""The memory with asynchronous methods."""

from __future__ import annotations

from . import _embed as embedding
from . import _outcomes as outcomes
from . import _transport as transport
from . import _wire as wire
from ._native import NativeArguments, NativeMemory
from ._records import RecordCalls, ScopedMemory
from ._wire import UNSET

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Any, NoReturn

    from ._native import Event, Imported, NativeMoving, Stats, Verification
    from ._types import (
        Clock,
        Durability,
        EmbedderOption,
        History,
        OnExisting,
        Progress,
    )
    from ._wire import Unset

__all__ = ["Memory", "ScopedMemory"]


class Memory(RecordCalls):
    """Long-term memory in one file, which any number of processes may have open at once.

    Every write that was awaited is on the disk. Calls never block the event loop on it; they may
    come from any number of tasks, event loops and threads.

    >>> import asyncio
    >>> from agentmem_native import Memory
    >>>
    >>> async def main() -> None:
    ...     async with Memory() as memory:  # or Memory("memory.db")
    ...         await memory.add("Ada likes green tea", user_id="ada")
    ...         await memory.add("Bob likes black coffee", user_id="bob")
    ...         for hit in await memory.search("What does Ada drink?", user_id="ada"):
    ...             print(hit.content)
    >>>
    >>> asyncio.run(main())
    Ada likes green tea
    """

    __slots__ = ()

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        create: bool | None = True,
        read_only: bool | None = False,
        durability: Durability | None = "full",
        busy_timeout: int | None = 5000,
        cache_bytes: int | None = 268_435_456,
        max_queued: int | None = 10_000,
        history: History | None = "keep",
        embedder: EmbedderOption | Unset = UNSET,
        clock: Clock | None = None,
        **unknown: NoReturn,
    ) -> None:
        """Makes a memory; the file is opened by the first call, which then reports its errors.

        Args:
            path: The file, made if it is missing; None, or ":memory:", for a memory that is gone
                when it is closed.
            create: Makes the file if it is missing.
            read_only: Refuses every write with `ReadOnlyError`; only with a file.
            durability: What an acknowledged write survives: `full` a power loss, `normal` a killed
                process.
            busy_timeout: Milliseconds that a call waits for another process before `BusyError`.
            cache_bytes: About how much memory loaded search indexes may take.
            max_queued: How many calls may be under way at once; one more raises `LimitError`.
            history: Which superseded states `compact` leaves: `keep`, `none` or `{"days": n}`.
            embedder: What makes the vectors: `builtin`, an embedder of the caller's own, such as
                `{"id": "mine", "dimensions": 384, "embed": embed}`, or None for none. Left out, it
                is what the store says, and in a new one the built-in table.
            clock: Gives milliseconds since 1970; the system's clock by default.

        Raises:
            InvalidArgumentError: An argument cannot be used.
        """
        given = {
            "create": create,
            "readOnly": read_only,
            "durability": durability,
            "busyTimeout": busy_timeout,
            "cacheBytes": cache_bytes,
            "maxQueued": max_queued,
            "history": history,
        }
        self._clock = wire.clock(clock)
        named, own = embedding.read(embedder)
        self._embedder = embedding.Holder(own)
        options = {**wire.options(given, unknown), **named}
        self._native = NativeMemory(wire.path(path), options)

    @classmethod
    async def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        create: bool | None = True,
        read_only: bool | None = False,
        durability: Durability | None = "full",
        busy_timeout: int | None = 5000,
        cache_bytes: int | None = 268_435_456,
        max_queued: int | None = 10_000,
        history: History | None = "keep",
        embedder: EmbedderOption | Unset = UNSET,
        clock: Clock | None = None,
        **unknown: NoReturn,
    ) -> Memory:
        """Makes a memory, as the constructor does, and opens it at once.

        Raises:
            IoError: The path is a folder, or the file is missing with `create=False`.
            UnsupportedFormatError: The file is not a store, or of a newer format.
            CorruptError: The file is damaged.
            BusyError: Another process held it for too long.
            EmbedderMismatchError: The store has another embedder than the one that is named.
        """
        memory = cls(
            path,
            create=create,
            read_only=read_only,
            durability=durability,
            busy_timeout=busy_timeout,
            cache_bytes=cache_bytes,
            max_queued=max_queued,
            history=history,
            embedder=embedder,
            clock=clock,
            **unknown,
        )
        await outcomes.wait(memory._native.submit_open)
        return memory

    async def changes(
        self, *, after: int | None = 0, limit: int | None = None, **unknown: NoReturn
    ) -> list[Event]:
        """Gives the events of the whole store in order.

        Args:
            after: Those with a greater `seq`.
            limit: The most events to give, at least 1.
        """
        given = {"after": after, "limit": limit}
        wire.refuse(unknown)
        arguments = NativeArguments(given)
        return await self._call("changes", arguments)

    async def compact(self) -> int:
        """Erases expired records, and what the option `history` does not keep; gives how many."""
        return await self._call("compact", NativeArguments())

    async def stats(self) -> Stats:
        """Counts what the store holds."""
        return await self._call("stats", NativeArguments())

    async def verify(self) -> Verification:
        """Checks that rows, vectors, text index and log agree."""
        return await self._call("verify", NativeArguments())

    async def backup(self, path: str | os.PathLike[str]) -> int:
        """Copies the store to a new file while others go on; gives the number of its records.

        Raises:
            IoError: There is something at the path already.
        """
        return await self._call("backup", NativeArguments(None, None, "path", wire.path(path)))

    async def import_from(
        self,
        path: str | os.PathLike[str],
        *,
        on_existing: OnExisting | None = "error",
        on_progress: Progress | None = None,
        **unknown: NoReturn,
    ) -> Imported:
        """Takes an export in, by whichever implementation it was made.

        The whole file is checked before anything is written. One that was interrupted is done
        again, and goes on.

        Args:
            path: The file.
            on_existing: What becomes of a record that is there already, with other fields:
                `error`, so that nothing is imported, `skip` or `replace`.
            on_progress: Hears after each part how many lines are done, of how many.

        Raises:
            CorruptError: The file is wrong in the line that the field names (`lines[3]`).
            UnsupportedFormatError: It is no export, or of a newer version.
            AlreadyExistsError: An id is in use, or a history has no place in this store.
            EmbedderMismatchError: Vectors are needed, and nothing can make them.
        """
        given = {"onExisting": on_existing}
        now, own = wire.now(self._clock), self._embedder.own
        importing = transport.Importing(self._native, path, given, unknown, on_progress, own, now)
        return await importing.run()

    async def reembed(
        self,
        *,
        embedder: EmbedderOption | Unset = UNSET,
        on_progress: Progress | None = None,
        **unknown: NoReturn,
    ) -> int:
        """Moves the store to another embedder, and gives the number of records that it moved.

        Searches and writes go on with the old one until every record has its new vector. A move
        that ends early, because it is cancelled, `embed` raises, the memory is closed or the
        process killed, leaves the store as it was, and the next one goes on.

        Args:
            embedder: As in the constructor; one of the caller's own has `embed`.
            on_progress: Hears after each batch how many records have their new vector, of how
                many. What it raises ends the call.

        Raises:
            EmbedderFailedError: `embed` raised, or gave what cannot be used.
        """
        wire.refuse(unknown)
        moving, own = embedding.move(self._native, embedder)
        made, asked = b"", False
        while True:
            step = await _step(moving, made)
            # The first step of a move that asks only tells what to ask.
            if on_progress is not None and (asked or (own is None and step["done"] > 0)):
                on_progress(step["done"], step["total"])
            if "moved" in step:
                self._embedder.own = own
                return int(step["moved"])
            if own is not None:
                made, asked = await embedding.ask(own, step["texts"]), True

    async def close(self) -> None:
        """Closes the memory, once the calls under way are done; later ones raise `ClosedError`."""
        await outcomes.wait(self._native.submit_close)

    async def __aenter__(self) -> Memory:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def _step(moving: NativeMoving, made: bytes) -> Any:
    return wire.read(await outcomes.wait(lambda waiter: moving.submit_step(made, waiter)))
