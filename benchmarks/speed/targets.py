"""The targets that the project has set itself, and how far it is from each."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
ROOT = Path(__file__).parent.parent.parent
US, MS = 1e-6, 1e-3
AWAITED = (("agentmem-python", "Python"), ("agentmem-node", "Node"))


class Missing(Exception):
    """What a target speaks of was not measured."""


def at(results: Results, *path: str) -> Any:
    found: Any = results
    for name in path:
        if not isinstance(found, Mapping) or found.get(name) is None:
            raise Missing
        found = found[name]
    return found


def table(results: Results) -> list[str]:
    """A row for each target that was measured: a ratio below 1 is better than what was asked."""
    lines = []
    for what, limit, measure in every():
        try:
            value, shown = measure(results)
        except Missing:
            continue
        share = value / limit
        lines.append(f"| {what} | {share:.2f} | {shown} | {'yes' if share <= 1 else 'no'} |")
    head = "| target | measured / target | measured | reached |"
    return [head, "|---|---|---|---|", *lines] if lines else []


Measure = Callable[[Results], tuple[float, str]]
Target = tuple[str, float, Measure]


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
        own = float(at(results, *path, "cpu"))
        other = float(at(results, rival, "vectors", workload, "semantic", "cpu"))
        return own / other, f"{other / own:,.1f} times"

    return measure


def together(name: str) -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        found = at(results, name, "vectors", "W1")
        value = at(found, "together", "rate") * found["add"]["median"]
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


def extra_of(awaited: str, blocking: str) -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        paths = [(name, "vectors", "W3", "semantic", "median") for name in (awaited, blocking)]
        more = float(at(results, *paths[0])) - float(at(results, *paths[1]))
        return more, seconds(max(more, 0))

    return measure


def held(name: str, workload: str) -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        found = at(results, name, "vectors", workload, "semantic", "held")
        return found[
            "p999"
        ], f"{seconds(found['p999'])} once in a thousand, {seconds(found['longest'])} at most"

    return measure


def number(*path: str, unit: str = "") -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        value = float(at(results, *path))
        return value, f"{value:,.2f}{unit}" if value < 10 else f"{value:,.0f}{unit}"

    return measure


def every() -> list[Target]:
    return [*writing(), *one_user(), *all_records(), *others()]


def writing() -> list[Target]:
    rust, bare = "agentmem-rust", ("sqlite-rust", "vectors")
    found: list[Target] = [
        ("an add: one sync", 1, number(rust, "vectors", "W1", "syncs")),
        (
            "an add: CPU at most 3 times bare SQLite's, vectors given",
            3,
            ratio_of((rust, "vectors", "W1", "add", "cpu"), (*bare, "W1", "add", "cpu")),
        ),
        (
            "an add: the same, from text",
            3,
            ratio_of((rust, "text", "W1", "add", "cpu"), (*bare, "W1", "add", "cpu")),
        ),
    ]
    for name, language in ((rust, "Rust"), *AWAITED):
        found.append((f"64 adds at once: 8 times the rate, {language}", 1 / 8, together(name)))
    for kind, what in (("vectors", "vectors given"), ("text", "from text")):
        found += [
            (
                f"addMany: .6 of bare SQLite's rate or more, {what}",
                1 / 0.6,
                rate_of((rust, kind, "W2"), (*bare, "W2")),
            ),
            (
                f"addMany: the same of bare SQLite with AgentMem's tables, {what}",
                1 / 0.6,
                rate_of((rust, kind, "W2"), ("sqlite-log-rust", kind, "W2")),
            ),
            (
                f"addMany: the last tenth as quick as the first (within a tenth), {what}",
                1.1,
                ratio_of((rust, kind, "W2", "last"), (rust, kind, "W2", "first")),
            ),
            (
                f"bytes a record beyond text: 600, {what}",
                600,
                number(rust, kind, "W2", "bytes", unit=" B"),
            ),
        ]
    return found


def one_user() -> list[Target]:
    found: list[Target] = []
    limits = (
        ("vectors", "semantic", 40, 70),
        ("text", "lexical", 60, 90),
        ("text", "hybrid", 200, 250),
    )
    for kind, mode, rust, awaited in limits:
        for name, language, limit in (
            ("agentmem-rust", "Rust", rust),
            *((name, language, awaited) for name, language in AWAITED),
        ):
            what = f"one user, {mode}: {limit} us, {language}"
            found.append((what, limit * US, cost_of(name, kind, "W3", mode)))
    for name, language in AWAITED:
        path = (name, "vectors", "W3", "semantic")
        found.append(
            (
                f"one user: 10 times ahead of SQLite in Python, {language}",
                1 / 10,
                ahead_of(path, "sqlite", "W3"),
            )
        )
        for rival in ("chroma", "lancedb", "mem0"):
            what = f"one user: 1,000 times ahead of {rival}, {language}"
            found.append((what, 1 / 1000, ahead_of(path, rival, "W3")))
    return found


def all_records() -> list[Target]:
    rust = "agentmem-rust"
    return [
        (
            "all, 128 dimensions: 2 ms at 100,000",
            2 * MS,
            per_records(cost_of(rust, "vectors128", "W4", "semantic"), rust),
        ),
        (
            "all, 384 dimensions: 1.3 of a bare scan",
            1.3,
            ratio_of(
                (rust, "vectors", "W4", "semantic", "cpu"),
                ("scan-rust", "vectors", "W4", "semantic", "cpu"),
            ),
        ),
        (
            "all, 384 dimensions: 4 times ahead of numpy, Rust",
            1 / 4,
            ahead_of((rust, "vectors", "W4", "semantic"), "numpy", "W4"),
        ),
        (
            "a filter that keeps a tenth: not slower than without",
            1,
            ratio_of(
                (rust, "vectors", "W5", "semantic", "cpu"),
                (rust, "vectors", "W4", "semantic", "cpu"),
            ),
        ),
    ]


def per_records(measure: Measure, name: str) -> Measure:
    """As for 100,000 records, where the run had fewer or more."""

    def scaled(results: Results) -> tuple[float, str]:
        value, shown = measure(results)
        records = at(results, name, "vectors128", "W4", "records")
        return value * 100_000 / records, shown

    return scaled


def others() -> list[Target]:
    found: list[Target] = [
        ("get: 10 us, Rust", 10 * US, cost_of("agentmem-rust", "vectors", "W7", "get"))
    ]
    for name, language in AWAITED:
        found += [
            (f"get: 30 us, {language}", 30 * US, cost_of(name, "vectors", "W7", "get")),
            (
                f"the event loop is held for 1 ms at most, one user, {language}",
                MS,
                held(name, "W3"),
            ),
            (
                f"the event loop is held for 1 ms at most, all records, {language}",
                MS,
                held(name, "W4"),
            ),
            (
                f"a new process answers in 30 ms, import included, {language}",
                30 * MS,
                process_of(name, "text", "W6", wall="process"),
            ),
        ]
    found.append(
        (
            "a new process answers in 30 ms, import included, Python, blocking",
            30 * MS,
            process_of("agentmem-python-sync", "text", "W6", wall="process"),
        )
    )
    found.append(
        (
            "what is loaded costs 15 us more awaited than blocking, Python",
            15 * US,
            extra_of("agentmem-python", "agentmem-python-sync"),
        )
    )
    for what, name in (("import", "agentmem-python-sync"), ("require", "agentmem-node")):
        found.append((f"{what}: 25 ms", 25 * MS, process_of(name, "vectors", "W8", wall="wall")))
    for package, size in packages():

        def measure(results: Results, size: int = size) -> tuple[float, str]:
            at(results, "agentmem-python", "vectors", "W8")
            return float(size), f"{size / 1e6:.1f} MB"

        found.append((f"{package}: 8 MB", 8e6, measure))
    return found


@functools.cache
def packages() -> list[tuple[str, int]]:
    """The sizes of what was built; nothing of what was not."""
    found = [
        ("wheel", path.stat().st_size) for path in (ROOT / "bindings/python/dist").glob("*.whl")
    ]
    npm = shutil.which("npm")
    if npm is None:
        return found
    command = [npm, "pack", "--dry-run", "--json", "--ignore-scripts"]
    packed = subprocess.run(
        command, cwd=ROOT / "packages/node-binding", capture_output=True, text=True
    )
    if packed.returncode == 0:
        told = json.loads(packed.stdout)
        first = told[0] if isinstance(told, list) else next(iter(told.values()))
        found.append(("npm package", int(first["size"])))
    return found
