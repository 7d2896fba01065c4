"""What targets are made of: figures of a run, each with the words in which it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
US, MS = 1e-6, 1e-3
SYNC_DELAY = 200
"""Microseconds by which a sync of a slower disk takes longer than one of this machine's."""
SLOWER = f"{SYNC_DELAY / 1000:g} ms"


class Missing(Exception):
    """What a target speaks of was not measured."""


def at(results: Results, *path: str) -> Any:
    found: Any = results
    for name in path:
        if not isinstance(found, Mapping) or found.get(name) is None:
            raise Missing
        found = found[name]
    return found


Measure = Callable[[Results], tuple[float, str]]
"""Gives a figure in the unit of what is wanted, and in words."""


class Target(NamedTuple):
    what: str
    wanted: float
    measure: Measure
    limit: Measure | None = None
    """What the same takes where nothing but the least is done, in the same run."""


def scaled(measure: Measure, times: Callable[[Results], float]) -> Measure:
    """As for other numbers of records than the run had: so many times as many."""

    def measured(results: Results) -> tuple[float, str]:
        value, shown = measure(results)
        return value * times(results), shown

    return measured


def either(*measures: Measure) -> Measure:
    """Those of some limits that were measured, the first of them as the figure."""

    def measure(results: Results) -> tuple[float, str]:
        found = []
        for one in measures:
            with contextlib.suppress(Missing):
                found.append(one(results))
        if not found:
            raise Missing
        return found[0][0], "; ".join(shown for _, shown in found)

    return measure


def table(results: Results, targets: Sequence[Target]) -> list[str]:
    """A row for each target that was measured: a ratio below 1 is better than what was asked."""
    lines = []
    for what, wanted, measure, limit in targets:
        try:
            value, shown = measure(results)
        except Missing:
            continue
        share = value / wanted
        least = "-"
        if limit is not None:
            with contextlib.suppress(Missing):
                least = limit(results)[1]
        reached = "yes" if share <= 1 else "no"
        lines.append(f"| {what} | {share:.2f} | {shown} | {least} | {reached} |")
    head = "| target | measured / target | measured | the least | reached |"
    return [head, "|---|---|---|---|---|", *lines] if lines else []


def named(name: str, measure: Measure) -> Measure:
    def told(results: Results) -> tuple[float, str]:
        value, shown = measure(results)
        return value, f"{name}: {shown}"

    return told


def seconds(value: float) -> str:
    return f"{value / US:.0f} us" if value < MS else f"{value / MS:.1f} ms"


def process_of(*path: str, wall: str) -> Measure:
    """CPU time of a process beyond that of the bare language."""

    def measure(results: Results) -> tuple[float, str]:
        found = at(results, *path)
        return float(found["cpu"]), f"{seconds(found['cpu'])} CPU, {seconds(found[wall])} wall"

    return measure


def cost_of(*path: str) -> Measure:
    """CPU time, which a busy machine does not lengthen, with the wall's median beside it."""

    def measure(results: Results) -> tuple[float, str]:
        found = at(results, *path)
        return float(found["cpu"]), f"{seconds(found['cpu'])} CPU, {seconds(found['median'])} wall"

    return measure


def ratio_of(one: Sequence[str], other: Sequence[str]) -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        values = [float(at(results, *path)) for path in (one, other)]
        return values[0] / values[1], f"{values[0] / values[1]:.2f}"

    return measure


def ahead_of(path: Sequence[str], rival: str, workload: str) -> Measure:
    """How often the rival's CPU time is AgentMem's; the share of the target is the inverse."""

    def measure(results: Results) -> tuple[float, str]:
        own, found = at(results, *path), at(results, rival, "vectors", workload)
        other, records = at(found, "semantic"), found.get("records")
        cpu, wall = (float(other[key]) / float(own[key]) for key in ("cpu", "median"))
        fewer = f", with {records:,} records" if records != at_most(results, workload) else ""
        return 1 / cpu, f"{cpu:,.1f} times CPU, {wall:,.1f} times wall{fewer}"

    return measure


def at_most(results: Results, workload: str) -> int | None:
    """How many records those that take all had."""
    found = (kinds.get("vectors", {}).get(workload, {}) for kinds in results.values())
    return max((one["records"] for one in found if "records" in one), default=None)


def at_once(name: str, way: str, unit: str, *disk: str) -> Measure:
    """The rate of adds of one system, given together, in adds one by one of another."""

    def measure(results: Results) -> tuple[float, str]:
        rate = float(at(results, name, "vectors", "W1", *disk, way, "rate"))
        value = rate / float(at(results, unit, "vectors", "W1", *disk, "add", "rate"))
        return 1 / value, f"{value:.1f} times"

    return measure


def rate_of(one: Sequence[str], other: Sequence[str]) -> Measure:
    """Records a second, as a share of the other's, with the CPU time of a record beside it."""

    def measure(results: Results) -> tuple[float, str]:
        share, cost = (
            float(at(results, *one, name)) / float(at(results, *other, name))
            for name in ("rate", "cpu")
        )
        return 1 / share, f"{share:.2f} of the rate, {cost:.2f} times the CPU"

    return measure


def extra_of(name: str, kind: str, mode: str) -> Measure:
    """What an awaited question takes more than one that blocks, asked by turns."""

    def measure(results: Results) -> tuple[float, str]:
        found = at(results, name, kind, "W3", mode, "beside")
        more = float(found["awaited"]) - float(found["blocking"])
        both = f"{seconds(found['awaited'])} and {seconds(found['blocking'])}"
        return more, f"{seconds(max(more, 0))} ({both})"

    return measure


def beside(path: Sequence[str], other: str) -> Measure:
    """What questions take, as a share of another way's time, asked by turns."""

    def measure(results: Results) -> tuple[float, str]:
        found = at(results, *path, "beside")
        own, wanted = float(found["own"]), float(found[other])
        return own / wanted, f"{wanted / own:.2f} times ({seconds(own)}, {seconds(wanted)})"

    return measure


def held(name: str, workload: str, *idle: str) -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        found = at(results, name, "vectors", workload, "semantic", "held", *idle)
        often, longest = float(found["p999"]), float(found["longest"])
        return often, f"{seconds(often)} once in a thousand, {seconds(longest)} at most"

    return measure


def number(*path: str, unit: str = "") -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        value = float(at(results, *path))
        return value, f"{value:,.2f}{unit}" if value < 10 else f"{value:,.0f}{unit}"

    return measure
