"""npm run bench:retrieval -- PATH [options]. README.md says what it takes and prints."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forms
import from_now
import packages
import report
import typos

HERE = Path(__file__).parent
AGENTMEM = ("hybrid", "lexical", "semantic")
BASELINES = ("bm25", "bm25-stem", "minilm", "minilm-int8", "fused")
TRANSFORMER = frozenset({"minilm", "minilm-int8", "fused"})
LIMIT = 25


class Stop(Exception):
    """A failure that has been explained: its message is all that the user needs."""


Search = tuple[str | None, str]
"""A user and a query."""


@dataclass
class Plan:
    """What is asked, and the records that it is asked of."""

    records: list[forms.Record]
    asked: list[forms.Question]
    """The questions that are reported."""
    unanswered: dict[str, list[Search]]
    """By kind, what the records do not answer: only the score of its best hit is reported."""

    def searches(self) -> list[Search]:
        own = [(one.user, one.text) for one in self.asked]
        return own + [search for searches in self.unanswered.values() for search in searches]

    def times(self) -> list[float | None]:
        """When each is asked, in seconds since 1970; None: at the time of the clock."""
        times = [one.now for one in self.asked]
        return times + [None] * (len(self.searches()) - len(times))


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    data = forms.load(options.path)
    if options.typos:
        data.form += " with a slip of the keyboard in each question"
        data.questions = typos.misspell(data.questions, options.seed)
    if options.times:
        data.form += {
            "now": ", questions with a date asked from soon after it",
            "date": ", the same questions with their date",
        }[options.times]
        data.questions = from_now.ask(data.questions, options.times)
    plan = make_plan(data, options.split)
    if any(name in BASELINES for name in options.systems):
        packages.install()
    with tempfile.TemporaryDirectory(prefix="agentmem-retrieval-") as folder:
        jobs = Jobs(Path(folder))
        task = make_task(data, plan, options)
        if TRANSFORMER & set(options.systems):
            jobs.run("embed", task)
        tuned = len(task["tuning"]["searches"])
        if tuned:
            task["weight"] = jobs.run("weight", task)
        results = {name: jobs.run(name, task) for name in options.systems}
        own = [name for name in AGENTMEM if name in results]
        same = None if options.no_node or not own else jobs.node(own, task)
        report.write(
            data=data,
            plan=plan,
            results=results,
            weight=(task["weight"], tuned),
            node=same and {name: same[name] == results[name]["hits"] for name in own},
            split=options.split,
            seed=options.seed,
        )
    if same and any(same[name] != results[name]["hits"] for name in own):
        raise Stop("Node and Python give different answers")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    every = ", ".join(AGENTMEM + BASELINES)
    parser = argparse.ArgumentParser(
        prog="npm run bench:retrieval --",
        description="Measures retrieval; benchmarks/retrieval/README.md says how.",
    )
    option = parser.add_argument
    option("path", type=Path, metavar="PATH", help=".json (LoCoMo), .jsonl, or a folder")
    which = parser.add_mutually_exclusive_group()
    for split, what in (("tune", "the tuning questions"), ("all", "all questions")):
        which.add_argument(
            f"--{split}",
            dest="split",
            action="store_const",
            const=split,
            help=f"report on {what}, not on the held-out ones",
        )
    option("--systems", metavar="A,B", help=f"some of {every}")
    option("--no-baselines", action="store_true", help="AgentMem alone: installs nothing")
    option("--no-node", action="store_true", help="do not check that Node gives the same")
    option("--weight", type=float, help="of MiniLM in the fusion, if not to be chosen by tuning")
    option("--typos", action="store_true", help="a slip of the keyboard in each question")
    option(
        "--times",
        choices=("now", "date"),
        help="only questions with a date: asked from soon after it (now), or as they are (date)",
    )
    option("--seed", type=int, default=1, help="of the bootstrap and the slips (1)")
    options = parser.parse_args(arguments)
    options.split = options.split or "test"
    names = options.systems.split(",") if options.systems else AGENTMEM + BASELINES
    for name in names:
        if name not in AGENTMEM + BASELINES:
            parser.error(f"--systems: {name!r} is none of {every}")
    options.systems = [name for name in names if name in AGENTMEM or not options.no_baselines]
    if not options.systems:
        parser.error("--no-baselines leaves nothing of --systems")
    if options.weight is not None and not 0 <= options.weight <= 1:
        parser.error("--weight: 0 to 1")
    return options


def make_plan(data: forms.Data, split: str) -> Plan:
    chosen = [one for one in data.questions if split in ("all", one.split)]
    asked = [one for one in chosen if one.gold]
    if not asked:
        raise Stop(f"no questions with gold among the {split} ones (--all takes every question)")
    users = list(dict.fromkeys(one.user for one in chosen))
    records = records_of(data, users)
    kinds = {
        **foreign(asked, users, records),
        "adversarial": [(one.user, one.text) for one in chosen if not one.gold],
    }
    return Plan(records, asked, {kind: searches for kind, searches in kinds.items() if searches})


def foreign(
    asked: Sequence[forms.Question],
    users: Sequence[str | None],
    records: Sequence[forms.Record],
) -> dict[str, list[Search]]:
    """The questions put to the next user's records, as they are and with that user's names.

    Where the speakers of both have names, a name alone tells a foreign question: hence the second.
    """
    if len(users) < 2:
        return {}
    following = dict(zip(users, [*users[1:], users[0]], strict=True))
    names: dict[str | None, dict[str, None]] = {user: {} for user in users}
    for record in records:
        if "name" in record:
            names[record.get("userId")][record["name"]] = None

    def renamed(one: forms.Question) -> str:
        other = dict(zip(names[one.user], names[following[one.user]], strict=False))
        if not other:
            return one.text
        pattern = "|".join(rf"\b{re.escape(name)}\b" for name in other)
        return re.sub(pattern, lambda match: other[match[0]], one.text)

    return {
        "foreign": [(following[one.user], one.text) for one in asked],
        "foreign, renamed": [(following[one.user], renamed(one)) for one in asked]
        if any(names.values())
        else [],
    }


def records_of(data: forms.Data, users: Sequence[str | None]) -> list[forms.Record]:
    return [record for record in data.records if record.get("userId") in users]


def make_task(data: forms.Data, plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    """What the workers read. Only the fusion's weight is chosen on the tuning questions."""
    tune: list[forms.Question] = []
    if "fused" in options.systems and options.weight is None:
        tune = [one for one in data.questions if one.split == "tune" and one.gold]
    return {
        "records": plan.records,
        "searches": plan.searches(),
        "times": plan.times(),
        "limit": LIMIT,
        "weight": options.weight,
        "tuning": {
            "records": records_of(data, [one.user for one in tune]),
            "searches": [(one.user, one.text) for one in tune],
            "gold": [one.gold for one in tune],
        },
    }


class Jobs:
    """Runs each job in a process of its own, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, job: str, task: dict[str, Any]) -> Any:
        return self.result([sys.executable, str(HERE / "worker.py"), job], [], task)

    def node(self, modes: Sequence[str], task: dict[str, Any]) -> Any:
        print("the same searches through Node", file=sys.stderr)
        return self.result(["node", str(HERE / "answer.mjs")], modes, task)

    def result(self, command: Sequence[str], rest: Sequence[str], task: dict[str, Any]) -> Any:
        paths = [self.folder / "task.json", self.folder / "result.json"]
        paths[0].write_text(json.dumps(task), "utf-8")
        # What a job leaves behind when it is killed goes with the folder.
        env = {**os.environ, "PYTHONPATH": str(packages.FOLDER), "TMPDIR": str(self.folder)}
        job = subprocess.Popen([*command, *map(str, paths), *rest], env=env)
        try:
            code = job.wait()
        except KeyboardInterrupt:
            job.terminate()
            job.wait()
            raise
        if code == 130:
            raise KeyboardInterrupt
        if code != 0:
            raise Stop(f"{Path(command[-1]).name} ended with code {code}")
        return json.loads(paths[1].read_text("utf-8"))


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except (Stop, forms.FormError, packages.InstallError) as error:
        sys.exit(str(error))
