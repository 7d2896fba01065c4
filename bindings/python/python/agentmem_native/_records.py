"""The asynchronous calls on records, which a memory and its views have alike."""

from __future__ import annotations

import asyncio

from . import _embed as embedding
from . import _outcomes as outcomes
from . import _transport as transport
from . import _wire as wire
from ._native import NativeArguments
from ._wire import UNSET

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from ._native import Event, Hit, NativeMemory, Record
    from ._types import (
        AddDefaults,
        AddItem,
        AsOf,
        Clock,
        JsonObject,
        Message,
        Mode,
        Order,
        Progress,
        Recency,
        Time,
        Vector,
    )
    from ._wire import Unset


class RecordCalls:
    """The calls on records, which a memory and its views have alike.

    Calls that write do so in the order in which they are awaited, or gathered. A call whose task is
    cancelled is not done if it still waits for its turn, else it goes on by itself: a write is
    written or not, never half. Retry it with the same id.
    """

    __slots__ = ("_clock", "_embedder", "_native")

    _native: NativeMemory
    _clock: Clock | None
    _embedder: embedding.Holder

    async def add(
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
        """Remembers a text or a message, and gives the new record.

        Args:
            content: Text of 1 byte to 1 MiB that is not blank, or a message with such content.
            user_id: Whose it is; 1 to 256 bytes, as all ids.
            agent_id: The agent.
            run_id: The run, such as one conversation.
            role: Makes the record a turn of a conversation.
            name: The speaker's name.
            metadata: At most 32 levels and 64 KiB of JSON.
            importance: From 0 to 1; 0.5 by default.
            id: An add that is repeated with its id and equal fields writes nothing, so that a
                retry is safe.
            embedding: Its vector, where the store's embedder is the caller's own and shall not be
                asked: a list, a tuple or a buffer of floats, such as a numpy array.
            created_at: When it happened; now by default.
            expires_at: From then on the record counts as absent. Not together with `ttl`.
            ttl: Seconds from now to `expires_at`.
            dedupe: Gives back the live record of equal content, role, name, scope and metadata,
                if there is one.

        Raises:
            AlreadyExistsError: The id is in use by a record that was added with other fields.
        """
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
        return await self._call("add", arguments)

    async def add_many(
        self, items: Sequence[AddItem], *, defaults: AddDefaults | None = None, **unknown: NoReturn
    ) -> list[Record]:
        """Remembers many, all or none, and gives the records in order.

        Args:
            items: Content with any option of `add`: `{"content": "tea", "user_id": "ada"}`. At most
                100,000, with 256 MiB of content and metadata together.
            defaults: Any option of `add` but `id`; holds where an item does not have it.
        """
        wire.refuse(unknown)
        arguments = NativeArguments.of_items(wire.items(items), defaults)
        return await self._call("addMany", arguments)

    async def search(
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
        """Finds the records that answer a query, best first.

        Args:
            query: Text of at most 1 MiB; a blank one finds nothing.
            user_id: A text selects the records with just that value, None those that have none;
                left out, it selects any. So do the other ids.
            agent_id: See `user_id`.
            run_id: See `user_id`.
            filter: A filter over metadata, such as `{"topic": "food", "rating": {"$gte": 3}}`.
            since: The earliest `created_at`.
            until: The first `created_at` that is too late.
            limit: The most hits to give, 1 to 1000.
            mode: Words and vectors together (`hybrid`), words alone (`lexical`), or vectors alone
                (`semantic`).
            min_score: Leaves out hits with a lower score, 0 to 1.
            embedding: The query's vector, as in `add`.
            recency: Lets newer records come first: `{"weight": 0.5, "half_life": 86400}` adds 0.5
                to the score of a record that is new, 0.25 to that of one a day old, and so on,
                before all is divided by 1.5. The weight is 0 to 100, the half-life in seconds.
            importance_weight: How much `importance` counts beside the score, which counts 1; 0 to
                100.
            context: How many turns of the same user, agent and run each hit brings from before it
                and from after it, whatever the filter; 0 to 20.
            explain: Whether each hit tells why it was found, in numbers.
            as_of: As in `get`. The cost grows with the number of records that are searched.
        """
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
        return await self._call("search", arguments)

    async def get(
        self, id: str, *, as_of: AsOf | None = None, **unknown: NoReturn
    ) -> Record | None:
        """Gives the record with this id, or None.

        Args:
            id: That of the record.
            as_of: Asks of the store as it was: after all that was written until a time, or after
                an event, `{"seq": 7}`. What was purged is gone from the past as well.
        """
        wire.refuse(unknown)
        arguments = NativeArguments({"asOf": as_of}, wire.GET_DEFAULTS, "id", id)
        return await self._call("get", arguments)

    async def get_all(
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
        """Gives the selected records in the order of time; all of them, unless there is a limit.

        Args:
            user_id: As in `search`, and so on to `until`.
            agent_id: See `user_id`.
            run_id: See `user_id`.
            filter: A filter over metadata.
            since: The earliest `created_at`.
            until: The first `created_at` that is too late.
            limit: The most records to give, at least 1.
            offset: How many records to skip; not together with `after`.
            after: The id of the record to go on behind, also of one that was deleted or has
                expired since.
            order: Newest first (`desc`) or oldest first (`asc`), by `created_at`, then by order of
                adding.
            as_of: As in `get`.

        Raises:
            NotFoundError: There never was a record with the id `after`.
        """
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
        return await self._call("getAll", arguments)

    async def update(
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
        """Changes a record, and gives it as it is then; what is left out stays, None clears.

        Args:
            id: The record's id.
            content: The new content.
            metadata: Replaces the whole; None makes it empty.
            importance: None makes it 0.5.
            expires_at: None takes the expiry away. Not together with `ttl`.
            ttl: Seconds from now to `expires_at`.
            embedding: The new vector, as in `add`.
            if_version: The version that the record must have.

        Raises:
            NotFoundError: There is no such record.
            ConflictError: The record has another version than `if_version`.
        """
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
        return await self._call("update", arguments)

    async def delete(self, id: str, *, purge: bool | None = False, **unknown: NoReturn) -> bool:
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
        return await self._call("delete", arguments)

    async def clear(
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
        return await self._call("clear", NativeArguments(given))

    async def count(
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
        """Counts the selected records.

        Args:
            user_id: As in `search`, and so on to `until`.
            agent_id: See `user_id`.
            run_id: See `user_id`.
            filter: A filter over metadata.
            since: The earliest `created_at`.
            until: The first `created_at` that is too late.
            as_of: As in `get`.
        """
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
        return await self._call("count", NativeArguments(given))

    async def history(self, id: str, **unknown: NoReturn) -> list[Event]:
        """Gives the events of an id, oldest first; none for an unknown one."""
        wire.refuse(unknown)
        arguments = NativeArguments(None, None, "id", id)
        return await self._call("history", arguments)

    async def export_to(
        self,
        path: str | os.PathLike[str],
        *,
        history: bool | None = False,
        on_progress: Progress | None = None,
        **unknown: NoReturn,
    ) -> int:
        """Writes the records to a new file as JSON Lines, lossless, and gives their number.

        Through a view these are the records of its scope alone. The export is of the state of the
        beginning, while others go on. Of one that ends early no file is left.

        Args:
            path: Where the file shall be; there must be nothing yet.
            history: Whether all events go along, with the earlier states of records.
            on_progress: Hears after each part how many lines are done, of how many.

        Raises:
            IoError: There is something at the path already.
            ConflictError: Something of what is exported was erased meanwhile.
        """
        given = {"history": history}
        exporting = transport.Exporting(self._native, path, given, unknown, on_progress)
        return await exporting.run()

    def scoped(
        self,
        *,
        user_id: str | Unset | None = UNSET,
        agent_id: str | Unset | None = UNSET,
        run_id: str | Unset | None = UNSET,
        **unknown: NoReturn,
    ) -> ScopedMemory:
        """Gives a view that cannot leave a scope, to hand to code that serves one user.

        What it adds carries the ids, what it finds has them, another value for one of them is an
        error. At least one id is needed; None limits the view to records that have none.
        """
        given = {"userId": user_id, "agentId": agent_id, "runId": run_id}
        view = ScopedMemory.__new__(ScopedMemory)
        view._native = self._native.scoped(wire.options(given, unknown))
        view._clock = self._clock
        view._embedder = self._embedder
        return view

    async def _call(self, operation: str, arguments: NativeArguments) -> Any:
        """Does an operation; its place among the others is taken before the first wait.

        One for which the caller's embedder is asked takes it when it has its vectors.
        """
        now = wire.now(self._clock)
        own = self._embedder.own
        if own is not None and embedding.needs_asking(operation, arguments):
            asking = self._native.ask(operation, arguments, wire.now_or_system(now))
            try:
                texts = wire.read(await outcomes.wait(asking.submit_texts))
                made = await embedding.ask(own, texts)
                return await outcomes.wait(lambda waiter: asking.submit(made, waiter))
            finally:
                asking.end()
        if operation in outcomes.AT_ONCE and outcomes.may_answer_at_once():
            answer = self._native.try_call(operation, arguments, now)
            if answer is not NotImplemented:
                if outcomes.loop_is_due():
                    await asyncio.sleep(0)
                return answer
        return await outcomes.wait(
            lambda waiter: self._native.submit(operation, arguments, now, waiter)
        )


class ScopedMemory(RecordCalls):
    """A view of a memory that cannot leave its scope (spec 4.5); made by `scoped`."""

    __slots__ = ()

    def __init__(self) -> None:
        raise TypeError("a view is made by Memory.scoped")
