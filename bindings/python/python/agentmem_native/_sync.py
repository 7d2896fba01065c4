"""The memory with blocking methods."""

from __future__ import annotations

from . import _embed as embedding
from . import _transport as transport
from . import _wire as wire
from ._native import NativeArguments, NativeMemory
from ._wire import UNSET

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any, NoReturn

    from ._native import Event, Hit, Imported, Record, Stats, Verification
    from ._types import (
        AddDefaults,
        AddItem,
        AsOf,
        Clock,
        Durability,
        EmbedderOption,
        History,
        JsonObject,
        Message,
        Mode,
        OnExisting,
        Order,
        Progress,
        Recency,
        Time,
        Vector,
    )
    from ._wire import Unset

# These may take long, so a signal can interrupt them. The others wait for the disk at most.
_LONG = frozenset(
    {"addMany", "search", "getAll", "delete", "clear", "changes", "compact", "verify", "backup"}
)


class _RecordCalls:
    """The calls on records, which a memory and its views have alike.

    The calls are those of `Memory`, and described there. One that is interrupted is written or not,
    never half: retry it with the same id.
    """

    __slots__ = ("_clock", "_embedder", "_native")

    _native: NativeMemory
    _clock: Clock | None
    _embedder: embedding.Holder

    def add(
        self,
        content: str | Message,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        role: str | None = None,
        name: str | None = None,
        metadata: JsonObject | None = None,
        importance: float | None = None,
        id: str | None = None,
        embedding: Vector | None = None,
        created_at: Time | None = None,
        expires_at: Time | None = None,
        ttl: float | None = None,
        dedupe: bool | None = None,
        **unknown: NoReturn,
    ) -> Record:
        """Remembers a text or a message, and gives the new record."""
        given = {
            "userId": user_id,
            "agentId": agent_id,
            "runId": run_id,
            "role": role,
            "name": name,
            "metadata": metadata,
            "importance": importance,
            "id": id,
            "embedding": embedding,
            "createdAt": created_at,
            "expiresAt": expires_at,
            "ttl": ttl,
            "dedupe": dedupe,
        }
        wire.refuse(unknown)
        arguments = NativeArguments(given, wire.ADD_DEFAULTS, "content", content)
        return self._call("add", arguments)

    def add_many(
        self, items: Sequence[AddItem], *, defaults: AddDefaults | None = None, **unknown: NoReturn
    ) -> list[Record]:
        """Remembers many, all or none, and gives the records in order."""
        wire.refuse(unknown)
        arguments = NativeArguments.of_items(wire.items(items), defaults)
        return self._call("addMany", arguments)

    def search(
        self,
        query: str,
        *,
        user_id: str | Unset | None = UNSET,
        agent_id: str | Unset | None = UNSET,
        run_id: str | Unset | None = UNSET,
        filter: JsonObject | None = None,
        since: Time | None = None,
        until: Time | None = None,
        limit: int | None = 10,
        mode: Mode | None = "hybrid",
        min_score: float | None = 0.0,
        embedding: Vector | None = None,
        recency: Recency | None = None,
        importance_weight: float | None = 0.0,
        context: int | None = 0,
        explain: bool | None = False,
        as_of: AsOf | None = None,
        **unknown: NoReturn,
    ) -> list[Hit]:
        """Finds the records that answer a query, best first."""
        given = {
            "userId": user_id,
            "agentId": agent_id,
            "runId": run_id,
            "filter": filter,
            "since": since,
            "until": until,
            "limit": limit,
            "mode": mode,
            "minScore": min_score,
            "embedding": embedding,
            "recency": recency,
            "importanceWeight": importance_weight,
            "context": context,
            "explain": explain,
            "asOf": as_of,
        }
        wire.refuse(unknown)
        arguments = NativeArguments(given, wire.SEARCH_DEFAULTS, "query", query)
        return self._call("search", arguments)

    def get(self, id: str, *, as_of: AsOf | None = None, **unknown: NoReturn) -> Record | None:
        """Gives the record with this id, or None."""
        wire.refuse(unknown)
        arguments = NativeArguments({"asOf": as_of}, wire.GET_DEFAULTS, "id", id)
        return self._call("get", arguments)

    def get_all(
        self,
        *,
        user_id: str | Unset | None = UNSET,
        agent_id: str | Unset | None = UNSET,
        run_id: str | Unset | None = UNSET,
        filter: JsonObject | None = None,
        since: Time | None = None,
        until: Time | None = None,
        limit: int | None = None,
        offset: int | None = None,
        after: str | None = None,
        order: Order | None = "desc",
        as_of: AsOf | None = None,
        **unknown: NoReturn,
    ) -> list[Record]:
        """Gives the selected records in the order of time; all of them, unless there is a limit."""
        given = {
            "userId": user_id,
            "agentId": agent_id,
            "runId": run_id,
            "filter": filter,
            "since": since,
            "until": until,
            "limit": limit,
            "offset": offset,
            "after": after,
            "order": order,
            "asOf": as_of,
        }
        wire.refuse(unknown)
        arguments = NativeArguments(given)
        return self._call("getAll", arguments)

    def update(
        self,
        id: str,
        *,
        content: str | Unset = UNSET,
        metadata: JsonObject | Unset | None = UNSET,
        importance: float | Unset | None = UNSET,
        expires_at: Time | Unset | None = UNSET,
        ttl: float | Unset | None = UNSET,
        embedding: Vector | None = None,
        if_version: int | None = None,
        **unknown: NoReturn,
    ) -> Record:
        """Changes a record, and gives it as it is then; what is left out stays, None clears."""
        given = {
            "content": content,
            "metadata": metadata,
            "importance": importance,
            "expiresAt": expires_at,
            "ttl": ttl,
            "embedding": UNSET if embedding is None else embedding,
            "ifVersion": if_version,
        }
        wire.refuse(unknown)
        arguments = NativeArguments(given, None, "id", id)
        return self._call("update", arguments)

    def delete(self, id: str, *, purge: bool | None = False, **unknown: NoReturn) -> bool:
        """Deletes a record; gives False if there is no such record.

        Args:
            id: The record's id.
            purge: Erases all its states, also of a record deleted or expired before. It rewrites
                the file.

        Raises:
            BusyError: With field `purge`: the record is gone, but another process kept old pages
                of the file in use. Its bytes go with the next write or opening that can.
        """
        given = {"purge": purge}
        wire.refuse(unknown)
        arguments = NativeArguments(given, None, "id", id)
        return self._call("delete", arguments)

    def clear(
        self,
        *,
        user_id: str | Unset | None = UNSET,
        agent_id: str | Unset | None = UNSET,
        run_id: str | Unset | None = UNSET,
        filter: JsonObject | None = None,
        since: Time | None = None,
        until: Time | None = None,
        purge: bool | None = False,
        **unknown: NoReturn,
    ) -> int:
        """Deletes the selected records, without options all of them, and gives their number.

        The options are those of `count`, and `purge` as in `delete`.
        """
        given = {
            "userId": user_id,
            "agentId": agent_id,
            "runId": run_id,
            "filter": filter,
            "since": since,
            "until": until,
            "purge": purge,
        }
        wire.refuse(unknown)
        return self._call("clear", NativeArguments(given))

    def count(
        self,
        *,
        user_id: str | Unset | None = UNSET,
        agent_id: str | Unset | None = UNSET,
        run_id: str | Unset | None = UNSET,
        filter: JsonObject | None = None,
        since: Time | None = None,
        until: Time | None = None,
        as_of: AsOf | None = None,
        **unknown: NoReturn,
    ) -> int:
        """Counts the selected records."""
        given = {
            "userId": user_id,
            "agentId": agent_id,
            "runId": run_id,
            "filter": filter,
            "since": since,
            "until": until,
            "asOf": as_of,
        }
        wire.refuse(unknown)
        return self._call("count", NativeArguments(given))

    def history(self, id: str, **unknown: NoReturn) -> list[Event]:
        """Gives the events of an id, oldest first; none for an unknown one."""
        wire.refuse(unknown)
        arguments = NativeArguments(None, None, "id", id)
        return self._call("history", arguments)

    def export_to(
        self,
        path: str | os.PathLike[str],
        *,
        history: bool | None = False,
        on_progress: Progress | None = None,
        **unknown: NoReturn,
    ) -> int:
        """Writes the records to a new file as JSON Lines, and gives their number."""
        given = {"history": history}
        exporting = transport.Exporting(self._native, path, given, unknown, on_progress)
        return exporting.run_here()

    def scoped(
        self,
        *,
        user_id: str | Unset | None = UNSET,
        agent_id: str | Unset | None = UNSET,
        run_id: str | Unset | None = UNSET,
        **unknown: NoReturn,
    ) -> SyncScopedMemory:
        """Gives a view that cannot leave a scope, to hand to code that serves one user.

        What it adds carries the ids, what it finds has them, another value for one of them is an
        error. At least one id is needed; None limits the view to records that have none.
        """
        given = {"userId": user_id, "agentId": agent_id, "runId": run_id}
        view = SyncScopedMemory.__new__(SyncScopedMemory)
        view._native = self._native.scoped(wire.options(given, unknown))
        view._clock = self._clock
        view._embedder = self._embedder
        return view

    def _call(self, operation: str, arguments: NativeArguments) -> Any:
        now = wire.now(self._clock)
        own = self._embedder.own
        if own is not None and embedding.needs_asking(operation, arguments):
            asking = self._native.ask(operation, arguments, wire.now_or_system(now))
            try:
                made = embedding.ask_here(own, wire.read(asking.texts()))
                return asking.finish(made)
            finally:
                asking.end()
        if operation in _LONG:
            # One that takes a moment is not worth another thread, which a signal needs.
            if operation == "search":
                answer = self._native.try_call(operation, arguments, now)
                if answer is not NotImplemented:
                    return answer
            return self._native.call_long(operation, arguments, now)
        return self._native.call(operation, arguments, now)


class SyncScopedMemory(_RecordCalls):
    """A view of a memory that cannot leave its scope (spec 4.5); made by `scoped`."""

    __slots__ = ()

    def __init__(self) -> None:
        raise TypeError("a view is made by SyncMemory.scoped")


class SyncMemory(_RecordCalls):
    """Long-term memory in one file: `Memory` with the same methods blocking.

    Any number of threads may use one at once.

    >>> from agentmem_native import SyncMemory
    >>> with SyncMemory() as memory:  # or SyncMemory("memory.db")
    ...     added = memory.add("Ada likes green tea", user_id="ada", metadata={"topic": "food"})
    ...     memory.update(added.id, importance=0.9).version
    ...     [hit.content for hit in memory.search("What does Ada drink?", user_id="ada")]
    2
    ['Ada likes green tea']
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
        """Makes a memory; the file is opened by the first call, which then reports its errors."""
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
    def open(
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
    ) -> SyncMemory:
        """Makes a memory, as the constructor does, and opens it at once."""
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
        memory._native.open()
        return memory

    def changes(
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
        return self._call("changes", arguments)

    def compact(self) -> int:
        """Erases expired records, and what the option `history` does not keep; gives how many."""
        return self._call("compact", NativeArguments())

    def stats(self) -> Stats:
        """Counts what the store holds."""
        return self._call("stats", NativeArguments())

    def verify(self) -> Verification:
        """Checks that rows, vectors, text index and log agree."""
        return self._call("verify", NativeArguments())

    def backup(self, path: str | os.PathLike[str]) -> int:
        """Copies the store to a new file while others go on; gives the number of its records.

        Raises:
            IoError: There is something at the path already.
        """
        return self._call("backup", NativeArguments(None, None, "path", wire.path(path)))

    def import_from(
        self,
        path: str | os.PathLike[str],
        *,
        on_existing: OnExisting | None = "error",
        on_progress: Progress | None = None,
        **unknown: NoReturn,
    ) -> Imported:
        """Takes an export in, by whichever implementation it was made."""
        given = {"onExisting": on_existing}
        now, own = wire.now(self._clock), self._embedder.own
        importing = transport.Importing(self._native, path, given, unknown, on_progress, own, now)
        return importing.run_here()

    def reembed(
        self,
        *,
        embedder: EmbedderOption | Unset = UNSET,
        on_progress: Progress | None = None,
        **unknown: NoReturn,
    ) -> int:
        """Moves the store to another embedder, and gives the number of records that it moved."""
        wire.refuse(unknown)
        moving, own = embedding.move(self._native, embedder)
        made, asked = b"", False
        while True:
            step = wire.read(moving.step(made))
            # The first step of a move that asks only tells what to ask.
            if on_progress is not None and (asked or (own is None and step["done"] > 0)):
                on_progress(step["done"], step["total"])
            if "moved" in step:
                self._embedder.own = own
                return int(step["moved"])
            if own is not None:
                made, asked = embedding.ask_here(own, step["texts"]), True

    def close(self) -> None:
        """Closes the memory, once the calls under way are done; later ones raise `ClosedError`."""
        self._native.close()

    def __enter__(self) -> SyncMemory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
