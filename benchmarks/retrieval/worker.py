"""One job in a process of its own, for its memory: python worker.py JOB TASK.json RESULT.json

A job is the name of a system, which answers the task's searches, `embed`, which fills the cache of
vectors, or `weight`, which chooses the weight of the fusion.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import measures
import systems
from forms import Record

Task = dict[str, Any]
Cost = tuple[float, float]
"""Seconds of the wall clock, and of all processors together."""

FRESH_RECORDS = 32
FRESH_BATCHES = 4
FRESH_SEARCHES = 64
"""A system that reads its vectors from the cache is timed without it on so many."""
WEIGHTS = [step / 20 for step in range(21)]


def main(job: str, task_path: str, result_path: str) -> None:
    task: Task = json.loads(Path(task_path).read_text("utf-8"))
    jobs: dict[str, Callable[[Task], Any]] = {"embed": embed, "weight": choose_weight}
    result = jobs[job](task) if job in jobs else answer(job, task)
    Path(result_path).write_text(json.dumps(result), "utf-8")


def answer(name: str, task: Task) -> dict[str, Any]:
    """Adds the task's records, answers its searches, and says what both cost."""
    bare = peak_memory()
    fresh_adding = add_fresh(name, task)
    system = systems.SYSTEMS[name]()
    if isinstance(system, systems.Fused) and task["weight"] is not None:
        system.weight = task["weight"]
    own = [add(system, user, records) for user, records in by_user(task).items()]
    hits = []
    searching: list[Cost] = []
    coder = transformer(system)
    searches = task["searches"]
    for place, (user, query) in Progress(name, len(searches), "searches").over(searches):
        if isinstance(system, systems.AgentMem):
            system.now = task["times"][place]
        fresh = coder is not None and place < FRESH_SEARCHES
        with uncached(coder) if fresh else contextlib.nullcontext(), timed() as cost:
            hits.append(system.search(user, query, task["limit"]))
        if fresh or coder is None:
            searching.append((cost[0], cost[1]))
    return {
        "hits": hits,
        "add": medians(fresh_adding or own),
        "search": medians(searching),
        "memory": peak_memory(),
        "bare": bare,
    }


def add(system: systems.System, user: str | None, records: list[Record]) -> Cost:
    """Adds a user's records, and gives what one of them cost."""
    with timed() as cost:
        system.add(user, records)
    return cost[0] / len(records), cost[1] / len(records)


def add_fresh(name: str, task: Task) -> list[Cost]:
    """What adding costs a system that encodes each text: a few batches, in a store apart."""
    system = systems.SYSTEMS[name]()
    coder = transformer(system)
    if coder is None:
        return []
    records = next(iter(by_user(task).values()))[: FRESH_RECORDS * FRESH_BATCHES]
    costs = []
    with uncached(coder):
        for start in range(0, len(records), FRESH_RECORDS):
            user = f"batch {start}"
            batch = [{**one, "userId": user} for one in records[start : start + FRESH_RECORDS]]
            costs.append(add(system, user, batch))
    return costs


def by_user(task: Task) -> dict[str | None, list[Record]]:
    users: dict[str | None, list[Record]] = {}
    for record in task["records"]:
        users.setdefault(record.get("userId"), []).append(record)
    return users


def transformer(system: systems.System) -> systems.MiniLm | None:
    if isinstance(system, systems.Fused):
        return system.minilm
    return system if isinstance(system, systems.MiniLm) else None


@contextlib.contextmanager
def uncached(coder: systems.MiniLm | None) -> Iterator[None]:
    assert coder is not None
    kept, coder.cache = coder.cache, None
    try:
        yield
    finally:
        coder.cache = kept


@contextlib.contextmanager
def timed() -> Iterator[list[float]]:
    cost: list[float] = []
    wall, processors = time.perf_counter(), time.process_time()
    yield cost
    cost += [time.perf_counter() - wall, time.process_time() - processors]


def medians(costs: list[Cost]) -> Cost:
    walls, processors = zip(*costs, strict=True)
    return statistics.median(walls), statistics.median(processors)


def peak_memory() -> int:
    """The most bytes of memory that this process has had."""
    # ru_maxrss of a new process starts at its parent's on Linux; VmHWM is the process's own.
    with contextlib.suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def embed(task: Task) -> int:
    """Fills the cache with the vectors of all texts, and gives how many were missing."""
    import minilm

    minilm.build_graph()
    cache = minilm.Cache()
    texts = [systems.text(record) for record in [*task["records"], *task["tuning"]["records"]]]
    texts += [query for _, query in [*task["searches"], *task["tuning"]["searches"]]]
    missing = cache.missing(texts)
    if missing:
        encoder = minilm.Encoder()
        progress = Progress("MiniLM", len(missing), "texts encoded")
        done = 0
        for places, vectors in encoder.batches(missing):
            cache.put([missing[place] for place in places], vectors)
            done += len(places)
            progress.tell(done)
    return len(missing)


def choose_weight(task: Task) -> float:
    """The weight of the fusion that finds most of the tuning questions' gold among ten."""
    tuning = task["tuning"]
    system = systems.Fused()
    for user, records in by_user(tuning).items():
        system.add(user, records)
    found = dict.fromkeys(WEIGHTS, 0.0)
    searches = tuning["searches"]
    for place, (user, query) in Progress("weight", len(searches), "searches").over(searches):
        lexical, cosines = system.sides(user, query)
        for weight in WEIGHTS:
            ids = [one for one, _ in systems.fuse(lexical, cosines, weight)]
            found[weight] += measures.recall(10)(ids, tuning["gold"][place])
    return max(WEIGHTS, key=lambda weight: found[weight])


class Progress:
    """A line on stderr that the next one replaces; where nobody watches, a line now and then."""

    def __init__(self, name: str, total: int, what: str) -> None:
        self.name, self.total, self.what = name, total, what
        self.watched = sys.stderr.isatty()
        self.told = time.monotonic()

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if done < self.total and now - self.told < (0.1 if self.watched else 30):
            return
        self.told = now
        text = f"{self.name}: {done:,} of {self.total:,} {self.what}"
        if self.watched:
            print(
                f"\r\033[K{text}",
                end="" if done < self.total else "\n",
                file=sys.stderr,
                flush=True,
            )
        else:
            print(text, file=sys.stderr, flush=True)

    def over(self, searches: list[Any]) -> Iterator[tuple[int, Any]]:
        """Gives the searches with their places."""
        for place, search in enumerate(searches):
            yield place, search
            self.tell(place + 1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
