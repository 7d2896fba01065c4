"""What Python takes for a coroutine that has nothing to do: the least for whatever is awaited."""

from __future__ import annotations

from systems import LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from systems import Question, Record


class Alone:
    blocking = False

    def open(self, folder: Path, kind: str) -> None:
        pass

    def add(self, record: Record) -> None:
        pass

    def add_many(self, records: Sequence[Record]) -> None:
        pass

    async def search(
        self, question: Question, mode: str, user: str | None, category: str | None
    ) -> list[str]:
        return [""] * LIMIT

    def ids(self, found: Any) -> list[str]:
        return list(found)

    def get(self, record: Record) -> None:
        pass

    def update(self, record: Record, text: str) -> None:
        pass

    def delete(self, record: Record) -> None:
        pass

    def close(self) -> None:
        pass


make = Alone
