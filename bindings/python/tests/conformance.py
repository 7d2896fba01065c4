"""Runs the cases of `conformance/` on the two classes of this package.

The format is described in `conformance/README.md`. What stands here does for Python what
`conformance/src` does for TypeScript: the same operations, operators and generators.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from conformance_values import Mismatch, RunnerError, match, resolve

CONFORMANCE = Path(__file__).resolve().parents[3] / "conformance"

CAPABILITIES = frozenset(
    {
        "persistence",
        "lazyOpen",
        "dynamicTypes",
        "nativeValues",
        "pythonValues",
        "largeInputs",
    }
)

DEFAULT_CLOCK = "2026-01-01T00:00:00.000Z"

RECORD_FIELDS = (
    *("id", "content", "userId", "agentId", "runId", "role", "name", "metadata"),
    *("importance", "createdAt", "updatedAt", "expiresAt", "version"),
)

# The fields of answers that are objects: hits before records, which have all of a hit's but three.
ANSWERS = (
    (*RECORD_FIELDS, "score", "context", "explain"),
    RECORD_FIELDS,
    ("before", "after"),
    (
        *("terms", "bm25", "cosine", "near", "coverage", "speaker", "question", "feedback"),
        *("value", "likelihood", "relevance", "recency", "importance"),
    ),
    ("term", "own", "around", "weight"),
    ("seq", "at", "event", "id", "record"),
    ("records", "expired", "past", "events", "bytes", "pendingPurge", "embedder", "dimensions"),
    ("ok", "problems"),
    ("kind", "seq"),
)

# What stands before the options, for each operation.
LEADING = {
    "add": "content",
    "addMany": "items",
    "search": "query",
    "get": "id",
    "update": "id",
    "delete": "id",
    "getAll": None,
    "clear": None,
    "count": None,
    "history": "id",
    "changes": None,
    "compact": None,
    "stats": None,
    "verify": None,
    "reembed": None,
    "backup": "path",
}


@dataclass(frozen=True)
class LoadedCase:
    """One case, with the file that it stands in."""

    file: str
    case: dict[str, Any]
    lacks: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.file}: {self.case['name']}"


def load_cases() -> tuple[int, list[LoadedCase]]:
    """The manifest's total, and every case of every file that it lists."""
    manifest = json.loads((CONFORMANCE / "manifest.json").read_text("utf-8"))
    loaded = []
    for entry in manifest["cases"]:
        content = json.loads((CONFORMANCE / entry["file"]).read_text("utf-8"))
        for case in content["cases"]:
            required = {*content.get("requires", ()), *case.get("requires", ())}
            lacks = tuple(sorted(required - CAPABILITIES))
            loaded.append(LoadedCase(entry["file"], case, lacks))
    if not loaded:
        raise RunnerError("there are no cases")
    return manifest["total"], loaded


class CaseFailure(AssertionError):
    """The implementation does not do what a case says."""

    def __init__(self, loaded: LoadedCase, step: str, mismatch: Mismatch) -> None:
        super().__init__(
            f"{loaded.title}\n"
            f"  step      {step}\n"
            f"  path      {mismatch.path}\n"
            f"  expected  {show(mismatch.expected)}\n"
            f"  actual    {show(mismatch.actual)}"
        )


@dataclass
class Result:
    """What a call came to: an answer in wire form, or what was raised."""

    value: Any = None
    raised: BaseException | None = None

    @property
    def error(self) -> dict[str, Any]:
        return {
            "code": getattr(self.raised, "code", None),
            "field": getattr(self.raised, "field", None),
        }

    @property
    def answer(self) -> Any:
        return self.value if self.raised is None else {"error": self.error}


@dataclass
class CaseRun:
    """One run of a case on a fresh store: its handles, what it saved, its clock and its folder."""

    loaded: LoadedCase
    memory: Any  # the class, Memory or SyncMemory
    blocking: bool
    folder: Path
    handles: dict[str, Any] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)
    now: Any = None

    async def all(self) -> None:
        case = self.loaded.case
        clock = case.get("clock", DEFAULT_CLOCK)
        self.now = None if clock == "system" else milliseconds(clock)
        if not case["steps"]:
            raise RunnerError(f"the case {case['name']!r} has no steps")
        try:
            await self.open_main({})
            for i, step in enumerate(case["steps"]):
                await self.step(step, f"steps[{i}]", 0)
        finally:
            await self.close_all()

    async def step(self, step: dict[str, Any], at: str, index: int) -> None:
        match step["do"]:
            case "repeat":
                for i in range(step.get("times", 1)):
                    for k, inner in enumerate(step["steps"]):
                        await self.step(inner, f"{at}.steps[{k}]", i)
            case "parallel":
                await self.parallel(step, at)
            case _:
                self.settle(step, at, await self.perform(step, index))

    async def parallel(self, step: dict[str, Any], at: str) -> None:
        """Starts all before it waits for one; a blocking class gets a thread for each."""
        started = [
            (inner, f"{at}.steps[{k}]", self.perform(inner, i, in_thread=True))
            for i in range(step.get("times", 1))
            for k, inner in enumerate(step["steps"])
        ]
        results = await asyncio.gather(*(running for _, _, running in started))
        for (inner, inner_at, _), result in zip(started, results, strict=True):
            # Where the case judges all answers together, an error of one may be what it expects.
            if "expect" in inner or "expectError" in inner or "expect" not in step:
                self.settle(inner, inner_at, result)
        self.settle(step, at, Result(value=[result.answer for result in results]))

    async def perform(self, step: dict[str, Any], index: int, *, in_thread: bool = False) -> Result:
        given = resolve(step.get("with", {}), self.saved, index, self.folder)
        action = self.action(step, given)
        try:
            if in_thread and self.blocking:
                value = await asyncio.to_thread(action)
            else:
                value = action()
                if inspect.isawaitable(value):
                    value = await value
        except RunnerError:
            raise
        except Exception as raised:
            return Result(raised=raised)
        return Result(value=to_wire(value))

    def action(self, step: dict[str, Any], given: dict[str, Any]) -> Callable[[], Any]:
        """What a step does; an unknown operation or handle is found before anything is done."""
        operation = step["do"]
        if operation.startswith("file."):
            return lambda: file_operation(operation, given)
        match operation:
            case "open" | "new":
                return lambda: self.open_as(step["as"], given, lazy=operation == "new")
            case "reopen":
                return lambda: self.reopen(given)
            case "clock.set":
                return lambda: setattr(self, "now", milliseconds(given["now"]))
            case "clock.advance":
                return lambda: setattr(self, "now", self.now + given["ms"])
        name = step.get("on", "main")
        if name not in self.handles:
            raise RunnerError(f"no handle is named {name!r}")
        handle = self.handles[name]
        match operation:
            case "close":
                return lambda: handle.close() if hasattr(handle, "close") else None
            case "scoped":
                return lambda: self.keep(step["as"], handle.scoped(**snake_keys(given)))
        if operation not in LEADING:
            raise RunnerError(f"unknown operation {operation!r}")
        args, options = arguments(operation, given)
        return lambda: getattr(handle, snake(operation))(*args, **options)

    def settle(self, step: dict[str, Any], at: str, result: Result) -> None:
        mismatch = judge(step, result, self.saved)
        if mismatch is not None:
            raise CaseFailure(self.loaded, at, mismatch) from result.raised
        if "save" in step and result.raised is None:
            self.saved[step["save"]] = result.value

    def keep(self, name: str, handle: Any) -> None:
        self.handles[name] = handle

    async def open_main(self, changes: dict[str, Any]) -> None:
        own = resolve(self.loaded.case.get("options", {}), self.saved, 0, self.folder)
        await self.open_as("main", {**own, **changes}, lazy=False)

    async def open_as(self, name: str, given: dict[str, Any], *, lazy: bool) -> None:
        options = dict(given)
        path = options.pop("path", str(self.folder / "store.agentmem"))
        if self.loaded.case.get("clock") != "system":
            options.setdefault("clock", lambda: self.now)
        opened = (self.memory if lazy else self.memory.open)(path, **snake_keys(options))
        self.keep(name, await opened if inspect.isawaitable(opened) else opened)

    async def reopen(self, changes: dict[str, Any]) -> None:
        await self.close_all()
        await self.open_main(changes)

    async def close_all(self) -> None:
        handles = list(self.handles.values())
        self.handles.clear()
        for handle in handles:
            closed = handle.close() if hasattr(handle, "close") else None
            if inspect.isawaitable(closed):
                await closed


def judge(step: dict[str, Any], result: Result, saved: dict[str, Any]) -> Mismatch | None:
    """Holds a result against what the step expects: None if it is right."""
    if "expectError" in step:
        return judge_error(step["expectError"], result)
    if result.raised is not None:
        return Mismatch("$", "no error", {**result.error, "raised": repr(result.raised)})
    return match(step["expect"], result.value, saved) if "expect" in step else None


def judge_error(expected: dict[str, Any], result: Result) -> Mismatch | None:
    if result.raised is None:
        return Mismatch("$", {"error": expected}, result.value)
    error = result.error
    if error["code"] != expected["code"]:
        actual = {**error, "raised": repr(result.raised)}
        return Mismatch("$error.code", expected["code"], actual)
    if error["field"] != expected["field"]:
        return Mismatch("$error.field", expected["field"], error["field"])
    leaked = [text for text in expected.get("hides", ()) if text in str(result.raised)]
    return Mismatch("$error.message", {"without": leaked}, str(result.raised)) if leaked else None


def arguments(operation: str, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """`with` as Python's arguments: the leading one by position, options by keyword."""
    options = dict(given)
    leading = LEADING[operation]
    args = [] if leading is None else [options.pop(leading)]
    if operation == "addMany":
        items = args[0]
        args = [[snake_keys(item) for item in items]] if isinstance(items, list) else [items]
        return args, {key: snake_keys(value) for key, value in options.items()}
    if "recency" in options:
        options["recency"] = snake_keys(options["recency"])
    return args, snake_keys(options)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), name)


def snake_keys(options: Any) -> Any:
    """Names of options in Python's spelling; what is no object is passed on, to be refused."""
    if not isinstance(options, dict):
        return options
    return {snake(key) if isinstance(key, str) else key: value for key, value in options.items()}


def to_wire(value: Any) -> Any:
    """An answer in wire form: objects with all their fields, times as text."""
    if isinstance(value, list):
        return [to_wire(element) for element in value]
    if isinstance(value, datetime):
        return time_to_wire(value)
    for fields in ANSWERS:
        if all(hasattr(value, snake(name)) for name in fields):
            answer = {name: to_wire(getattr(value, snake(name))) for name in fields}
            if "score" in answer:
                # On the wire it is not there where it was not asked for.
                for name in ("context", "explain"):
                    if answer[name] is None:
                        del answer[name]
            return answer
    return value


def time_to_wire(value: datetime) -> str:
    if value.utcoffset() != timedelta(0):
        return f"{value!r} is not aware, in UTC"
    if value.microsecond % 1000 != 0:
        return f"{value!r} is no whole number of milliseconds"
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def milliseconds(now: Any) -> Any:
    """Texts are times; all else is what the clock shall give, right or wrong."""
    if not isinstance(now, str):
        return now
    moment = datetime.strptime(now, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (moment - epoch) // timedelta(milliseconds=1)


def file_operation(operation: str, given: dict[str, Any]) -> Any:
    path = Path(given["path"])
    match operation:
        case "file.write":
            path.write_text(given["text"], "utf-8", newline="")
        case "file.folder":
            path.mkdir()
        case "file.link":
            os.link(given["to"], path)
        case "file.read":
            return describe_file(path)
        case _:
            raise RunnerError(f"unknown operation {operation!r}")
    return None


def describe_file(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    return {
        "size": path.stat().st_size,
        "mode": f"{path.stat().st_mode & 0o777:04o}",
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 2000 else f"{text[:2000]}… ({len(text)} characters)"


async def run_case(loaded: LoadedCase, memory: Any, folder: Path, *, blocking: bool) -> None:
    """Runs one case on a class; raises CaseFailure at the first mismatch."""
    await CaseRun(loaded, memory, blocking, folder).all()
