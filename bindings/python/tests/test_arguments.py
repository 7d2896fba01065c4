"""What calls are given: what is plain is read by the glue, all else in Python, and both alike."""

from __future__ import annotations

from array import array
from datetime import datetime, timezone
from typing import Any

import pytest
from agentmem_native import UNSET, InvalidArgumentError, SyncMemory

GIVEN: Any = {"id": "given", "dimensions": 2}


class Text(str):
    """What is no plain text, but counts as it."""


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"content": "tea", "metadata": {"a": {1}}, "bogus": 1}, "items[1].metadata.a"),
        ({"bogus": 1, "content": "tea", "metadata": {"a": {1}}}, "items[1].bogus"),
        ({"content": "tea", "embedding": "x", "user_id": [1]}, "items[1].embedding"),
        ({"content": "tea", "embedding": [1.0, "x"]}, "items[1].embedding"),
        ({"content": {"role": "user", "text": "tea"}}, "items[1].content.text"),
        ({"content": "tea", "created_at": datetime(2026, 1, 1)}, "items[1].createdAt"),
        ({1: 2}, "items[1]"),
        ("tea", "items[1]"),
    ],
)
def test_the_first_fault_of_an_item_is_told(item: Any, field: str) -> None:
    with SyncMemory(embedder=GIVEN) as memory:
        with pytest.raises(InvalidArgumentError) as caught:
            memory.add_many([{"content": "milk", "embedding": [1.0, 0.0]}, item])
        assert caught.value.field == field
        assert memory.count() == 0


def test_items_that_are_plain_and_those_that_are_not_come_in_order_with_their_vectors() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    items: list[Any] = [
        {"content": "one", "embedding": array("f", [1, 0]), "user_id": UNSET},
        {"content": Text("two"), "embedding": [0.0, 1.0], "created_at": at},
        {"content": {"role": "user", "content": "three"}, "embedding": array("d", [-1, 0])},
        {"content": "four", "embedding": memoryview(array("f", [0, 9, -1, 9]))[::2]},
    ]
    with SyncMemory(embedder=GIVEN) as memory:
        added = memory.add_many(items, defaults={"user_id": "ada"})
        assert [record.content for record in added] == ["one", "two", "three", "four"]
        assert [record.user_id for record in added] == ["ada"] * 4
        assert (added[1].created_at, added[2].role) == (at, "user")
        for content, vector in [("one", [1, 0]), ("two", [0, 1]), ("three", [-1, 0])]:
            (best,) = memory.search("x", mode="semantic", embedding=vector, limit=1)
            assert best.content == content
        assert memory.search("x", embedding=[0.0, -1.0], limit=1)[0].content == "four"


def test_an_empty_vector_is_refused_and_nobody_is_asked_for_another() -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        raise AssertionError(texts)

    own: Any = {**GIVEN, "embed": embed}
    with SyncMemory(embedder=own) as memory:
        for call in (memory.add, memory.search):
            with pytest.raises(InvalidArgumentError) as caught:
                call("tea", embedding=[])
            assert caught.value.field == "embedding"


def test_what_is_large_is_refused_as_it_is_where_it_is_not_plain() -> None:
    large: list[Any] = [{"a": "x" * 65_537}, {"a": [0] * 65_537}, {Text("a"): [0] * 65_537}]
    with SyncMemory() as memory:
        for metadata in large:
            with pytest.raises(InvalidArgumentError) as caught:
                memory.add("tea", metadata=metadata)
            assert caught.value.field == "metadata"
        # Fewer characters than bytes: the store's own limit is told.
        with pytest.raises(InvalidArgumentError) as caught:
            memory.add("tea", metadata={"a": "é" * 40_000})
        assert caught.value.field == "metadata"


def test_keys_of_metadata_are_their_own_whatever_was_read_before() -> None:
    with SyncMemory() as memory:
        # Of one length, with the same first and last characters.
        names = [f"k{n:04}y" for n in range(300)]
        for name in [*names, *reversed(names), "", "k" * 40, "ключ"]:
            assert memory.add("tea", metadata={name: name}).metadata == {name: name}
