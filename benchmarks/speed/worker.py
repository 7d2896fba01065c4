"""The workloads of one system of Python, in a process of their own: worker.py TASK RESULT

worker.mjs and rust/src are the same for the other two languages. A task has

    system, kind       as in systems/__init__.py
    workloads          a list of names, of those that README.md describes
    records, made      how many are used, of how many that were made
    whole              whether these are all, so that the exact answers hold
    own                whether they are all of each user
    data, store        folders: what data.py wrote, and what is kept of it
    seconds            at most so long for one kind of call
    adds, together     how many are added one by one, and how many by 64 at once

and a result has for each workload an object of seconds, bytes and shares.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import memory
import systems
from measure import BRIEF, held, timed
from systems import DIMENSIONS, Question, Record

Task = dict[str, Any]
Result = dict[str, Any]
Job = Callable[[systems.System, Task], Coroutine[Any, Any, Result]]

BATCH = 256
TOGETHER = 64
SEARCHES = 5000
GETS = 2000
CHANGES = 200
MODES = {"vectors": ("semantic",), "vectors128": ("semantic",), "text": ("lexical", "hybrid")}
PARTS, ROUND = 200, 10
"""Awaited and blocking calls take turns so often, with a tenth of the questions at a time."""
CATEGORY = "c3"
CHANGED = "what was said is no longer true, and has been put in other words"


def main(task_path: str, result_path: str) -> None:
    task: Task = json.loads(Path(task_path).read_text("utf-8"))
    result = asyncio.run(work(task))
    Path(result_path).write_text(json.dumps(result), "utf-8")
    # What a system leaves running must not hold up the benchmark.
    sys.stdout.flush()
    os._exit(0)


async def work(task: Task) -> Result:
    result: Result = {}
    system: systems.System | None = None
    for name in task["workloads"]:
        if name in ("W1", "syncs"):
            result[name] = await (adding if name == "W1" else syncs)(task)
            continue
        if name == "W2":
            system, result[name] = await filling(task)
            continue
        if system is None:
            system = await opened(task)
        result[name] = await WORKLOADS[name](system, task)
        result[name].setdefault("peak", memory.peak())
    if system is not None:
        await besides(system, task, result)
    return result


async def opened(task: Task) -> systems.System:
    """Opens the store; where there is none yet it is made, which nobody times."""
    store = Path(task["store"])
    if systems.SYSTEMS[task["system"]].volatile or not store.exists():
        system, _ = await filling(task)
        if systems.SYSTEMS[task["system"]].volatile:
            return system
        await settle(system.close())
    return await fresh(task, store)


async def fresh(task: Task, folder: Path) -> systems.System:
    system = systems.load(task["system"])
    folder.mkdir(parents=True, exist_ok=True)
    await settle(system.open(folder, task["kind"]))
    return system


async def settle(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


# W1


async def adding(task: Task) -> Result:
    """Adds one by one, in batches of 64, and 64 at once where the system takes that."""
    seconds, (first, *rest) = task["seconds"], next(batches(task, task["adds"]))

    async def begun(what: str) -> systems.System:
        system = await fresh(task, Path(task["store"] + what))
        await settle(system.add(first))
        return system

    system = await begun("-one")
    add = await timed(rest, system.add, seconds, awaited=is_awaited(system))
    await settle(system.close())
    system = await begun("-batches")
    result: Result = {"add": add, "batch": await batched(system, rest, seconds)}
    await settle(system.close())
    if systems.SYSTEMS[task["system"]].together:
        _, *many = next(batches(task, task["together"]))
        system = await begun("-together")
        wall, spent = time.perf_counter(), time.process_time()
        await together(system, many)
        result["together"] = {
            "rate": len(many) / (time.perf_counter() - wall),
            "cpu": (time.process_time() - spent) / len(many),
        }
        await settle(system.close())
    return result


async def batched(system: systems.System, records: Sequence[Record], seconds: float) -> Result:
    """Adds 64 at a time, each batch durable."""
    walls: list[float] = []
    spent: list[float] = []
    begun = time.perf_counter()
    for start in range(0, len(records), TOGETHER):
        batch = records[start : start + TOGETHER]
        wall, cpu = time.perf_counter(), time.process_time()
        await settle(system.add_many(batch))
        walls.append((time.perf_counter() - wall) / len(batch))
        spent.append((time.process_time() - cpu) / len(batch))
        if time.perf_counter() - begun > seconds:
            break
    return {"rate": 1 / statistics.fmean(walls), "cpu": statistics.fmean(spent)}


async def together(system: systems.System, records: Sequence[Record]) -> None:
    """Adds with 64 under way at any time: awaited, or by threads."""
    rest = iter(records)  # shared: to take the next of a list is one step of the interpreter

    async def one() -> None:
        for record in rest:
            await system.add(record)

    def thread() -> None:
        for record in rest:
            system.add(record)

    if is_awaited(system):
        await asyncio.gather(*(one() for _ in range(TOGETHER)))
    else:
        with ThreadPoolExecutor(TOGETHER) as pool:
            for done in [pool.submit(thread) for _ in range(TOGETHER)]:
                done.result()


def is_awaited(system: systems.System) -> bool:
    return not getattr(system, "blocking", True)


async def syncs(task: Task) -> Result:
    """Counts syncs by the shim that the process was started with."""
    log = Path(os.environ["AGENTMEM_SYNCS"])
    system = await fresh(task, Path(task["store"] + "-syncs"))
    records = next(batches(task, 101))
    await settle(system.add(records[0]))
    log.write_text("")
    for record in records[1:]:
        await settle(system.add(record))
    return {"count": log.stat().st_size / (len(records) - 1)}


# W2


async def filling(task: Task) -> tuple[systems.System, Result]:
    """Adds all records in batches of 256."""
    system = await fresh(task, Path(task["store"]))
    walls: list[float] = []
    spent: list[float] = []
    texts = 0
    for batch in batches(task, BATCH):
        texts += sum(len(one.text.encode()) + len(json.dumps(one.metadata)) for one in batch)
        wall, cpu = time.perf_counter(), time.process_time()
        await settle(system.add_many(batch))
        walls.append((time.perf_counter() - wall) / len(batch))
        spent.append((time.process_time() - cpu) / len(batch))
    wall, cpu = time.perf_counter(), time.process_time()
    if hasattr(system, "finish"):
        system.finish()
    records = task["records"]
    late_wall, late = (time.perf_counter() - wall) / records, (time.process_time() - cpu) / records
    part = max(1, len(spent) // 10)
    result = {
        "rate": 1 / (statistics.fmean(walls) + late_wall),
        "cpu": statistics.fmean(spent) + late,
        "first": statistics.median(spent[:part]),
        "last": statistics.median(spent[-part:]),
        "peak": memory.peak(),
    }
    if not systems.SYSTEMS[task["system"]].volatile:
        await settle(system.close())
        result["disk"] = memory.on_disk(Path(task["store"]))
        result["bytes"] = (result["disk"] - texts) / records
        system = await fresh(task, Path(task["store"]))
    return system, result


# W3 to W5


async def one_user(system: systems.System, task: Task) -> Result:
    """A user's records, of twenty users by turns."""

    def search(question: Question, mode: str) -> Any:
        return system.search(question, mode, question.user, None)

    return await modes(system, search, "own", task, watched=True)


async def all_records(system: systems.System, task: Task) -> Result:
    def search(question: Question, mode: str) -> Any:
        return system.search(question, mode, None, None)

    exact = "all128" if task["kind"] == "vectors128" else "all"
    return await modes(system, search, exact, task, watched=True)


async def a_tenth(system: systems.System, task: Task) -> Result:
    def search(question: Question, mode: str) -> Any:
        return system.search(question, mode, None, CATEGORY)

    return await modes(system, search, "tenth", task, watched=False)


async def modes(
    system: systems.System,
    search: Callable[[Question, str], Any],
    exact: str,
    task: Task,
    *,
    watched: bool,
) -> Result:
    """Times each mode; then, where calls are awaited, the event loop is watched."""
    asked = questions(task)
    names = MODES[task["kind"]]

    def asking(mode: str) -> Callable[[Question], Any]:
        return lambda question: search(question, mode)

    result: Result = {}
    for name in names:
        result[name] = await searching(system, asked, asking(name), exact, task)
    result["peak"] = memory.peak()
    if watched and is_awaited(system):
        for name in names:
            result[name]["held"] = await held(asking(name), asked, task["seconds"])
    return result


async def searching(
    system: systems.System,
    asked: Sequence[Question],
    search: Callable[[Question], Any],
    exact: str,
    task: Task,
) -> Result:
    """Times questions when all is loaded; tells which share of the exact answers is found."""
    begun = time.perf_counter()
    firsts: list[float] = []
    found: list[list[str]] = []
    for question in {one.user: one for one in asked}.values():
        at = time.perf_counter()
        await settle(search(question))
        firsts.append(time.perf_counter() - at)
        if time.perf_counter() - begun > task["seconds"]:
            break

    def taken(hits: Any) -> None:
        found.append(system.ids(hits))

    result = await timed(
        asked,
        search,
        task["seconds"],
        most=SEARCHES,
        awaited=is_awaited(system),
        taken=taken,
    )
    wanted = [question.exact.get(exact) for question in asked]
    shares = [
        len(set(ids) & set(best)) / len(best)
        for ids, best in zip(found, wanted, strict=False)
        if best
    ]
    if shares and task["kind"] != "text":
        result["recall"] = statistics.fmean(shares)
    first = statistics.median(firsts[1:] or firsts) if exact == "own" else firsts[0]
    return {**result, "first": first}


# By turns in one process


async def besides(system: systems.System, task: Task, result: Result) -> None:
    """What is measured by turns in one process comes last: it takes memory of its own."""
    if task["system"] == "agentmem-python" and "W3" in result:
        for mode in MODES[task["kind"]]:
            result["W3"][mode]["beside"] = await beside(system, mode, questions(task), task)
    if task["system"] == "sqlite" and "W3" in result:
        result["W3"]["semantic"]["beside"] = await beside_agentmem(system, task)
    if task["system"] == "agentmem-python-sync" and "W4" in result and task["kind"] == "vectors":
        with contextlib.suppress(ImportError):
            result["W4"]["semantic"]["beside"] = await beside_numpy(system, task)


async def beside_agentmem(system: systems.System, task: Task) -> Result:
    """CPU time of questions of one user, to this system and to AgentMem awaited: medians."""
    other = systems.load("agentmem-python")
    folder = Path(task["store"] + "-beside")
    folder.mkdir()
    other.open(folder, task["kind"])
    for batch in batches(task, BATCH):
        await other.add_many(batch)

    async def own(question: Question) -> None:
        await other.search(question, "semantic", question.user, None)

    async def rival(question: Question) -> None:
        system.search(question, "semantic", question.user, None)

    found = await by_turns(questions(task), own, rival, task["seconds"], time.process_time)
    await other.close()
    return dict(zip(("own", "rival"), found, strict=True))


async def beside(
    system: systems.System, mode: str, asked: Sequence[Question], task: Task
) -> Result:
    """Medians of questions awaited, and blocking through a handle of its own, by turns."""
    blocking = systems.load("agentmem-python-sync")
    blocking.open(Path(task["store"]), task["kind"])

    async def awaited(question: Question) -> None:
        await system.search(question, mode, question.user, None)

    async def direct(question: Question) -> None:
        blocking.search(question, mode, question.user, None)

    found = await by_turns(asked, awaited, direct, task["seconds"])
    blocking.close()
    return dict(zip(("awaited", "blocking"), found, strict=True))


async def by_turns(
    asked: Sequence[Question],
    one: Callable[[Question], Any],
    other: Callable[[Question], Any],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Sequence[float]:
    """Medians of two calls' time, with a tenth of the questions at a time."""
    walls: tuple[list[float], list[float]] = ([], [])
    begun = time.perf_counter()
    size = max(1, len(asked) // ROUND)
    for part in range(PARTS):
        start = part % ROUND * size  # those side by side are of different users
        for call, times in zip((one, other), walls, strict=True):
            for question in asked[start : start + size]:
                at = clock()
                await call(question)
                times.append(clock() - at)
        if time.perf_counter() - begun > min(seconds, BRIEF):
            break
    return [statistics.median(times) for times in walls]


async def beside_numpy(system: systems.System, task: Task) -> Result:
    """CPU time of questions of all records, and of numpy's products with all vectors: medians."""
    import numpy

    size, records = DIMENSIONS[task["kind"]], task["records"]
    vectors = numpy.fromfile(vectors_of(task), dtype=numpy.float32, count=records * size)
    matrix = vectors.reshape(-1, size)

    async def own(question: Question) -> None:
        system.search(question, "semantic", None, None)

    async def bare(question: Question) -> None:
        cosines = matrix @ numpy.frombuffer(question.vector, dtype=numpy.float32)
        best = numpy.argpartition(-cosines, systems.LIMIT - 1)[: systems.LIMIT]
        best[numpy.argsort(-cosines[best])].tolist()

    found = await by_turns(questions(task), own, bare, task["seconds"], time.process_time)
    return dict(zip(("own", "numpy"), found, strict=True))


# W7


async def one_record(system: systems.System, task: Task) -> Result:
    """Gets, changes and deletes records of the whole store, in no order."""
    records, awaited = task["records"], is_awaited(system)
    gets, changes = max(1, min(GETS, records // 10)), max(1, min(CHANGES, records // 10))
    places = dict.fromkeys(place * 7919 % records for place in range(gets + 2 * changes))
    found = [one for batch in batches(task, BATCH, set(places)) for one in batch]
    by_place = {one.metadata["n"]: one for one in found}
    chosen = [by_place[place] for place in places]
    changed, deleted, read = chosen[:changes], chosen[changes : 2 * changes], chosen[2 * changes :]
    if hasattr(system, "prepare"):
        system.prepare(chosen)
    await settle(system.get(changed[0]))

    def update(one: Record) -> Any:
        return system.update(one, f"{CHANGED}, {one.id}")

    calls = {"get": system.get, "again": system.get, "update": update, "delete": system.delete}
    of = {"get": read, "again": read, "update": changed, "delete": deleted}
    return {
        name: await timed(of[name], call, task["seconds"], awaited=awaited)
        for name, call in calls.items()
    }


WORKLOADS: dict[str, Job] = {"W3": one_user, "W4": all_records, "W5": a_tenth, "W7": one_record}


# The data


def batches(task: Task, size: int, wanted: set[int] | None = None) -> Iterator[list[Record]]:
    """The records in order, read as they are needed; or only those of some places."""
    folder, dimensions = Path(task["data"]), DIMENSIONS[task["kind"]]
    batch: list[Record] = []
    with (
        open(folder / "records.jsonl", encoding="utf-8") as lines,
        open(vectors_of(task), "rb") as vectors,
    ):
        for number in range(task["records"]):
            line = next(lines)
            raw = vectors.read(4 * dimensions)
            if wanted is not None and number not in wanted:
                continue
            made = json.loads(line)
            vector = array("f", raw)
            batch.append(Record(made["id"], made["text"], made["user"], made["metadata"], vector))
            if len(batch) == size:
                yield batch
                batch = []
    if batch:
        yield batch


def questions(task: Task) -> list[Question]:
    """What is asked. The exact answers are of all data, and left out if not all is stored."""
    dimensions = DIMENSIONS[task["kind"]]
    asked: list[Question] = []
    with (
        open(Path(task["data"]) / "questions.jsonl", encoding="utf-8") as lines,
        open(vectors_of(task), "rb") as vectors,
    ):
        vectors.seek(4 * dimensions * task["made"])
        for line in lines:
            made = json.loads(line)
            vector = array("f", vectors.read(4 * dimensions))
            exact = {
                name: ids
                for name, ids in made.items()
                if isinstance(ids, list) and (task["whole"] or (name == "own" and task["own"]))
            }
            asked.append(Question(made["text"], made["user"], vector, exact))
    return asked


def vectors_of(task: Task) -> Path:
    """The file of the kind's vectors; an empty one where the system makes them."""
    if DIMENSIONS[task["kind"]] == 0:
        return Path(os.devnull)
    name = "vectors128.f32" if task["kind"] == "vectors128" else "vectors.f32"
    return Path(task["data"]) / name


if __name__ == "__main__":
    main(*sys.argv[1:])
