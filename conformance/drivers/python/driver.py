"""A driver for Python: `python driver.py Memory` drives that class of agentmem_native."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import re
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import agentmem_native
from values import revive

# The names of what stands before the options.
LEADING = {"add": "content", "addMany": "items", "search": "query", "get": "id", "update": "id"}
LEADING |= {"delete": "id", "history": "id", "backup": "path", "open": "path", "new": "path"}
LEADING |= {"exportTo": "path", "importFrom": "path"}
# Where the value of an option is again options.
NESTED = ("items", "defaults", "recency")


class Driver:
    """Does what is asked with a class whose methods are asynchronous, or block."""

    def __init__(self, memory: Any) -> None:
        self.memory = memory
        self.handles: dict[str, Any] = {}
        self.now: Any = None

    def begin(self, request: dict[str, Any]) -> Any:
        operation, given = request["do"], revive(request.get("with", {}))
        makes = operation in ("open", "new")
        if makes and "now" in request:
            given = {"clock": lambda: self.now, **given}
        options = {snake(name): pythonic(name, value) for name, value in given.items()}
        name = LEADING.get(operation)
        leading = [options.pop(name, None)] if name is not None else []
        if operation == "new":
            return self.memory(*leading, **options)
        target = self.memory if makes else self.handles[request["on"]]
        if operation in ("exportTo", "importFrom") and leading == [None]:
            return in_file(target, snake(operation), options)
        return getattr(target, snake(operation))(*leading, **options)

    async def attempt(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does one request; errors are answers too."""
        try:
            if request["do"] == "parallel":
                return {"value": await asyncio.gather(*map(self.attempt, request["calls"]))}
            if self.memory is agentmem_native.SyncMemory:
                value = await asyncio.to_thread(self.begin, request)
            else:
                value = self.begin(request)
            value = await value if inspect.isawaitable(value) else value
            if "as" in request:
                self.handles[request["as"]] = value
            return {"value": None if "as" in request else to_wire(value)}
        except Exception as error:
            code, field = getattr(error, "code", None), getattr(error, "field", None)
            return {"error": {"code": code, "field": field, "message": repr(error)}}


def in_file(memory: Any, operation: str, options: dict[str, Any]) -> Any:
    """Exports to a file of its own, or imports what was given as its text."""
    folder = tempfile.TemporaryDirectory(prefix="agentmem-export-")
    file = Path(folder.name) / "export.jsonl"
    if "text" in options:
        file.write_bytes(options.pop("text").encode())

    def told(value: Any) -> Any:
        if operation == "import_from":
            return value
        return {"count": value, "text": file.read_bytes().decode()}

    async def awaited(value: Any) -> Any:
        with folder:
            return told(await value)

    if isinstance(memory, (agentmem_native.Memory, agentmem_native.ScopedMemory)):
        return awaited(getattr(memory, operation)(file, **options))
    with folder:
        return told(getattr(memory, operation)(file, **options))


def snake(name: Any) -> Any:
    return (
        re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)
        if isinstance(name, str)
        else name
    )


def pythonic(name: str, value: Any) -> Any:
    """The value of an option, with the names of the options in it as Python spells them."""
    if name in NESTED and isinstance(value, list):
        return [pythonic(name, element) for element in value]
    if name in NESTED and isinstance(value, dict):
        return {snake(key): inner for key, inner in value.items()}
    return value


def to_wire(value: Any) -> Any:
    """An answer as JSON has it: names in camelCase, times as texts."""
    if isinstance(value, list):
        return [to_wire(element) for element in value]
    if isinstance(value, datetime):
        if value.utcoffset() != timedelta(0) or value.microsecond % 1000 != 0:
            raise ValueError("a time is not in UTC, or no whole number of milliseconds")
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if not dataclasses.is_dataclass(value):
        return value
    pairs = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    # A hit has these two only where the search asked for them.
    pairs = [pair for pair in pairs if pair not in (("context", None), ("explain", None))]
    return {
        re.sub("_(.)", lambda found: found[1].upper(), name): to_wire(inner)
        for name, inner in pairs
    }


async def main() -> None:
    driver = Driver(getattr(agentmem_native, sys.argv[1]))
    while line := await asyncio.to_thread(sys.stdin.readline):
        request = json.loads(line)
        driver.now = revive(request.get("now"))
        answer = await driver.attempt(request)
        print(json.dumps({"id": request["id"], **answer}), flush=True)


asyncio.run(main())
