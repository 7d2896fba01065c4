"""Every case of `conformance/`, on the class with asynchronous methods and on the blocking one."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from agentmem_native import Memory, SyncMemory

# Under pytest's importlib mode the folder of a test is not on the path.
sys.path.insert(0, str(Path(__file__).parent))

from conformance import LoadedCase, load_cases, run_case

TOTAL, CASES = load_cases()
CLASSES = [Memory, SyncMemory]
TALLY: Counter[str] = Counter()


@pytest.mark.parametrize("memory", CLASSES, ids=lambda memory: memory.__name__)
@pytest.mark.parametrize("loaded", CASES, ids=lambda loaded: loaded.title)
async def test_case(loaded: LoadedCase, memory: Any, tmp_path: Path) -> None:
    if loaded.lacks:
        TALLY["skipped"] += 1
        pytest.skip(f"requires {', '.join(loaded.lacks)}")
    # Counted as failed first: whatever ends the case early is not lost.
    TALLY["failed"] += 1
    await run_case(loaded, memory, tmp_path, blocking=memory is SyncMemory)
    TALLY["failed"] -= 1
    TALLY["passed"] += 1


def test_every_case_of_the_manifest_is_accounted_for() -> None:
    assert TALLY["passed"] + TALLY["failed"] > 0, "an empty run"
    assert TALLY.total() == TOTAL * len(CLASSES)
