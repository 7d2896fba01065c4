"""What conformance cases cannot say of `Memory`: tasks, loops, threads, cancellation, forks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import agentmem_native
import pytest
from agentmem_native import (
    UNSET,
    AgentMemError,
    ClosedError,
    HitContext,
    HitExplanation,
    HitTerm,
    InvalidArgumentError,
    IoError,
    LimitError,
    Memory,
    NotFoundError,
    ScopedMemory,
    SyncMemory,
    UnsupportedFormatError,
)


async def test_a_thousand_tasks_write_in_the_order_of_their_start(tmp_path: Path) -> None:
    async with Memory(tmp_path / "store.db") as memory:
        calls = [memory.add(f"number {n}", metadata={"n": n}) for n in range(1000)]
        added = await asyncio.gather(*calls)
        assert await memory.count() == 1000
    # Generated ids grow in the order of writing.
    in_order = sorted(added, key=lambda record: record.id)
    assert [record.metadata["n"] for record in in_order] == list(range(1000))


async def test_the_event_loop_goes_on_while_a_large_write_runs(tmp_path: Path) -> None:
    async with Memory(tmp_path / "store.db") as memory:
        items: list[Any] = [{"content": f"green tea number {n} " * 20} for n in range(3000)]
        adding = asyncio.create_task(memory.add_many(items))
        ticks = 0
        while not adding.done():
            await asyncio.sleep(0)
            ticks += 1
        assert len(await adding) == 3000
    assert ticks > 10


async def test_the_event_loop_goes_on_while_one_task_awaits_what_is_loaded() -> None:
    async with Memory() as memory:
        record = await memory.add("green tea", id="it")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        timers: list[int] = []
        asyncio.get_running_loop().call_later(0.001, lambda: timers.append(ticks))
        ticking = asyncio.create_task(tick())
        for _ in range(5000):
            assert await memory.get("it") == record
            assert [hit.id for hit in await memory.search("tea")] == ["it"]
        ticking.cancel()
    assert ticks > 10
    assert timers != []


async def test_many_tasks_at_once_are_answered_alike_at_once_and_through_the_pool() -> None:
    async with Memory() as memory:
        await memory.add("green tea", id="it")
        first = await memory.search("tea")
        answers = await asyncio.gather(*(memory.search("tea") for _ in range(500)))
        assert answers == [first] * 500


async def test_what_is_cancelled_is_written_or_not_and_the_memory_goes_on(tmp_path: Path) -> None:
    async with Memory(tmp_path / "store.db") as memory:
        tasks = [asyncio.create_task(memory.add("tea", id=str(n))) for n in range(200)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in outcomes[::2])
        assert not any(isinstance(one, BaseException) for one in outcomes[1::2])
        # A retry with the same id is safe, whatever became of the first.
        again = await asyncio.gather(*(memory.add("tea", id=str(n)) for n in range(200)))
        assert [record.version for record in again] == [1] * 200
        assert await memory.count() == 200


def test_one_memory_serves_several_loops_in_several_threads(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "store.db")
    found: list[int] = []

    async def work() -> None:
        await asyncio.gather(*(memory.add("tea") for _ in range(50)))
        found.append(await memory.count())

    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(found) == 100
    asyncio.run(memory.close())


def test_a_loop_that_is_closed_before_the_answer_comes_is_left_alone(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "store.db")

    async def leave() -> None:
        task = asyncio.create_task(memory.add("tea", id="it"))
        await asyncio.sleep(0)
        task.cancel()

    for _ in range(20):
        asyncio.run(leave())

    async def look() -> None:
        await memory.add("tea", id="it")
        assert await memory.count() == 1
        await memory.close()

    asyncio.run(look())


async def test_close_waits_for_the_calls_under_way_and_refuses_later_ones(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "store.db")
    view = memory.scoped(user_id="ada")
    tasks = [asyncio.create_task(view.add("tea")) for _ in range(100)]
    await asyncio.sleep(0)
    await asyncio.gather(memory.close(), memory.close())
    assert not (tmp_path / "store.db-wal").exists()
    assert len({record.id for record in await asyncio.gather(*tasks)}) == 100
    with pytest.raises(ClosedError) as caught:
        await view.count()
    assert (caught.value.code, caught.value.field) == ("CLOSED", None)
    with pytest.raises(ClosedError):
        memory.scoped(user_id="ada")


async def test_opening_fails_with_the_first_call_or_at_once(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "store.db"
    memory = Memory(path)
    outcomes = await asyncio.gather(memory.add("tea"), memory.count(), return_exceptions=True)
    assert [(type(one), getattr(one, "field", None)) for one in outcomes] == [(IoError, "path")] * 2
    path.parent.mkdir()
    assert (await memory.add("tea")).version == 1
    await memory.close()

    (tmp_path / "list").write_text("a shopping list, long enough to be looked at " * 20)
    with pytest.raises(UnsupportedFormatError):
        await Memory.open(tmp_path / "list")
    with pytest.raises(IoError):
        await Memory.open(str(tmp_path / "none.db"), create=False)


async def test_times_are_aware_datetimes_in_utc_exact_to_the_millisecond() -> None:
    async with Memory() as memory:
        east = timezone(timedelta(hours=5, minutes=45))
        given = datetime(2023, 5, 8, 13, 56, 0, 123999, tzinfo=east)
        record = await memory.add("tea", created_at=given, ttl=0.5)
        assert record.created_at == datetime(2023, 5, 8, 8, 11, 0, 123000, tzinfo=timezone.utc)
        assert record.created_at.tzinfo is timezone.utc
        assert record.expires_at == record.updated_at + timedelta(seconds=0.5)
        odd = timezone(timedelta(minutes=53, seconds=28))
        record = await memory.add("tea", created_at=datetime(2023, 5, 8, tzinfo=odd))
        assert record.created_at == datetime(2023, 5, 7, 23, 6, 32, tzinfo=timezone.utc)
        for bad in (datetime(2023, 5, 8), given.date(), 1.5, datetime.min.replace(tzinfo=odd)):
            with pytest.raises(InvalidArgumentError) as caught:
                await memory.add("tea", created_at=bad)  # type: ignore[arg-type]  # what types forbid
            assert caught.value.field == "createdAt"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": {1, 2}}, "metadata.a"),
        ({"a": [b"x"]}, "metadata.a[0]"),
        ({"a": float("nan")}, "metadata.a"),
        ({"a": ("x", 2**53)}, "metadata.a[1]"),
        ({"a": -(10**400)}, "metadata.a"),
        ({"a": {2: 1}}, "metadata.a"),
        ({"a": "\ud800"}, "metadata.a"),
        ({"a": {"\udfff": 1}}, "metadata.a"),
        ({"a": UNSET}, "metadata.a"),
        ([("a", 1)], "metadata"),
    ],
)
async def test_what_is_not_json_is_refused_with_its_path(value: Any, field: str) -> None:
    async with Memory() as memory:
        with pytest.raises(InvalidArgumentError) as caught:
            await memory.add("tea", metadata=value)
        assert caught.value.field == field
        assert await memory.count() == 0


async def test_values_that_contain_or_share_themselves_are_refused_in_time() -> None:
    endless: list[Any] = []
    endless.append(endless)
    shared: list[Any] = ["x"]
    for _ in range(30):
        shared = [shared, shared]
    async with Memory() as memory:
        for value in (endless, shared):
            with pytest.raises(InvalidArgumentError) as caught:
                await memory.add("tea", metadata={"a": value})
            assert caught.value.field == "metadata"


async def test_subclasses_count_as_the_value_that_they_extend() -> None:
    class Text(str):
        def __str__(self) -> str:
            return "another"

    class Whole(int):
        def __repr__(self) -> str:
            return "another"

    async with Memory() as memory:
        record = await memory.add(Text("tea"), metadata={Text("k"): Text("v"), "n": Whole(3)})
        assert (record.content, record.metadata) == ("tea", {"k": "v", "n": 3})


async def test_options_are_known_by_their_python_names_and_errors_by_the_wire_names() -> None:
    async with Memory() as memory:
        misspelt: list[Any] = [{"content": "tea", "userId": "ada"}]
        calls: list[tuple[Any, str]] = [
            (lambda: memory.add("tea", userId="ada"), "userId"),  # type: ignore[arg-type]  # what types forbid
            (lambda: memory.get("it", as_of=1), "asOf"),  # type: ignore[arg-type]  # what types forbid
            (lambda: memory.add_many(misspelt), "items[0].userId"),
            (lambda: memory.add("tea", user_id=5), "userId"),  # type: ignore[arg-type]  # what types forbid
            (lambda: memory.search("tea", min_score=2), "minScore"),
            (lambda: memory.update("it", if_version=1), "options"),
        ]
        for call, field in calls:
            with pytest.raises(InvalidArgumentError) as caught:
                await call()
            assert caught.value.field == field
    bad: list[dict[str, Any]] = [{"busy_timeout": -1}, {"path": 5}, {"path": b"x"}, {"bogus": 1}]
    for arguments in bad:
        with pytest.raises(InvalidArgumentError):
            Memory(**arguments)


async def test_none_is_a_value_for_scope_ids_and_what_is_left_out_is_any() -> None:
    async with Memory() as memory:
        await memory.add("nobody's tea")
        await memory.add("Ada's tea", user_id="ada")
        assert await memory.count() == 2
        assert await memory.count(user_id=UNSET) == 2
        assert await memory.count(user_id=None) == 1
        view = memory.scoped(user_id=None)
        assert isinstance(view, ScopedMemory)
        assert [record.content for record in await view.get_all()] == ["nobody's tea"]
        with pytest.raises(TypeError):
            ScopedMemory()


async def test_the_clock_is_read_once_per_call_and_checked() -> None:
    reads: list[float] = []

    def clock() -> float:
        reads.append(1000 * (len(reads) + 1) + 0.9)
        return reads[-1]

    async with Memory(clock=clock) as memory:
        record = await memory.add("tea")
        assert record.created_at == datetime.fromtimestamp(1, timezone.utc)
        assert len(reads) == 1

    def broken() -> float:
        raise OSError("no clock")

    answers: list[Any] = ["now", True, -1, float("nan"), 1e18, None]
    clocks: list[Any] = [broken, *(partial(next, cycle([answer])) for answer in answers)]
    for bad in clocks:
        async with Memory(clock=bad) as memory:
            with pytest.raises(InvalidArgumentError) as caught:
                await memory.count()
            assert caught.value.field == "clock"


async def test_errors_are_told_apart_by_class_and_survive_pickling() -> None:
    async with Memory() as memory:
        with pytest.raises(NotFoundError) as caught:
            await memory.update("absent", importance=1)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), copy.code, copy.field) == (NotFoundError, "NOT_FOUND", "id")
    assert str(copy) == str(caught.value)
    assert issubclass(NotFoundError, AgentMemError)
    assert not hasattr(agentmem_native, "MemoryError")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_after_a_fork_the_child_answers_closed_and_can_open_its_own(tmp_path: Path) -> None:
    script = """
import os, sys
from agentmem_native import ClosedError, SyncMemory

memory, unopened = SyncMemory(sys.argv[1]), SyncMemory(sys.argv[2])
memory.add("tea")
child = os.fork()
if child == 0:
    try:
        memory.count()
    except ClosedError:
        memory.close()
        unopened.add_many([{"content": "from the child"}])
        os._exit(unopened.count())
    os._exit(99)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
assert memory.count() == 1
"""
    paths = [str(tmp_path / "one.db"), str(tmp_path / "two.db")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True, timeout=60)


def test_a_process_ends_by_itself_with_a_memory_open_and_calls_under_way(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from agentmem_native import Memory

memory = Memory(sys.argv[1])

async def main():
    await memory.add("tea")
    for _ in range(50):
        asyncio.create_task(memory.add("left alone"))
    await asyncio.sleep(0)

asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path / "store.db")]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True)
    assert done.stderr == b""


async def test_a_memory_that_is_dropped_lets_its_calls_finish(tmp_path: Path) -> None:
    task = asyncio.create_task(Memory(tmp_path / "store.db").add("tea"))
    await asyncio.sleep(0)
    gc.collect()
    assert (await task).version == 1


HOLDING = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.asynccontextmanager
async def held(path: Path) -> AsyncIterator[None]:
    """Makes another process hold a store, so that no write gets on."""
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDING, str(path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    await holder.stdout.readline()
    yield
    holder.stdin.close()
    await holder.wait()


async def test_one_call_more_than_max_queued_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with await Memory.open(path, max_queued=100, busy_timeout=60_000) as memory:
        # So that no call ends before all have begun.
        async with held(path):
            calls = [asyncio.ensure_future(memory.add(f"note {n}")) for n in range(150)]
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            assert all(isinstance(call.exception(), LimitError) for call in done)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(refused) == 50
        assert await memory.count() == 100


async def test_what_waits_when_its_task_is_cancelled_is_not_written_and_makes_room(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    async with await Memory.open(path, max_queued=1000, busy_timeout=60_000) as memory:
        async with held(path):
            tasks = [
                asyncio.create_task(memory.add("tea", id=f"cancelled {n}")) for n in range(1000)
            ]
            await asyncio.sleep(0)
            with pytest.raises(LimitError):
                await memory.count()
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in outcomes)
            # No more than one group of 256 had begun.
            others = [memory.add("milk", id=f"other {n}") for n in range(700)]
            waiting = asyncio.gather(*others)
            await asyncio.sleep(0)
        await waiting
        there = [record.id for record in await memory.get_all()]
        assert sum(id.startswith("other") for id in there) == 700
        assert len(there) <= 700 + 256
        assert (await memory.verify()).ok


class Unwatching(asyncio.SelectorEventLoop):
    """A loop that cannot watch pipes, as that of Windows, or no more than it has."""

    error: type[Exception] = NotImplementedError

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]  # it takes nothing
        raise self.error


@pytest.mark.parametrize("error", [NotImplementedError, OSError])
def test_a_loop_that_cannot_watch_a_pipe_is_called(tmp_path: Path, error: Any) -> None:
    loop = Unwatching()
    loop.error = error

    async def work() -> None:
        async with Memory(tmp_path / "store.db") as memory:
            added = await asyncio.gather(*(memory.add("tea", id=str(n)) for n in range(300)))
            assert [record.id for record in added] == [str(n) for n in range(300)]
            with pytest.raises(NotFoundError):
                await memory.update("absent", importance=1)
            task = asyncio.create_task(memory.count())
            await asyncio.sleep(0)
            task.cancel()
            assert await memory.count() == 300

    loop.run_until_complete(work())
    loop.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted on Linux")
def test_loops_that_are_gone_leave_no_descriptor(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "store.db")

    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    asyncio.run(memory.add("tea"))
    before = descriptors()
    for _ in range(50):
        asyncio.run(memory.add("tea"))
    assert descriptors() <= before + 5
    asyncio.run(memory.close())


EXITING = """
import asyncio, sys
from agentmem_native import Memory

class Unwatching(asyncio.SelectorEventLoop):
    def add_reader(self, fd, callback, *args):
        if sys.argv[2] == "called" and callback.__module__ == "agentmem_native._outcomes":
            raise NotImplementedError
        super().add_reader(fd, callback, *args)

async def main(path):
    memory = Memory(path)
    await memory.add("waited for")
    calls = [asyncio.ensure_future(memory.add(f"left in flight {n}")) for n in range(20)]
    await asyncio.sleep(0)

asyncio.set_event_loop(Unwatching())
asyncio.get_event_loop().run_until_complete(main(sys.argv[1]))
"""


@pytest.mark.parametrize("way", ["watched", "called"])
def test_an_interpreter_that_ends_with_calls_in_flight_is_not_torn_down(
    tmp_path: Path, way: str
) -> None:
    # A thread of the pool that enters the interpreter while it ends would abort the process.
    # Before deliveries were ended at exit, one in ten did.
    for batch in range(6):
        command = [sys.executable, "-W", "ignore", "-c", EXITING]
        processes = [
            subprocess.Popen(
                [*command, str(tmp_path / f"{batch}-{n}.db"), way], stderr=subprocess.PIPE
            )
            for n in range(6)
        ]
        ends = [(process.communicate()[1], process.returncode) for process in processes]
        assert [code for _, code in ends] == [0] * 6, ends


def test_a_hit_has_a_context_where_it_was_asked_for() -> None:
    with SyncMemory() as memory:
        memory.add({"role": "user", "content": "Any plans for May?"}, user_id="eve")
        memory.add({"role": "assistant", "content": "A trip to Kyoto"}, user_id="eve")
        (plain,) = memory.search("Kyoto", user_id="eve", mode="lexical", limit=1)
        assert plain.context is None
        (hit,) = memory.search("Kyoto", user_id="eve", mode="lexical", limit=1, context=1)
        assert isinstance(hit.context, HitContext)
        assert [turn.content for turn in hit.context.before] == ["Any plans for May?"]
        assert hit.context.after == []
        assert memory.get(hit.context.before[0].id) == hit.context.before[0]


def test_a_hit_tells_why_it_was_found_where_it_was_asked_for() -> None:
    with SyncMemory() as memory:
        memory.add({"role": "user", "content": "Any plans for May?"}, user_id="eve")
        memory.add({"role": "assistant", "content": "A trip to Kyoto"}, user_id="eve")
        plain = memory.search("trips in May", user_id="eve")
        assert [hit.explain for hit in plain] == [None, None]
        hits = memory.search("trips in May", user_id="eve", explain=True)
        (why,) = [hit.explain for hit in hits if hit.content == "A trip to Kyoto"]
        assert isinstance(why, HitExplanation)
        assert why.terms == [
            HitTerm("trip", 1, 0.0, why.terms[0].weight),
            HitTerm("may", 0, 0.5, why.terms[1].weight),
        ]
        assert why.bm25 == why.terms[0].weight + why.terms[1].weight
        assert (why.likelihood, why.relevance, why.recency) == (hits[0].score, None, None)


def test_members_of_recency_are_named_as_in_python() -> None:
    with SyncMemory() as memory:
        memory.add("Bob lives in Oslo", id="old", created_at="2023-02-11T12:00:00Z")
        memory.add("Bob moved to Berlin", id="new")
        (hit,) = memory.search("Bob", limit=1, recency={"weight": 1, "half_life": 86_400})
        assert hit.id == "new"
        with pytest.raises(InvalidArgumentError) as raised:
            memory.search("Bob", recency={"weight": 1, "halfLife": 86_400})  # type: ignore[arg-type]  # on purpose
        assert raised.value.field == "recency.halfLife"
