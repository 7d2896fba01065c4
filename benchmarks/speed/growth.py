"""What each call of the core costs as the store grows, with its own table and the whole recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import data
import report

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
    rows = [
        (records, users, measured(bench, records, users))
        for records, users in sizes(bench.options.records)
    ]
    parts = [
        report.part("Writing", WRITING, writing(rows)),
        report.part("One user's questions", ASKING, one_user(rows)),
        report.part("Questions of all", ALL, all_records(rows)),
    ]
    return "\n".join(parts)


WRITING = """\
In batches of 1,000; *last* is of the last tenth. An add is durable. *Beyond text* is what a record
takes on disk beside its text and metadata (*text*)."""
ASKING = """\
Hybrid, from text. *First*: the first question after opening; *other*: the first one of another
user; *loaded*: the same user's next ones. Memory: the most until the first answer."""
ALL = """\
Hybrid, from text, with no user given. *First* reads the whole store. Memory a record: what the
process has when all is loaded."""


def measured(bench: Bench, records: int, users: int) -> dict[str, Any]:
    """Makes a store of that size and asks it, each in a process of its own."""
    options = bench.options
    kept = options.records, options.users
    options.records, options.users = records, users
    found: dict[str, Any] = {}
    try:
        bench.tell(f"{records:,} records of {users:,} users")
        data.make(bench.folder / "data", records, users, vectors=False)
        for workload in ("grow", "ask-user", "ask-all"):
            found.update(bench.work("agentmem-rust", "text", [workload]))
    finally:
        options.records, options.users = kept
        bench.remove("agentmem-rust", "text")
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
                    *(report.seconds(one["addMany"][key]) for key in ("cpu", "last", "wall")),
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
            each = one["now"] / records if one["now"] else None
            lines.append(
                [
                    f"{records:,}",
                    f"{users:,}",
                    report.seconds(one["first"]),
                    *(
                        report.seconds(one[mode]["cpu"])
                        for mode in ("hybrid", "lexical", "semantic")
                    ),
                    report.megabytes(one["peak"]),
                    f"{each:.0f} B" if each else "-",
                ]
            )
    head = [
        "records",
        "users",
        "first",
        "hybrid, CPU",
        "lexical, CPU",
        "semantic, CPU",
        "peak memory",
        "memory a record",
    ]
    return report.table(head, lines)
