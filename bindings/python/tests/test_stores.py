"""The stores that must be opened for ever after, and that need nothing but SQLite to be read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from agentmem_native import Record, SyncMemory, UnsupportedFormatError

STORES = Path(__file__).parents[3] / "conformance" / "stores"
NAMES = sorted(path.stem for path in STORES.glob("*.agentmem"))
# Read as they are: the others have vectors of an older table, or tables that must be made anew.
CURRENT = ("format-2", "format-3")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line)["record"] for line in text.splitlines()]


def read(path: Path) -> list[dict[str, Any]]:
    """What the reader of the specification finds in a file."""
    command = [sys.executable, str(STORES / "reader.py"), str(path)]
    return lines(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)


def time(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "content": record.content,
        "userId": record.user_id,
        "agentId": record.agent_id,
        "runId": record.run_id,
        "role": record.role,
        "name": record.name,
        "metadata": record.metadata,
        "importance": record.importance,
        "createdAt": time(record.created_at),
        "updatedAt": time(record.updated_at),
        "expiresAt": time(record.expires_at),
        "version": record.version,
    }


def by_id(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: str(record["id"]))


@pytest.fixture(params=NAMES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copy(STORES / f"{request.param}.agentmem", tmp_path))


def test_there_is_one_of_every_format() -> None:
    assert NAMES == ["format-1", "format-1-first", "format-2", "format-2-first", "format-3"]


def test_a_reader_with_nothing_but_sqlite_agrees(store: Path) -> None:
    expected = lines((STORES / f"{store.stem}.jsonl").read_text("utf-8"))
    assert read(store) == expected
    with SyncMemory(store) as memory:
        assert by_id([wire(record) for record in memory.get_all()]) == by_id(expected)
        # Also while it is open, and what it wrote is in the log.
        added = memory.add("new", metadata={"n": 1.5, "é": ["ü"]}, user_id="eve", importance=0.75)
        assert read(store)[-1] == wire(added)
        export = store.with_suffix(".jsonl")
        memory.export_to(export)
        assert lines("\n".join(export.read_text("utf-8").splitlines()[1:-1])) == read(store)
    assert read(store) == [*expected, wire(added)]


def test_it_is_brought_up_and_whole(store: Path) -> None:
    with SyncMemory(store) as memory:
        assert memory.verify().ok
        assert memory.search("Which pet did Lin adopt?")[0].id == "turn-1"
    with SyncMemory(store, read_only=True) as memory:
        assert memory.verify().ok


def test_through_read_only_it_stays_byte_for_byte(store: Path) -> None:
    before = store.read_bytes()
    expected = lines((STORES / f"{store.stem}.jsonl").read_text("utf-8"))
    if store.stem in CURRENT:
        with SyncMemory(store, read_only=True) as memory:
            assert by_id([wire(record) for record in memory.get_all()]) == by_id(expected)
    else:
        with pytest.raises(UnsupportedFormatError):
            SyncMemory(store, read_only=True).count()
    assert store.read_bytes() == before
