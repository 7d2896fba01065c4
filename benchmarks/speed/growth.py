"""What each call of the core costs as the store grows, with its own table and the whole recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import data
import figures
import growth_targets
import report
from systems import SYSTEMS

if TYPE_CHECKING:
    from bench import Bench

HUNDRED = 100
"""Records of a user, where their number grows."""


def sizes(most: int) -> list[tuple[int, int]]:
    """Records and users: first more of both, then a tenth as many records of ever more users."""
    records = [10**power for power in range(3, 10) if 10**power <= most] or [most]
    some = max(1, most // 10)
    users = [10**power for power in range(6) if 10**power <= some]
    return [(count, max(1, count // HUNDRED)) for count in records] + [
        (some, count) for count in users if count != max(1, some // HUNDRED)
    ]


def run(bench: Bench) -> str:
    import bench as program

    bench.binary = program.build()
    asked = sizes(bench.options.records)
    least, most = asked[0], max(asked)
    rows = [(*size, measured(bench, *size, starts=size in (least, most))) for size in asked]
    found = {(records, users): one for records, users, one in rows}
    results = {"least": found[least], "most": found[most]}
    parts = [
        report.part("Targets", "", figures.table(results, growth_targets.every(most[0]))),
        report.part("Writing", WRITING, writing(rows)),
        report.part("One user's questions", ASKING, one_user(rows)),
        report.part("Questions of all", ALL, all_records(rows)),
        report.part("A new process", report.COLD + NEW, new_process(rows)),
    ]
    return "\n".join(one for one in parts if one)


WRITING = """\
In batches of 1,000; *begin* is of the first ten batches, *last* of the last tenth. An add is
durable. *Beyond text* is what a record takes on disk beside its text and metadata (*text*)."""
ASKING = """\
Hybrid, from text. *First*: the first question after opening; *other*: the first one of another
user; *loaded*: the same user's next ones. Memory: the most until the first answer."""
ALL = """\
Hybrid, from text, with no user given. *First* reads the whole store. Memory a record: what the
process has when all is loaded. *Semantic* is asked with the process held to one core, of vectors of
128 bytes; *reading* is the mere reading of so many bytes."""
NEW = """
The question is hybrid, from text, on the store whose figures stand above; SQLite's vectors are
given, of 128 float32 components."""
STARTED = ("agentmem-rust", "agentmem-python-sync", "agentmem-python", "asyncio", "agentmem-node")
RIVAL = "sqlite"


def measured(bench: Bench, records: int, users: int, *, starts: bool) -> dict[str, Any]:
    """Makes a store of that size and asks it, each in a process of its own."""
    options = bench.options
    kept = options.records, options.users
    options.records, options.users = records, users
    found: dict[str, Any] = {}
    try:
        bench.tell(f"{records:,} records of {users:,} users: making them")
        data.make(bench.folder / "data", records, users, vectors=False)
        for workload in ("grow", "ask-user", "ask-all"):
            bench.tell(f"{records:,} records of {users:,} users: {workload}")
            found.update(bench.work("agentmem-rust", "text", [workload]))
        if starts:
            found["starts"] = started(bench)
    finally:
        options.records, options.users = kept
        bench.remove("agentmem-rust", "text")
    return found


def started(bench: Bench) -> dict[str, Any]:
    """New processes on that store, and on SQLite with as many records."""
    store = bench.folder / "agentmem-rust-text"
    found: dict[str, Any] = {}
    for name in STARTED:
        if name in bench.options.systems:
            bench.tell(f"new processes: {name}")
            found[name] = bench.cold(name, "text", store).get("W6")
    if RIVAL in bench.options.systems and bench.installed(RIVAL):
        bench.tell(f"new processes: {RIVAL}")
        data.make_short(bench.folder / "data", bench.options.records)
        found[RIVAL] = bench.cold(RIVAL, "vectors128").get("W6")
        bench.remove(RIVAL, "vectors128")
    return found


Rows = list[tuple[int, int, dict[str, Any]]]


def writing(rows: Rows) -> list[str]:
    lines = []
    for records, users, found in rows:
        if "grow" in found:
            one, add = found["grow"], found["grow"]["add"]
            lines.append(
                [
                    f"{records:,}",
                    f"{users:,}",
                    *(
                        report.seconds(one["addMany"][key])
                        for key in ("cpu", "begin", "last", "wall")
                    ),
                    *(report.seconds(add[key]) for key in ("cpu", "median")),
                    f"{one['bytes']:.0f} B",
                    f"{one['text']:.0f} B",
                    report.megabytes(one["disk"]),
                    report.megabytes(one["peak"]),
                ]
            )
    head = [
        "records",
        "users",
        "addMany, CPU",
        "begin",
        "last",
        "wall",
        "add, CPU",
        "wall",
        "beyond text",
        "text",
        "disk",
        "peak memory",
    ]
    return report.table(head, lines)


def one_user(rows: Rows) -> list[str]:
    lines = []
    for records, users, found in rows:
        if "ask-user" in found:
            one = found["ask-user"]
            lines.append(
                [
                    f"{records:,}",
                    f"{users:,}",
                    f"{records // users:,}",
                    *(report.seconds(one[key]) for key in ("open", "first", "other")),
                    *(report.seconds(one["warm"][key]) for key in ("cpu", "median")),
                    *(report.seconds(one["get"][key]) for key in ("cpu", "median")),
                    report.megabytes(one["peak"]),
                ]
            )
    head = [
        "records",
        "users",
        "a user's",
        "open",
        "first",
        "other",
        "loaded, CPU",
        "wall",
        "get, CPU",
        "wall",
        "memory",
    ]
    return report.table(head, lines)


def all_records(rows: Rows) -> list[str]:
    lines = []
    for records, users, found in rows:
        if "ask-all" in found:
            one = found["ask-all"]
            lines.append(
                [
                    f"{records:,}",
                    f"{users:,}",
                    report.seconds(one["first"]),
                    *(report.seconds(one[mode]["cpu"]) for mode in ("hybrid", "lexical")),
                    *(report.seconds(one["semantic"][key]) for key in ("cpu", "median")),
                    report.seconds(one["reading"]["cpu"]),
                    report.megabytes(one["peak"]),
                    f"{one['each']:.0f} B" if one["each"] else "-",
                ]
            )
    head = [
        "records",
        "users",
        "first",
        "hybrid, CPU",
        "lexical, CPU",
        "semantic, CPU",
        "wall",
        "reading, CPU",
        "peak memory",
        "memory a record",
    ]
    return report.table(head, lines)


def new_process(rows: Rows) -> list[str]:
    lines = []
    for records, users, found in rows:
        for name, one in found.get("starts", {}).items():
            if one is not None:
                lines.append(
                    [
                        f"{records:,}",
                        f"{users:,}",
                        SYSTEMS[name].label,
                        *(report.seconds(one[key]) for key in ("cpu", "process")),
                        *(report.seconds(one[key]) for key in ("import", "answer")),
                        report.megabytes(one["peak"]),
                    ]
                )
    head = ["records", "users", "system", "CPU", "wall", "from import", "from open", "peak memory"]
    return report.table(head, lines)
