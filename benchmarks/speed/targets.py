"""The targets that the project has set itself, and how far it is from each."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from pathlib import Path

from figures import (
    MS,
    SLOWER,
    US,
    Results,
    Target,
    ahead_of,
    at,
    at_once,
    beside,
    cost_of,
    either,
    extra_of,
    held,
    named,
    number,
    process_of,
    rate_of,
    ratio_of,
    scaled,
)

ROOT = Path(__file__).parent.parent.parent
RUST, PYTHON, SYNC, NODE = (
    "agentmem-rust",
    "agentmem-python",
    "agentmem-python-sync",
    "agentmem-node",
)
LANGUAGES = ((RUST, "Rust"), (PYTHON, "Python"), (NODE, "Node"))
AWAITED = LANGUAGES[1:]
BARE, LOGGED = "sqlite-rust", "sqlite-log-rust"
SAME_TABLES = "bare SQLite with the same tables"
KINDS = (("vectors", "vectors given"), ("text", "from text"))


def every() -> list[Target]:
    return [*adds(), *batches(), *one_user(), *all_records(), *gets(), *loops(), *processes()]


def adds() -> list[Target]:
    found = [Target("an add: one sync", 1, number(RUST, "vectors", "W1", "syncs"))]
    for kind, what in KINDS:
        own, bare, logged = (
            (RUST, kind, "W1", "beside", name, "cpu") for name in ("own", "bare", "logged")
        )
        found.append(
            Target(
                f"an add: CPU at most 3 times bare SQLite's, {what}",
                3,
                ratio_of(own, bare),
                named(SAME_TABLES, ratio_of(logged, bare)),
            )
        )
    for disk, where in (((), ""), (("delayed",), f"where a sync takes {SLOWER} longer, ")):
        for name, language in LANGUAGES:
            least = either(
                named(f"{SAME_TABLES}, 64 rows at a time", at_once(LOGGED, "batch", name, *disk)),
                named("addMany of 64", at_once(name, "batch", name, *disk)),
            )
            what = f"64 adds at once: 8 times the rate, {where}{language}"
            found.append(Target(what, 1 / 8, at_once(name, "together", name, *disk), least))
    return found


def batches() -> list[Target]:
    found = []
    for kind, what in KINDS:
        whole, logged = (RUST, kind, "W2"), (LOGGED, kind, "W2")
        turns = (*whole, "beside")
        found += [
            Target(
                f"addMany: .6 of bare SQLite's rate or more, {what}",
                1 / 0.6,
                rate_of((*turns, "own"), (*turns, "bare")),
                named(SAME_TABLES, rate_of((*turns, "logged"), (*turns, "bare"))),
            ),
            Target(
                f"addMany: the same of bare SQLite with AgentMem's tables, {what}",
                1 / 0.6,
                rate_of((*turns, "own"), (*turns, "logged")),
            ),
            Target(
                f"addMany: the last tenth as quick as the first (within a tenth), {what}",
                1.1,
                ratio_of((*whole, "last"), (*whole, "first")),
                named(SAME_TABLES, ratio_of((*logged, "last"), (*logged, "first"))),
            ),
            Target(
                f"bytes a record beyond text: 600, {what}",
                600,
                number(*whole, "bytes", unit=" B"),
                named(SAME_TABLES, number(*logged, "bytes", unit=" B")),
            ),
        ]
    return found


def one_user() -> list[Target]:
    found = []
    limits = (
        ("vectors", "semantic", 40, 70),
        ("text", "lexical", 60, 90),
        ("text", "hybrid", 200, 250),
    )
    for kind, mode, rust, awaited in limits:
        for name, language in LANGUAGES:
            limit = rust if name == RUST else awaited
            what = f"one user, {mode}: {limit} us, {language}"
            least = None if name == RUST else named("Rust", cost_of(RUST, kind, "W3", mode))
            found.append(Target(what, limit * US, cost_of(name, kind, "W3", mode), least))
    core = (RUST, "vectors", "W3", "semantic")
    turns = beside(("sqlite", "vectors", "W3", "semantic"), "rival")
    for name, language in AWAITED:
        path = (name, "vectors", "W3", "semantic")
        for rival, times in (("sqlite", 10), ("chroma", 1000), ("lancedb", 1000), ("mem0", 1000)):
            shown = "SQLite in Python" if rival == "sqlite" else rival
            by_turns = rival == "sqlite" and name == PYTHON
            found.append(
                Target(
                    f"one user: {times:,} times ahead of {shown}, {language}",
                    1 / times,
                    turns if by_turns else ahead_of(path, rival, "W3"),
                    named("Rust", ahead_of(core, rival, "W3")),
                )
            )
    for kind, mode, _, _ in limits:
        what = f"{mode}, loaded: 15 us more awaited than blocking, Python"
        found.append(Target(what, 15 * US, extra_of(PYTHON, kind, mode)))
    return found


def all_records() -> list[Target]:
    all384, all128 = ("vectors", "W4", "semantic"), ("vectors128", "W4")
    own = (RUST, *all384, "cpu")

    def share(results: Results) -> float:
        return 100_000 / float(at(results, RUST, *all128, "records"))

    return [
        Target(
            "all, 128 dimensions: 2 ms at 100,000",
            2 * MS,
            scaled(cost_of(RUST, *all128, "semantic"), share),
        ),
        Target("all, 384 dimensions: 1.3 of a bare scan", 1.3, beside((RUST, *all384), "scan")),
        Target(
            "all, 384 dimensions: 4 times ahead of numpy, Rust",
            1 / 4,
            ahead_of((RUST, *all384), "numpy", "W4"),
        ),
        Target(
            "all, 384 dimensions: 4 times ahead of numpy on one core, Python",
            1 / 4,
            beside((SYNC, *all384), "numpy"),
        ),
        Target(
            "a filter that keeps a tenth: not slower than without",
            1,
            ratio_of((RUST, "vectors", "W5", "semantic", "cpu"), own),
        ),
    ]


def gets() -> list[Target]:
    found = []
    for name, language in LANGUAGES:
        limit = 10 if name == RUST else 30
        for call, when in (("get", "for the first time"), ("again", "again")):
            found.append(
                Target(
                    f"get, {when}: {limit} us, {language}",
                    limit * US,
                    cost_of(name, "vectors", "W7", call),
                    named("bare SQLite", cost_of(BARE, "vectors", "W7", call)),
                )
            )
    return found


def loops() -> list[Target]:
    found = []
    for name, language in AWAITED:
        for workload, whose in (("W3", "one user"), ("W4", "all records")):
            found.append(
                Target(
                    f"the event loop is held for 1 ms at most, {whose}, {language}",
                    MS,
                    held(name, workload),
                    named("idle", held(name, workload, "alone")),
                )
            )
    return found


def processes() -> list[Target]:
    least = (
        (PYTHON, "Python", "asyncio alone", ("asyncio", "text", "W6")),
        (SYNC, "Python, blocking", "SQLite in Python", ("sqlite", "vectors", "W6")),
        (NODE, "Node", "better-sqlite3", ("better-sqlite3", "vectors", "W6")),
    )
    found = [
        Target(
            f"a new process answers in 30 ms, import included, {language}",
            30 * MS,
            process_of(name, "text", "W6", wall="process"),
            named(other, process_of(*path, wall="process")),
        )
        for name, language, other, path in least
    ]
    for what, name in (("import", SYNC), ("require", NODE)):
        found.append(
            Target(f"{what}: 25 ms", 25 * MS, process_of(name, "vectors", "W8", wall="wall"))
        )
    for package, size in packages():

        def measure(results: Results, size: int = size) -> tuple[float, str]:
            at(results, PYTHON, "vectors", "W8")
            return float(size), f"{size / 1e6:.1f} MB"

        found.append(Target(f"{package}: 8 MB", 8e6, measure))
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
