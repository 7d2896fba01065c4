"""What awaiting costs: calls on what is loaded, awaited and blocking, and many adds at once.

    python benchmarks/speed/awaited.py && node benchmarks/speed/awaited.mjs

with both packages built. Prints the median of wall time and the mean of CPU time, in microseconds,
for one user of 100 records with texts of 26 words; `get` reads any of 2,120. The bare hand-over is
what Python takes to have another thread do nothing and to await that: the least for a call that the
event loop's thread must not do itself.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import Any

from agentmem_native import Memory, SyncMemory

CALLS = 2000
WARMING = 20
RECORDS = 100
DIMENSIONS = 384
EMBEDDER: Any = {"id": "given", "dimensions": DIMENSIONS}
QUERY = "green tea in the garden after work"


def words(random: Random) -> str:
    return " ".join(f"word{random.randrange(3000)}" for _ in range(22)) + " green tea garden work"


def vector(random: Random) -> array[float]:
    return array("f", (random.gauss(0, 1) for _ in range(DIMENSIONS)))


def fill(folder: Path) -> None:
    random = Random(1)
    with SyncMemory(folder / "text") as text, SyncMemory(folder / "own", embedder=EMBEDDER) as own:
        for n in range(RECORDS):
            text.add(words(random), user_id="ada", id=f"id {n}")
            own.add("a note", user_id="ada", embedding=vector(random))
        others = range(CALLS + WARMING)
        text.add_many(
            [{"content": words(random), "user_id": "bob", "id": f"other {n}"} for n in others]
        )


def calls(text: Any, own: Any, inside: Any) -> dict[str, Callable[[], Any]]:
    asked = vector(Random(2))
    others = iter(range(CALLS + WARMING))
    return {
        "semantic, a vector of 384": lambda: own.search(
            "x", user_id="ada", mode="semantic", embedding=asked
        ),
        "lexical": lambda: text.search(QUERY, user_id="ada", mode="lexical"),
        "hybrid, from text": lambda: text.search(QUERY, user_id="ada"),
        "get, for the first time": lambda: text.get(f"other {next(others)}"),
        "get, again": lambda: text.get("id 7"),
        "count, by a thread of the pool": lambda: text.count(user_id="ada"),
        "add, in memory": lambda: inside.add("green tea", user_id="ada"),
    }


def reading(text: Any) -> None:
    """What it takes to read all fields of what one question found, which are made then."""
    names = text.search(QUERY, user_id="ada")[0].__match_args__
    times, spent = [], 0.0
    for _ in range(CALLS):
        hits = text.search(QUERY, user_id="ada")
        at, begun = time.perf_counter(), time.process_time()
        for hit in hits:
            for name in names:
                getattr(hit, name)
        times.append(time.perf_counter() - at)
        spent += time.process_time() - begun
    row(f"reading all {len(names)} fields of ten hits", times, spent)


def row(name: str, times: list[float], cpu: float) -> None:
    print(f"| {name} | {statistics.median(times) * 1e6:.1f} | {cpu / CALLS * 1e6:.1f} |")


async def awaited(name: str, call: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(WARMING):
        await call()
    times, begun = [], time.process_time()
    for _ in range(CALLS):
        at = time.perf_counter()
        await call()
        times.append(time.perf_counter() - at)
    row(name, times, time.process_time() - begun)


def blocking(name: str, call: Callable[[], Any]) -> None:
    for _ in range(WARMING):
        call()
    times, begun = [], time.process_time()
    for _ in range(CALLS):
        at = time.perf_counter()
        call()
        times.append(time.perf_counter() - at)
    row(name, times, time.process_time() - begun)


class HandOver:
    """A thread that does nothing for whoever awaits it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.asked: SimpleQueue[asyncio.Future[None] | None] = SimpleQueue()
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while (future := self.asked.get()) is not None:
            self.loop.call_soon_threadsafe(future.set_result, None)

    def __call__(self) -> asyncio.Future[None]:
        future = self.loop.create_future()
        self.asked.put(future)
        return future


async def adds(folder: Path) -> None:
    blocking = SyncMemory(folder / "blocking")
    blocking.add("the first")
    hand_over = HandOver()
    spent = dict.fromkeys(("awaited", "blocking", "hand-over"), 0.0)

    def take(what: str, begun: float) -> None:
        spent[what] += time.process_time() - begun

    async with Memory(folder / "adds") as memory:
        await memory.add("the first")
        one = 0.0
        # By turns, so that what else the machine does counts for all of them.
        for _ in range(300):
            at, begun = time.perf_counter(), time.process_time()
            await memory.add("Ada likes green tea", user_id="ada")
            one += time.perf_counter() - at
            take("awaited", begun)
            begun = time.process_time()
            blocking.add("Ada likes green tea", user_id="ada")
            take("blocking", begun)
            begun = time.process_time()
            await hand_over()
            take("hand-over", begun)
        one = 300 / one
        at, begun = time.perf_counter(), time.process_time()
        for _ in range(30):
            await asyncio.gather(*(memory.add("green tea", user_id="ada") for _ in range(64)))
        many, cpu = 1920 / (time.perf_counter() - at), time.process_time() - begun
    blocking.close()
    hand_over.asked.put(None)
    print(
        f"\nadds one by one: {one:.0f} a second; 64 at once: {many:.0f}, {many / one:.1f} times, "
        f"{cpu / 1920 * 1e6:.0f} us of CPU each"
    )
    told = ", ".join(f"{what} {cpu / 300 * 1e6:.0f}" for what, cpu in spent.items())
    print(f"CPU of an add by itself, us: {told}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        print("| Python, awaited | median us | CPU us |\n|---|---|---|")
        async with Memory(folder / "text") as text, Memory(folder / "own") as own, Memory() as it:
            for name, call in calls(text, own, it).items():
                await awaited(name, call)
            hand_over = HandOver()
            await awaited("a bare hand-over", hand_over)
            hand_over.asked.put(None)
        print("\n| Python, blocking | median us | CPU us |\n|---|---|---|")
        with (
            SyncMemory(folder / "text") as text,
            SyncMemory(folder / "own") as own,
            SyncMemory() as it,
        ):
            for name, call in calls(text, own, it).items():
                blocking(name, call)
            reading(text)
        await adds(folder)


if __name__ == "__main__":
    asyncio.run(main())
