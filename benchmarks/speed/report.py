"""Writes what was measured as Markdown, ratios first."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import figures
import targets
from systems import SYSTEMS

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
Row = tuple[str, str, Mapping[str, Any]]
"""A system, a kind or mode, and its figures."""

ROOT = Path(__file__).parent.parent.parent
BASE = ("agentmem-python", "agentmem-node", "agentmem-python-sync", "agentmem-rust")


def heading(options: argparse.Namespace) -> str:
    today = datetime.datetime.now(datetime.timezone.utc)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    command = " ".join(
        ["npm run bench:speed --", "growth"] if options.growth else ["npm run bench:speed"]
    )
    return (
        f"`{command}`: {options.records:,} records of {options.users:,} users. "
        f"Commit {options.commit}, "
        f"{today:%Y-%m-%d}. Python {platform.python_version()}, {platform.system()}, "
        f"{processor()}, {os.cpu_count()} processors, load {load} at the end."
    )


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=9", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def tables(results: Results, left_out: Mapping[str, str], options: argparse.Namespace) -> str:
    parts = [
        part("Targets", "", figures.table(results, targets.every())),
        part("W1: adds one by one, each durable", ADDS, adds(results)),
        part("W2: all records, in batches of 256", BATCHES, batches(results)),
        part("W3: one user's records", SEARCHES, searches(results, "W3")),
        part("W4: all records", SEARCHES, searches(results, "W4")),
        part("W5: all records, a filter keeps a tenth", SEARCHES, searches(results, "W5")),
        part("W6: a new process", COLD, cold(results)),
        part("W7: one record", RECORD_NOTES, one_record(results)),
        part("W8: importing", IMPORTS, imports(results)),
        part("Packages", "", sizes() if "W8" in options.workloads else []),
    ]
    return "\n".join(one for one in parts if one) + left_out_of(left_out)


def left_out_of(left_out: Mapping[str, str]) -> str:
    """What has no figures, and why; nothing if all has."""
    lines = "".join(f"- {what}: {why}\n" for what, why in left_out.items())
    return f"\n### Left out\n\n{lines}" if lines else ""


ADDS = f"""\
*CPU* is of all processors, for one add. The rate of one after the other is the unit of *together*,
with 64 adds under way, and of *by 64*, in batches of 64 that are each durable. *Slower disk*: the
same where each sync takes {figures.SLOWER} longer (the thread sleeps)."""
BATCHES = """\
*First* and *last* are the CPU time of a record in the first and in the last tenth; *beyond text* is
what a record takes on disk beside its text and metadata."""
SEARCHES = """\
Warm: everything that is asked for is loaded, and 200 questions are asked again and again. *First*:
a question of another user, or of all, before that; *first 100*: the CPU time of one of the next
hundred. *Held*: the longest time, and in brackets that exceeded once in a thousand, in which the
event loop did not come round in two seconds of questions; *idle*: the same with no questions."""
COLD = """\
*CPU* and *wall* are of the whole process beyond that of the bare language, in Python and Node of
one that only reads the question; the others by the clock within it, to the answer. Medians of
fifteen, of five where one takes long. The files are in the system's cache."""
RECORD_NOTES = """\
Records anywhere in the store, each got for the first time, and once more; *first 100*: of the first
hundred of the process. What bare SQLite takes for the first is the limit of who asks SQLite; its
row has text and metadata alone."""
IMPORTS = "Beyond starting the bare language; medians of eleven, by turns."


def part(title: str, text: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    between = f"{text}\n\n" if text else ""
    return f"### {title}\n\n{between}" + "\n".join(lines) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines] if lines else []


def rows_of(results: Results, workload: str) -> Iterator[Row]:
    for name, kinds in results.items():
        for kind, found in kinds.items():
            if workload in found:
                yield name, kind, found[workload]


def label(name: str, what: str, figures: Mapping[str, Any], results: Results) -> str:
    """The system, with the mode, and with how many records if fewer than others had."""
    most = max(
        (
            one.get("records", 0)
            for kinds in results.values()
            for found in kinds.values()
            for one in found.values()
        ),
        default=0,
    )
    records = figures.get("records", most)
    fewer = f", {records:,} records" if 0 < records < most else ""
    return f"{SYSTEMS[name].label}{what}{fewer}"


def base_of(rows: Sequence[Row], kind: str = "vectors") -> Mapping[str, Any]:
    """The row to which the others are related."""
    for wanted in BASE:
        for name, what, found in rows:
            if name == wanted and what == kind:
                return found
    return rows[0][2] if rows else {}


def ratio(one: float | None, other: float | None) -> str:
    if not one or not other:
        return "-"
    value = one / other
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    if value is None:
        return "-"
    if value < 0:  # a process that took less than the bare one, on a machine with other work
        return f"-{seconds(-value)}"
    for unit, size in (("us", 1e-6), ("ms", 1e-3)):
        if value < 1000 * size:
            return (
                f"{value / size:.3g} {unit}" if value < 100 * size else f"{value / size:.0f} {unit}"
            )
    return f"{value:.3g} s"


def megabytes(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e6:.0f} MB"


KINDS = {"vectors": ", vectors given", "vectors128": ", 128 dimensions", "text": ", from text"}


def kind_of(name: str, kind: str) -> str:
    return KINDS[kind] if len(SYSTEMS[name].kinds) > 1 else ""


def adds(results: Results) -> list[str]:
    rows = list(rows_of(results, "W1"))
    base = base_of(rows).get("add", {})
    lines = []
    for name, kind, found in rows:
        one, unit = found["add"], found["add"]["rate"]
        many = (found.get(way, {}).get("rate") for way in ("together", "batch"))
        slow = found.get("delayed") or {}
        slow_unit = slow.get("add", {}).get("rate")
        slow_many = (slow.get(way, {}).get("rate") for way in ("together", "batch"))
        lines.append(
            [
                label(name, kind_of(name, kind), found, results),
                ratio(one["cpu"], base.get("cpu")),
                *(ratio(rate, unit) for rate in many),
                *(ratio(rate, slow_unit) for rate in slow_many),
                f"{unit:,.0f}",
                *(seconds(one[key]) for key in ("cpu", "median", "p99")),
                f"{found['syncs']:.2f}" if "syncs" in found else "-",
            ]
        )
    more = ["together, slower disk", "by 64, slower disk"]
    costs = ["adds/s", "CPU", "median", "p99", "syncs"]
    head = ["system", "CPU ratio", "together", "by 64", *more, *costs]
    return table(head, lines)


def batches(results: Results) -> list[str]:
    rows = list(rows_of(results, "W2"))
    base = base_of(rows)
    return table(
        [
            "system",
            "CPU ratio",
            "last to first",
            "records/s",
            "CPU",
            "first",
            "last",
            "beyond text",
            "disk",
            "peak memory",
        ],
        (
            [
                label(name, kind_of(name, kind), one, results),
                ratio(one["cpu"], base.get("cpu")),
                ratio(one["last"], one["first"]),
                f"{one['rate']:,.0f}",
                *(seconds(one[key]) for key in ("cpu", "first", "last")),
                f"{one['bytes']:.0f} B" if "bytes" in one else "-",
                megabytes(one.get("disk")),
                megabytes(one.get("peak")),
            ]
            for name, kind, one in rows
        ),
    )


def searches(results: Results, workload: str) -> list[str]:
    rows = [
        (name, kind, mode, one, found)
        for name, kind, found in rows_of(results, workload)
        for mode, one in found.items()
        if isinstance(one, dict)
    ]
    base = base_of([(name, kind, one) for name, kind, _, one, _ in rows])
    lines = []
    for name, kind, mode, one, found in rows:
        short = ", 128 dimensions" if kind == "vectors128" else ""
        own = f", {mode}" if len(SYSTEMS[name].kinds) > 1 else ""
        held = one.get("held")
        lines.append(
            [
                label(name, own + short, found, results),
                ratio(one["cpu"], base.get("cpu")),
                *(seconds(one[key]) for key in ("cpu", "median", "p99")),
                seconds(one.get("first")),
                seconds(one["early"]["cpu"]) if "early" in one else "-",
                f"{one['recall']:.3f}" if "recall" in one else "-",
                gaps(held),
                gaps(held and held["alone"]),
                megabytes(found.get("peak")),
            ]
        )
    head = [
        "system",
        "CPU ratio",
        "CPU",
        "median",
        "p99",
        "first",
        "first 100",
        "recall@10",
        "held",
        "idle",
        "peak memory",
    ]
    return table(head, lines)


def gaps(found: Mapping[str, Any] | None) -> str:
    return f"{seconds(found['longest'])} ({seconds(found['p999'])})" if found else "-"


def cold(results: Results) -> list[str]:
    rows = list(rows_of(results, "W6"))
    base = base_of(rows)
    return table(
        ["system", "CPU ratio", "CPU", "wall", "from import", "from open", "peak memory"],
        (
            [
                label(name, kind_of(name, kind), one, results),
                ratio(one["cpu"], base.get("cpu")),
                *(seconds(one[key]) for key in ("cpu", "process", "import", "answer")),
                megabytes(one["peak"]),
            ]
            for name, kind, one in rows
        ),
    )


ONE_RECORD = {"get": "get", "again": "get again", "update": "update", "delete": "delete"}


def one_record(results: Results) -> list[str]:
    rows = list(rows_of(results, "W7"))
    base = base_of(rows)
    lines = []
    for name, kind, found in rows:
        cells = [label(name, kind_of(name, kind), found, results)]
        for call in ONE_RECORD:
            one = found[call]
            cells += [
                ratio(one["cpu"], base.get(call, {}).get("cpu")),
                seconds(one["cpu"]),
                seconds(one["median"]),
            ]
        cells.insert(4, seconds(found["get"]["early"]["cpu"]))
        lines.append(cells)
    head = ["system"]
    for call in ONE_RECORD.values():
        head += [f"{call}: CPU ratio", "CPU", "median"]
    head.insert(4, "first 100")
    return table(head, lines)


def imports(results: Results) -> list[str]:
    rows = [
        (name, kind, one)
        for name, kind, one in rows_of(results, "W8")
        if one.get("cpu") is not None
    ]
    base = base_of(rows)
    return table(
        ["system", "CPU ratio", "CPU", "wall"],
        (
            [
                SYSTEMS[name].label,
                ratio(one["cpu"], base.get("cpu")),
                seconds(one["cpu"]),
                seconds(one["wall"]),
            ]
            for name, _, one in rows
        ),
    )


def sizes() -> list[str]:
    """What the built packages weigh: the wheel, and the npm package with this platform's binary."""
    return table(
        ["package", "size"], ([name, f"{size / 1e6:.1f} MB"] for name, size in targets.packages())
    )
