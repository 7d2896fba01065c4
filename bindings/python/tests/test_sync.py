"""What is particular to `SyncMemory`: threads, interruption, the same methods as `Memory`."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from agentmem_native import ClosedError, Memory, ScopedMemory, SyncMemory, SyncScopedMemory


@pytest.mark.parametrize(
    ("blocking", "awaited"), [(SyncMemory, Memory), (SyncScopedMemory, ScopedMemory)]
)
def test_both_classes_have_the_same_methods_with_the_same_options(
    blocking: Any, awaited: Any
) -> None:
    def methods(cls: Any) -> dict[str, Any]:
        found = {"__init__": cls.__init__, **dict(inspect.getmembers(cls, inspect.isroutine))}
        named = {name: method for name, method in found.items() if not name.startswith("_")}
        return {name: inspect.signature(method).parameters for name, method in named.items()}

    assert methods(blocking) == methods(awaited)


def test_threads_share_a_memory(tmp_path: Path) -> None:
    with SyncMemory(tmp_path / "store.db") as memory, ThreadPoolExecutor(16) as threads:
        added = list(threads.map(lambda n: memory.add(f"number {n}", id=str(n)), range(300)))
        found = list(threads.map(lambda record: memory.get(record.id), added))
        assert found == added
        view = memory.scoped(user_id="ada")
        view.add("tea")
        assert (memory.count(), view.count()) == (301, 1)
    with pytest.raises(ClosedError):
        view.count()


def add_for_ever(memory: SyncMemory, items: list[Any]) -> None:
    while True:
        memory.add_many(items)


def test_a_long_call_can_be_interrupted_and_the_memory_goes_on(tmp_path: Path) -> None:
    with SyncMemory(tmp_path / "store.db") as memory:
        items: list[Any] = [{"content": f"green tea number {n} " * 50} for n in range(20_000)]
        memory.count()
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            add_for_ever(memory, items)
        timer.join()
        # Written or not, never half.
        assert memory.count() % len(items) == 0


def test_open_opens_at_once(tmp_path: Path) -> None:
    with SyncMemory.open(tmp_path / "store.db", durability="normal") as memory:
        assert (tmp_path / "store.db").exists()
        assert (
            memory.add_many([{"content": "a"}, {"content": "b"}], defaults={"user_id": "u"})[
                1
            ].user_id
            == "u"
        )
        assert memory.clear(user_id="u") == 2


def test_blocking_code_does_not_wait_for_asyncio_to_be_imported() -> None:
    code = "import sys, agentmem_native; print('asyncio' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
