"""npm run bench:speed -- [options]. README.md says what it measures and prints."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import data
import figures
import growth
import packages
import report
import systems
import targets
from systems import SYSTEMS, Entry

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8")
READING = ("W3", "W4", "W5")
ADDS = 2000
TOGETHER = 10_000
COLD_STARTS = 15
FEWEST_STARTS = 5
IMPORTS = 11
LONGEST = 1800
"""A process that takes more seconds than this is stopped, and named."""
QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "LANCEDB_TELEMETRY": "0",
    "LANGSMITH_TRACING": "false",
    "MEM0_TELEMETRY": "False",
    "OPENAI_API_KEY": "unused",
    "POSTHOG_DISABLED": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Nobody phones home."""

Results = dict[str, dict[str, dict[str, Any]]]
"""By system, kind and workload."""


class Stop(Exception):
    """A failure that has been explained: its message is all that the user needs."""


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    options.commit = report.commit()  # before a long run, in which it may become another
    with tempfile.TemporaryDirectory(prefix="agentmem-speed-", dir=options.folder) as folder:
        bench = Bench(Path(folder), options)
        if options.growth:
            tables = growth.run(bench)
            tables += report.left_out_of(bench.left_out)
        else:
            results = bench.run()
            tables = report.tables(results, bench.left_out, options)
    text = f"{report.heading(options)}\n\n{tables}"
    if options.out is None:
        print(f"\n{text}", end="")
    else:
        options.out.write_text(text, "utf-8")
        print(f"written to {options.out}", file=sys.stderr)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="npm run bench:speed --",
        description="Measures speed; benchmarks/speed/README.md says how.",
    )
    option = parser.add_argument
    option("growth", nargs="?", choices=["growth"], help="how each cost grows, for AgentMem alone")
    option("--records", type=positive, help="how many records (100000; growth: at most 1000000)")
    option("--users", type=positive, help="how many users they are of (a hundredth)")
    option("--systems", metavar="A,B", help=f"some of {', '.join(SYSTEMS)}")
    option("--workloads", metavar="W1,W2", help=f"some of {', '.join(WORKLOADS)}")
    option("--kinds", metavar="A,B", help=f"some of {', '.join(systems.DIMENSIONS)}")
    option("--quick", action="store_true", help="10000 records, fewer calls")
    option("--seconds", type=float, default=6, help="at most so long for one kind of call (6)")
    option("--folder", type=Path, help="where the stores are made, on a disk that you mean")
    option("--out", type=Path, help="a file for the tables, instead of standard output")
    options = parser.parse_args(arguments)
    usual = 1_000_000 if options.growth else 100_000
    options.records = options.records or (10_000 if options.quick else usual)
    options.users = options.users or max(1, options.records // 100)
    if options.users > options.records:
        parser.error("--users: more than records")
    options.systems = chosen(parser, "systems", options.systems, SYSTEMS)
    options.workloads = chosen(parser, "workloads", options.workloads, WORKLOADS)
    options.kinds = chosen(parser, "kinds", options.kinds, systems.DIMENSIONS)
    options.adds = min(500 if options.quick else ADDS, options.records)
    options.together = min(TOGETHER, options.records)
    return options


def chosen(
    parser: argparse.ArgumentParser, what: str, given: str | None, names: Iterable[str]
) -> list[str]:
    for name in given.split(",") if given else []:
        if name not in names:
            parser.error(f"--{what}: {name!r} is none of {', '.join(names)}")
    return [name for name in names if not given or name in given.split(",")]


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


class Bench:
    """Runs each part in a process of its own, one after the other."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.left_out: dict[str, str] = {}
        """Why a system, or one of its workloads, has no figures."""
        self.binary = ""
        self.shim = ""

    def run(self) -> Results:
        options = self.options
        names = [name for name in options.systems if self.installed(name)]
        vectors = any(kind != "text" for kind in options.kinds)
        self.tell("making the records")
        data.make(self.folder / "data", options.records, options.users, vectors=vectors)
        if any(SYSTEMS[name].language == "rust" for name in names):
            self.binary = build()
        self.shim = build_shim(self.folder)
        results: Results = {}
        try:
            for name in names:
                for kind in [one for one in SYSTEMS[name].kinds if one in options.kinds]:
                    results.setdefault(name, {})[kind] = {}
                    self.system(name, kind, results[name][kind])
        except KeyboardInterrupt:
            self.left_out["the rest"] = "the run was stopped"
        return results

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def installed(self, name: str) -> bool:
        entry = SYSTEMS[name]
        problem = packages.install(entry.language, entry.packages)
        if problem is not None:
            self.left_out[name] = f"could not be installed: {problem}"
        return problem is None

    def system(self, name: str, kind: str, found: dict[str, Any]) -> None:
        """Runs all workloads of a system; those that read one store share a process."""
        entry = SYSTEMS[name]
        wanted = [one for one in self.options.workloads if one in entry.workloads]
        if kind == "vectors128":
            wanted = [one for one in wanted if one == "W4"]
        for group in grouped(wanted, entry.volatile):
            self.tell(f"{name}, {kind}: {', '.join(group)}")
            if group == ["W6"]:
                found.update(self.cold(name, kind))
            elif group == ["W8"]:
                if kind == entry.kinds[0]:
                    found["W8"] = imports(entry)
            else:
                found.update(self.work(name, kind, group))
        if "W1" in found and self.shim and name != "disk" and not entry.volatile:
            counted = self.work(name, kind, ["syncs"])
            if counted:
                found["W1"]["syncs"] = counted["syncs"]["count"]
            if "together" in found["W1"] or name in (targets.BARE, targets.LOGGED):
                self.remove(name, kind)
                found["W1"]["delayed"] = self.work(name, kind, ["W1"], delayed=True).get("W1")
        self.remove(name, kind)

    def remove(self, name: str, kind: str) -> None:
        for suffix in ("", "-one", "-batches", "-together", "-syncs", "-beside"):
            shutil.rmtree(self.folder / f"{name}-{kind}{suffix}", ignore_errors=True)

    def task(self, name: str, kind: str, workloads: Sequence[str]) -> dict[str, Any]:
        options = self.options
        records = min(options.records, SYSTEMS[name].most)
        return {
            "system": name,
            "kind": kind,
            "workloads": workloads,
            "records": records,
            "made": options.records,
            "whole": records == options.records,
            "own": records == options.records or records % data.BEHIND == 0,
            "data": str(self.folder / "data"),
            "store": str(self.folder / f"{name}-{kind}"),
            "seconds": options.seconds,
            "adds": options.adds,
            "together": options.together,
        }

    def work(
        self, name: str, kind: str, workloads: Sequence[str], *, delayed: bool = False
    ) -> dict[str, Any]:
        """Runs a worker. One that fails is named, and the others go on.

        Delayed, each of its syncs takes `figures.SYNC_DELAY` longer.
        """
        task, result = self.folder / "task.json", self.folder / "result.json"
        task.write_text(json.dumps(self.task(name, kind, workloads)), "utf-8")
        result.unlink(missing_ok=True)
        env = self.environment(SYSTEMS[name])
        if workloads == ["syncs"]:
            env |= {"LD_PRELOAD": self.shim, "AGENTMEM_SYNCS": str(self.folder / "syncs")}
        if delayed:
            env |= {"LD_PRELOAD": self.shim, "AGENTMEM_SYNC_DELAY": str(figures.SYNC_DELAY)}
        where = f"{name}, {kind}, {', '.join(workloads)}"
        try:
            done = run([*self.command(name), str(task), str(result)], env)
        except subprocess.TimeoutExpired:
            self.left_out[where] = f"took more than {LONGEST} s"
            return {}
        if done.returncode != 0 or not result.exists():
            self.tell(done.stderr)
            lines = done.stderr.strip().splitlines() or ["nothing"]
            self.left_out[where] = f"ended with code {done.returncode}: {lines[-1][:200]}"
            return {}
        found: dict[str, Any] = json.loads(result.read_text("utf-8"))
        for one in found.values():
            one["records"] = min(self.options.records, SYSTEMS[name].most)
        return found

    def environment(self, entry: Entry) -> dict[str, str]:
        env = {**environment(entry), "MEM0_DIR": str(self.folder / "mem0")}
        # Where AgentMem stands beside numpy in one process, both have one core.
        return {**env, "OPENBLAS_NUM_THREADS": "1"} if entry.module == "agentmem" else env

    def command(self, name: str) -> list[str]:
        language = SYSTEMS[name].language
        if language == "rust":
            return [self.binary, "work"]
        if language == "node":
            return ["node", str(HERE / "worker.mjs")]
        return [sys.executable, str(HERE / "worker.py")]

    def cold(self, name: str, kind: str, store: Path | None = None) -> dict[str, Any]:
        """New processes, one after the other; what the bare language takes is taken off."""
        entry = SYSTEMS[name]
        store = store or self.folder / f"{name}-{kind}"
        if not store.exists() and not self.work(name, kind, ["W2"]):
            return {}
        starts = {"rust": [self.binary, "cold"], "node": ["node", str(HERE / "cold.mjs")]}
        start = starts.get(entry.language, [sys.executable, str(HERE / "cold.py"), name])
        if entry.language == "node":
            start.append(name)
        mode, env = "hybrid" if kind == "text" else "semantic", self.environment(entry)
        rows: list[list[float]] = []
        begun = time.perf_counter()
        for place in range(COLD_STARTS):
            question = self.question(place, kind)
            wall, cpu, told = spent([*start, str(store), kind, mode, str(question)], env)
            bare = spent(self.bare(entry, str(store), kind, mode, str(question)), env)
            values = [float(value) for value in told.split()]
            if len(values) != 4 or values[3] < 1:
                self.left_out[f"{name}, {kind}, W6"] = "gave no answer"
                return {}
            rows.append([wall - bare[0], cpu - bare[1], *values])
            took = time.perf_counter() - begun
            if took > self.options.seconds and (place + 1 >= FEWEST_STARTS or wall > took / 2):
                break
        columns = ("process", "cpu", "import", "answer", "peak")
        medians = [statistics.median(row) for row in zip(*rows, strict=True)]
        found = dict(zip(columns, medians, strict=False))
        return {"W6": {**found, "records": min(self.options.records, entry.most)}}

    def bare(self, entry: Entry, *rest: str) -> list[str]:
        """What takes as long as a new process of a language that opens nothing and asks nothing."""
        if entry.language == "python":
            return [sys.executable, str(HERE / "cold.py"), "nothing", *rest]
        if entry.language == "node":
            return ["node", str(HERE / "cold.mjs"), "nothing", *rest]
        return BARE[entry.language]

    def question(self, place: int, kind: str) -> Path:
        """A question as cold.py reads it: user, text, and the numbers of its vector."""
        from worker import questions

        task = self.task("agentmem-python", kind, [])
        asked = questions(task)[place]
        path = self.folder / "question.txt"
        numbers = " ".join(map(str, asked.vector))
        path.write_text(f"{asked.user}\n{asked.text}\n{numbers}", "utf-8")
        return path


BARE = {"python": [sys.executable, "-c", "pass"], "node": ["node", "-e", "0"], "rust": ["true"]}


def grouped(wanted: Sequence[str], volatile: bool) -> list[list[str]]:
    """Which workloads share a process: those that read; where nothing lasts, nearly all."""
    alone = [[one] for one in wanted if one in ("W1", "W2", "W6", "W7", "W8")]
    reading = [one for one in wanted if one in READING]
    if volatile:
        once = [one for one in wanted if one not in ("W1", "W8")]
        rest = [[one] for one in wanted if one in ("W1", "W8")]
        return rest[:1] + ([once] if once else []) + rest[1:]
    before = [one for one in alone if one[0] in ("W1", "W2")]
    return before + ([reading] if reading else []) + [one for one in alone if one not in before]


def environment(entry: Entry) -> dict[str, str]:
    folder = packages.folder_of(entry.language, entry.packages)
    env = {**os.environ, **QUIET}
    if entry.language == "node":
        return {**env, "AGENTMEM_PACKAGES": str(folder)}
    return {**env, "PYTHONPATH": str(folder)} if entry.packages else env


def imports(entry: Entry) -> dict[str, Any]:
    """What importing costs beyond starting the language: medians, taken by turns."""
    if entry.language == "rust":
        return {}
    if entry.language == "python":
        command = [sys.executable, "-c", entry.imports]
    elif entry.imports:
        require = "require('module').createRequire(process.env.AGENTMEM_PACKAGES + '/package.json')"
        command = ["node", "-e", f"{require}('{entry.imports}')"]
    else:
        command = ["node", "-e", "require('@agentmem/native')"]
    env = environment(entry)
    pairs = [(spent(command, env), spent(BARE[entry.language], env)) for _ in range(IMPORTS)]
    wall = statistics.median(one[0] - bare[0] for one, bare in pairs)
    cpu = statistics.median(one[1] - bare[1] for one, bare in pairs)
    return {"wall": wall, "cpu": cpu, "bare": statistics.median(bare[0] for _, bare in pairs)}


def spent(command: Sequence[str], env: dict[str, str]) -> tuple[float, float, str]:
    """Seconds by the clock, and of all processors, that a process takes, and what it prints."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, env=env, cwd=HERE, stdout=subprocess.PIPE, text=True)
    with child.stdout or open(os.devnull) as stream:
        told = stream.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Stop(f"{' '.join(command)} ended with code {child.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, told


def run(command: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    child = subprocess.Popen(
        command, env=env, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = child.communicate(timeout=LONGEST)
    except BaseException:
        child.kill()
        child.wait()
        raise
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def build() -> str:
    """Builds the workloads of Rust, beside the packages, and gives the path of the program."""
    command = ["cargo", "build", "--locked", "--release", "--target", "host-tuple"]
    command += ["--package", "agentmem-speed", "--bin", "agentmem-speed"]
    command += ["--message-format", "json-render-diagnostics", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Stop("the workloads of Rust could not be built")
    made = [json.loads(line).get("executable") for line in done.stdout.splitlines()]
    return str(next(path for path in made if path))


def build_shim(folder: Path) -> str:
    """The shim that counts syncs; nothing where there is none."""
    made = folder / "syncs.so"
    source = ROOT / "tests" / "processes" / "syncs.c"
    command = ["cc", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"]
    if sys.platform != "linux" or subprocess.run(command).returncode != 0:
        return ""
    return str(made)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except Stop as error:
        sys.exit(str(error))
