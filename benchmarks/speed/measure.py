"""Clocks, and what is told of many calls; measure.mjs and rust/src/measure.rs do the same."""

from __future__ import annotations

import asyncio
import heapq
import statistics
import time
from array import array
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import cycle
from typing import Any

Result = dict[str, Any]
Call = Callable[[Any], Any]

ROUNDS = 10
"""CPU time is the median of so many rounds: one that another process disturbed does not count."""
SLICE = 20
"""The processor's clock is read after so many calls, or a tenth of all where that is less."""
EARLY = 100
"""So many of the first calls are told of by themselves: nothing has run often yet."""
ENOUGH = 200
BRIEF = 2.0
"""Where so many calls took less than so many seconds, there are more until then."""
ALONE = 0.5
"""For so many seconds the event loop is watched while nothing else is to be done."""
MOST_GAPS = 1 << 18


async def timed(
    things: Sequence[Any],
    call: Call,
    seconds: float,
    *,
    most: int | None = None,
    awaited: bool = False,
    taken: Call | None = None,
) -> Result:
    """Calls for each thing in turn, again and again, `most` times (once each if not given).

    It ends before that after `seconds`, or after two of them where enough calls have been made.
    """
    most = most or len(things)
    walls: list[float] = []
    slices: list[tuple[float, int]] = []
    size = max(1, min(SLICE, len(things) // ROUNDS))
    rest = cycle(things)
    clock = time.perf_counter
    begun = clock()
    while len(walls) < most:
        found = []
        keep = taken is not None and len(walls) < len(things)
        cpu, before = time.process_time(), len(walls)
        for _ in range(min(size, most - len(walls))):
            thing = next(rest)
            at = clock()
            given = await call(thing) if awaited else call(thing)
            walls.append(clock() - at)
            if keep:
                found.append(given)
            if len(walls) >= 3 and clock() - begun > seconds:
                break
        slices.append((time.process_time() - cpu, len(walls) - before))
        if taken is not None:
            for hits in found:
                taken(hits)
        if clock() - begun > (BRIEF if len(walls) >= ENOUGH else seconds):
            break
    early = EARLY // size
    return {
        **cost(walls),
        "cpu": statistics.median(mean(part) for part in rounds(slices)),
        "early": {
            "cpu": mean(slices[:early]),
            "median": statistics.median(walls[: early * size]),
        },
    }


def rounds(slices: Sequence[tuple[float, int]]) -> Iterable[Sequence[tuple[float, int]]]:
    """Ten rounds of as many slices each, one behind the other."""
    size = max(1, len(slices) // ROUNDS)
    return [slices[start : start + size] for start in range(0, len(slices) - size + 1, size)]


def mean(slices: Sequence[tuple[float, int]]) -> float:
    return sum(spent for spent, _ in slices) / sum(calls for _, calls in slices)


def cost(walls: Sequence[float]) -> Result:
    ordered = sorted(walls)
    return {
        "median": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        "rate": len(ordered) / sum(ordered),
        "count": len(ordered),
    }


async def held(search: Call, asked: Sequence[Any], seconds: float) -> Result:
    """How long the event loop does not come round while questions are awaited, and with none."""

    async def asking() -> None:
        rest, until = cycle(asked), time.perf_counter() + min(seconds, BRIEF)
        while time.perf_counter() < until:
            await search(next(rest))

    return {**await watched(asking()), "alone": await watched(asyncio.sleep(min(seconds, ALONE)))}


async def watched(work: Awaitable[None]) -> Result:
    """How long the event loop does not come round, by a task that always runs."""
    # No list that grows: its moving would be measured too. Where it is full, it begins again.
    gaps = array("d", [0.0]) * MOST_GAPS
    count = 0

    async def watch() -> None:
        nonlocal count
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            gaps[count % MOST_GAPS] = now - last
            count += 1
            last = now

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await work
    # Answers that are there at once may leave the loop no turn till here.
    await asyncio.sleep(0)
    watching.cancel()
    kept = min(count, MOST_GAPS)
    longest = heapq.nlargest(kept // 1000 + 1, gaps[:kept])
    return {"longest": longest[0], "p999": longest[-1], "turns": count}
