"""What conformance cases cannot say of an embedder: coroutines, threads, numpy, cancellation."""

from __future__ import annotations

import array
import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from agentmem_native import (
    AgentMemError,
    ClosedError,
    Embedder,
    EmbedderFailedError,
    EmbedderMismatchError,
    InvalidArgumentError,
    Memory,
    SyncMemory,
)

numpy = pytest.importorskip("numpy")

GUIDES = Path(__file__).parents[3] / "docs" / "guide"


def vector_of(text: str) -> list[float]:
    """Two components that tell texts apart."""
    return [len(text), ord(text[-1])]


def mine(embed: Any = None) -> Embedder:
    return {"id": "mine", "dimensions": 2, "embed": embed}


class Callable:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def __call__(self, texts: list[str]) -> list[list[float]]:
        self.sizes.append(len(texts))
        return [vector_of(text) for text in texts]


async def test_embed_may_be_a_coroutine_function_or_an_object_and_is_given_batches() -> None:
    embed = Callable()
    async with Memory(embedder=mine(embed)) as memory:
        await memory.add_many([{"content": f"note {n}"} for n in range(150)])
        assert embed.sizes == [64, 64, 22]
        await memory.search("note")
        await memory.search("note", mode="lexical")
        await memory.search(" ")
        assert embed.sizes == [64, 64, 22, 1]


async def test_a_plain_embed_runs_in_another_thread_and_holds_nothing_up() -> None:
    begun, go_on = threading.Event(), threading.Event()
    threads: list[int] = []

    def embed(texts: list[str]) -> list[list[float]]:
        threads.append(threading.get_ident())
        begun.set()
        assert go_on.wait(30)
        return [vector_of(text) for text in texts]

    async with Memory(embedder=mine(embed)) as memory:
        slow = asyncio.create_task(memory.add("slow"))
        await asyncio.to_thread(begun.wait)
        assert (await memory.add("quick", embedding=[1, 0])).version == 1
        assert await memory.count() == 1
        closing = asyncio.create_task(memory.close())
        await asyncio.sleep(0)
        go_on.set()
        assert (await slow).version == 1
        await closing
    assert threads != [threading.get_ident()]


async def test_a_call_that_is_cancelled_while_embed_runs_writes_nothing_and_frees_the_memory() -> (
    None
):
    began = asyncio.Event()
    cancelled: list[bool] = []

    async def embed(texts: list[str]) -> list[list[float]]:
        began.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return []

    async with Memory(embedder=mine(embed), max_queued=1) as memory:
        task = asyncio.create_task(memory.add("tea"))
        await began.wait()
        with pytest.raises(AgentMemError, match="maxQueued"):
            await memory.count()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancelled == [True]
        assert await memory.count() == 0


async def test_what_embed_raises_is_the_cause() -> None:
    cause = OSError("the model is away")

    def embed(_: list[str]) -> Any:
        raise cause

    with SyncMemory(embedder=mine(embed)) as blocking, pytest.raises(EmbedderFailedError) as one:
        blocking.add("secret tea")
    async with Memory(embedder=mine(embed)) as memory:
        with pytest.raises(EmbedderFailedError) as other:
            await memory.add("secret tea")
    for error in (one.value, other.value):
        assert (error.code, error.field) == ("EMBEDDER_FAILED", "embedder")
        assert error.__cause__ is cause
        assert "secret" not in str(error)


def test_sync_memory_asks_in_the_thread_of_the_call_and_refuses_coroutines() -> None:
    threads: list[int] = []

    def embed(texts: list[str]) -> list[list[float]]:
        threads.append(threading.get_ident())
        return [vector_of(text) for text in texts]

    with SyncMemory(embedder=mine(embed)) as memory:
        memory.add("tea", id="it")
        memory.update("it", content="coffee")
        hits = memory.scoped(user_id=None).search(
            "omega", mode="semantic", embedding=vector_of("coffee")
        )
        assert [(hit.id, hit.score) for hit in hits] == [("it", 1.0)]
    assert set(threads) == {threading.get_ident()}
    with SyncMemory(embedder=mine(Callable())) as memory, pytest.raises(EmbedderFailedError):
        memory.add("tea")


FORMS: list[Any] = [
    lambda text: vector_of(text),
    lambda text: tuple(vector_of(text)),
    lambda text: array.array("f", vector_of(text)),
    lambda text: array.array("d", vector_of(text)),
    lambda text: numpy.array(vector_of(text), "float32"),
    lambda text: numpy.array(vector_of(text), "float64"),
    lambda text: numpy.array([vector_of(text)] * 2, "float32").T[:, 1],
    lambda text: [numpy.float32(one) for one in vector_of(text)],
]


@pytest.mark.parametrize("form", FORMS)
async def test_vectors_are_lists_and_buffers_of_floats_given_or_made(form: Any) -> None:
    def embed(texts: list[str]) -> Any:
        return [form(text) for text in texts]

    async with Memory(embedder=mine(embed)) as memory:
        await memory.add("made")
        await memory.add_many([{"content": "x", "id": "given", "embedding": form("given")}])
        for text, content in (("given", "x"), ("made", "made")):
            hits = await memory.search("omega", mode="semantic", embedding=form(text), limit=1)
            assert [(hit.content, hit.score) for hit in hits] == [(content, 1.0)]


async def test_embed_may_give_one_array_of_two_dimensions() -> None:
    def embed(texts: list[str]) -> Any:
        return numpy.array([vector_of(text) for text in texts])

    async with Memory(embedder=mine(embed)) as memory:
        with pytest.raises(EmbedderFailedError):
            await memory.add("integers are no floats")
    async with Memory(embedder=mine(lambda texts: embed(texts).astype("float32"))) as memory:
        await memory.add_many([{"content": f"note {n}"} for n in range(70)])
        assert (await memory.stats()).embedder == "mine"


@pytest.mark.parametrize(
    "bad",
    [
        numpy.array([[1.0, 2.0]]),
        numpy.array([1, 2]),
        numpy.array(1.0),
        b"12345678",
        "12",
        {1: 1.0},
        [1, True],
        [1, "2"],
        [1, None],
        [1, 10**400],
        [1, float("nan")],
        numpy.array([1.0, numpy.inf]),
        numpy.zeros(2),
        numpy.ones(3),
    ],
)
async def test_what_is_no_vector_is_refused(bad: Any) -> None:
    async with Memory(embedder=mine()) as memory:
        with pytest.raises(InvalidArgumentError) as caught:
            await memory.add("tea", embedding=bad)
        assert caught.value.field == "embedding"
        assert await memory.count() == 0
    async with Memory(embedder=mine(lambda texts: [bad for _ in texts])) as memory:
        with pytest.raises(EmbedderFailedError) as failed:
            await memory.add("tea")
        assert failed.value.field == "embedder"


async def test_reembed_tells_its_progress_and_goes_on_after_it_was_cancelled(
    tmp_path: Path,
) -> None:
    texts: list[str] = []
    stands = asyncio.Event()

    async def embed(batch: list[str]) -> list[list[float]]:
        if len(texts) == 128 and not stands.is_set():
            stands.set()
            await asyncio.sleep(3600)
        texts.extend(batch)
        return [vector_of(text) for text in batch]

    async with Memory(tmp_path / "store.db") as memory:
        await memory.add_many([{"content": f"note {n}"} for n in range(150)])
        task = asyncio.create_task(memory.reembed(embedder=mine(embed)))
        await stands.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await memory.stats()).embedder == "builtin"
        assert (await memory.verify()).ok
    told: list[tuple[int, int]] = []
    with SyncMemory(tmp_path / "store.db") as blocking, SyncMemory(tmp_path / "store.db") as other:
        named = SyncMemory(tmp_path / "store.db", embedder="builtin")
        assert named.count() == 150

        def embed_here(batch: list[str]) -> list[list[float]]:
            texts.extend(batch)
            return [vector_of(text) for text in batch]

        moved = blocking.reembed(
            embedder=mine(embed_here), on_progress=lambda *counts: told.append(counts)
        )
        assert (moved, told) == (150, [(150, 150)])
        assert len(texts) == len(set(texts)) == 150
        assert blocking.add("the handle asks the new one").version == 1
        assert other.search("omega", mode="semantic", embedding=vector_of("note 7"), limit=1)
        with pytest.raises(EmbedderMismatchError) as caught:
            named.add("tea")
        assert "mine" in str(caught.value)
        assert "built-in" in str(caught.value)
        named.close()
        with pytest.raises(ClosedError):
            named.reembed(embedder=None)


@pytest.mark.parametrize("name", ["dates", "embedders", "time-travel"])
def test_the_examples_of_the_guide(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    guide = GUIDES / f"{name}.md"
    examples = re.findall(r"```python\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 1
    exec(compile(examples[0], str(guide), "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"# → (.*)", examples[0])
