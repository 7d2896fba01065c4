"""Exports and imports: what only Python has of them (docs/spec chapter 13)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from agentmem_native import (
    AlreadyExistsError,
    ClosedError,
    CorruptError,
    EmbedderMismatchError,
    Imported,
    InvalidArgumentError,
    IoError,
    Memory,
    SyncMemory,
)


def fill(memory: SyncMemory, count: int = 2000) -> None:
    memory.add_many([{"content": f"note {n}", "id": f"id-{n}"} for n in range(count)])


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_store_goes_out_and_comes_back(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with SyncMemory() as memory, SyncMemory() as other:
        fill(memory)
        file = tmp_path / "memory.jsonl"
        assert memory.export_to(file, on_progress=lambda *both: told.append(both)) == 2000
        assert told[-1] == (2000, 2000)
        assert sorted(told) == told
        assert other.import_from(str(file)) == Imported(imported=2000, skipped=0, replaced=0)
        assert other.import_from(file).skipped == 2000
        assert other.get_all() == memory.get_all()
        with pytest.raises(IoError, match="exists"):
            memory.export_to(file)
        other.update("id-7", content="mine")
        with pytest.raises(AlreadyExistsError) as caught:
            other.import_from(file)
        assert caught.value.field == "lines[9]"
        assert other.import_from(file, on_existing="replace").replaced == 1
        view = memory.scoped(user_id="ada")
        assert view.export_to(tmp_path / "none.jsonl") == 0


def test_arguments_that_cannot_be_used(tmp_path: Path) -> None:
    with SyncMemory() as memory:
        calls: list[Any] = [memory.export_to, memory.import_from]
        for call in calls:
            with pytest.raises(InvalidArgumentError) as caught:
                call(tmp_path / "x", on_progress=1)
            assert caught.value.field == "onProgress"
            with pytest.raises(InvalidArgumentError) as caught:
                call(None)
            assert caught.value.field == "path"
        (tmp_path / "bad").write_text('{"agentmem":"export","version":1}\n')
        with pytest.raises(CorruptError) as damaged:
            memory.import_from(tmp_path / "bad")
        assert damaged.value.field == "lines[1]"


def test_what_progress_raises_ends_the_call(tmp_path: Path) -> None:
    def fail(*_: int) -> None:
        raise LookupError("of the caller")

    with SyncMemory() as memory, SyncMemory() as other:
        fill(memory)
        with pytest.raises(LookupError, match="of the caller"):
            memory.export_to(tmp_path / "part", on_progress=fail)
        memory.export_to(tmp_path / "all")
        with pytest.raises(LookupError, match="of the caller"):
            other.import_from(tmp_path / "all", on_progress=fail)
        assert 0 < other.count() < 2000
        assert other.import_from(tmp_path / "all").skipped > 0


async def test_a_task_that_is_cancelled_leaves_no_file_and_can_go_on(tmp_path: Path) -> None:
    async with Memory() as memory, Memory() as other:
        await memory.add_many([{"content": f"note {n}"} for n in range(4000)])
        await memory.export_to(tmp_path / "all")

        def cancel(*_: int) -> None:
            task.cancel()

        task: asyncio.Future[Any]
        task = asyncio.ensure_future(memory.export_to(tmp_path / "part", on_progress=cancel))
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(200):
            if names(tmp_path) == ["all"]:
                break
            await asyncio.sleep(0.01)
        assert names(tmp_path) == ["all"]

        task = asyncio.ensure_future(other.import_from(tmp_path / "all", on_progress=cancel))
        with pytest.raises(asyncio.CancelledError):
            await task
        imported = await other.import_from(tmp_path / "all")
        assert imported.skipped > 0
        assert imported.imported + imported.skipped == 4000
    with pytest.raises(ClosedError):
        await memory.export_to(tmp_path / "late")


async def test_an_embedder_of_ones_own_is_asked_in_batches(tmp_path: Path) -> None:
    asked: list[int] = []

    async def embed(texts: list[str]) -> list[list[float]]:
        asked.append(len(texts))
        return [[len(text), 1.0] for text in texts]

    async with (
        Memory() as memory,
        Memory(embedder={"id": "mine", "dimensions": 2, "embed": embed}) as other,
        Memory(embedder={"id": "mine", "dimensions": 2}) as third,
        Memory(embedder={"id": "another", "dimensions": 2}) as fourth,
    ):
        await memory.add_many([{"content": f"note {n}"} for n in range(150)])
        await memory.export_to(tmp_path / "built in")
        await other.import_from(tmp_path / "built in")
        assert sum(asked) == 150
        assert max(asked) <= 64
        assert (await other.verify()).ok
        await other.export_to(tmp_path / "mine")
        header = json.loads((tmp_path / "mine").read_text().splitlines()[0])
        assert header["embedder"] == {"id": "mine", "dimensions": 2}
        assert (await third.import_from(tmp_path / "mine")).imported == 150
        with pytest.raises(EmbedderMismatchError):
            await fourth.import_from(tmp_path / "mine")
        assert await fourth.count() == 0
