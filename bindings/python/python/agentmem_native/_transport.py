"""Exports and imports, a step at a time, so that they tell how far they are (spec chapter 13)."""

from __future__ import annotations

from . import _embed as embedding
from . import _wire as wire
from ._errors import InvalidArgumentError
from ._native import Imported

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ._native import NativeExporting, NativeImporting, NativeMemory
    from ._types import JsonObject, Progress


class Exporting:
    """An export that is under way."""

    def __init__(
        self,
        native: NativeMemory,
        path: object,
        given: JsonObject,
        unknown: dict[str, NoReturn],
        on_progress: Progress | None,
    ) -> None:
        self._on_progress = _checked(on_progress)
        self._native: NativeExporting = native.export_to(_arguments(path, given, unknown))

    async def run(self) -> int:
        """Does all steps."""
        from . import _outcomes as outcomes  # It needs asyncio, which takes long to import.

        try:
            while (count := self._take(await outcomes.wait(self._native.submit_step))) is None:
                pass
            return count
        finally:
            self._native.end()

    def run_here(self) -> int:
        """Does all steps in this thread."""
        try:
            while (count := self._take(self._native.step())) is None:
                pass
            return count
        finally:
            self._native.end()

    def _take(self, answer: str) -> int | None:
        step = wire.read(answer)
        if step["exported"] is not None:
            return int(step["exported"])
        if self._on_progress is not None:
            self._on_progress(step["done"], step["total"])
        return None


class Importing:
    """An import that is under way."""

    def __init__(
        self,
        native: NativeMemory,
        path: object,
        given: JsonObject,
        unknown: dict[str, NoReturn],
        on_progress: Progress | None,
        own: embedding.Own | None,
        now: int | None,
    ) -> None:
        self._on_progress = _checked(on_progress)
        self._own = own
        self._told = 0
        arguments = _arguments(path, given, unknown)
        self._native: NativeImporting = native.import_from(arguments, own is not None, now)

    async def run(self) -> Imported:
        """Does all steps."""
        made = b""
        try:
            while True:
                step = self._take(await self._step(made))
                if isinstance(step, Imported):
                    return step
                made = await embedding.ask(self._own, step) if self._own and step else b""
        finally:
            self._native.end()

    def run_here(self) -> Imported:
        """Does all steps in this thread."""
        made = b""
        try:
            while True:
                step = self._take(self._native.step(made))
                if isinstance(step, Imported):
                    return step
                made = embedding.ask_here(self._own, step) if self._own and step else b""
        finally:
            self._native.end()

    async def _step(self, made: bytes) -> str:
        from . import _outcomes as outcomes

        answer: str = await outcomes.wait(lambda waiter: self._native.submit_step(made, waiter))
        return answer

    def _take(self, answer: str) -> Imported | list[str]:
        """Gives what it came to, or the texts that need vectors."""
        step: dict[str, Any] = wire.read(answer)
        if step["imported"] is not None:
            return Imported(**step["imported"])
        if self._on_progress is not None and step["done"] > self._told:
            self._on_progress(step["done"], step["total"])
        self._told = step["done"]
        return step["texts"] or []


def _arguments(path: object, given: JsonObject, unknown: dict[str, NoReturn]) -> JsonObject:
    return {"path": wire.path(path), "options": wire.options(given, unknown)}


def _checked(on_progress: Progress | None) -> Callable[[int, int], object] | None:
    if on_progress is not None and not callable(on_progress):
        raise InvalidArgumentError("onProgress must be callable", "onProgress")
    return on_progress
