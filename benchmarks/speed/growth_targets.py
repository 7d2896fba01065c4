"""The targets that speak of a million records, of the largest store that was made."""

from __future__ import annotations

from figures import (
    MS,
    Measure,
    Results,
    Target,
    at,
    cost_of,
    named,
    number,
    process_of,
    ratio_of,
    scaled,
)

MILLION = 1_000_000
STARTED = (
    ("agentmem-rust", "Rust"),
    ("agentmem-python-sync", "Python, blocking"),
    ("agentmem-python", "Python"),
    ("agentmem-node", "Node"),
)


def every(records: int) -> list[Target]:
    """Of results that have the figures of two stores: the `least` and the `most`."""
    return [*writing(records), *asking(records), *starting(records)]


def writing(records: int) -> list[Target]:
    grown = ("most", "grow", "addMany")
    return [
        Target(
            f"addMany: as quick at the end of {records:,} as {what} (within a tenth)",
            1.1,
            ratio_of((*grown, "last"), (*grown, key)),
        )
        for key, what in (("first", "in the first tenth"), ("begin", "in the first ten thousand"))
    ]


def asking(records: int) -> list[Target]:
    path, semantic = ("most", "ask-all"), cost_of("most", "ask-all", "semantic")
    return [
        Target(
            f"all {records:,}, 128 dimensions: 20 ms for a million, on one core",
            20 * MS,
            scaled(semantic, lambda _: MILLION / records),
            named("reading", cost_of(*path, "reading")),
        ),
        Target(
            f"memory a record, all of {records:,} loaded, text and tokens too: 600 B",
            600,
            number(*path, "each", unit=" B"),
        ),
    ]


def starting(records: int) -> list[Target]:
    found = []
    rival = process_of("most", "starts", "sqlite", wall="process")
    alone = process_of("most", "starts", "asyncio", wall="process")
    for name, language in STARTED:
        least = named("asyncio alone", alone)
        found.append(
            Target(
                f"a new process on {records:,} records: 30 ms with the import, {language}",
                30 * MS,
                process_of("most", "starts", name, wall="process"),
                least if language == "Python" else named("SQLite in Python", rival),
            )
        )
    for name, language in STARTED:
        found.append(
            Target(
                f"its memory: on {records:,} as on the fewest (within a tenth), {language}",
                1.1,
                memory_of(name),
                named("SQLite in Python", memory_of("sqlite")),
            )
        )
    return found


def memory_of(name: str) -> Measure:
    def measure(results: Results) -> tuple[float, str]:
        most, least = (
            float(at(results, size, "starts", name, "peak")) for size in ("most", "least")
        )
        return most / least, f"{most / 1e6:.1f} and {least / 1e6:.1f} MB"

    return measure
