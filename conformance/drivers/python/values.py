"""The two generators of cases that only a language itself can replace.

Embedders, and values that JSON cannot hold. Who declares neither `nativeValues` nor `pythonValues`
needs the embedders that have no fault alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any


def revive(value: Any) -> Any:
    """Replaces the generators in what was asked."""
    if isinstance(value, list):
        return [revive(element) for element in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$input"}:
        return INPUTS[value["$input"]]()
    if value.keys() == {"$embedder"}:
        operand = value["$embedder"]
        return embedder(*operand) if isinstance(operand, list) else embedder(operand)
    return {key: revive(inner) for key, inner in value.items()}


def embedder(dimensions: int, fault: str | None = None) -> dict[str, Any]:
    """Component k counts the bytes that leave k when divided by the dimensions."""

    def count_bytes(text: str) -> list[float]:
        counts = [0.0] * dimensions
        for byte in text.encode():
            counts[byte % dimensions] += 1
        return counts

    def embed(texts: list[str]) -> Any:
        return FAULTS[fault]([count_bytes(text) for text in texts])

    return {"id": f"bytes-{dimensions}", "dimensions": dimensions, "embed": embed}


def fails() -> Any:
    raise OSError("the embedder of the case fails")


async def rejects(_: list[list[float]]) -> Any:
    fails()


# What the embedder of a case does wrong, if anything, with its right vectors.
FAULTS: dict[str | None, Callable[[list[list[float]]], Any]] = {
    None: lambda vectors: vectors,
    "throws": lambda _: fails(),
    "rejects": rejects,
    "fewer": lambda vectors: vectors[1:],
    "short": lambda vectors: [vector[1:] for vector in vectors],
    "nan": lambda vectors: [[float("nan")] * len(vector) for vector in vectors],
    "zero": lambda vectors: [[0.0] * len(vector) for vector in vectors],
    "text": lambda _: "vectors",
}


def cyclic_object() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def deep_object() -> Any:
    value: dict[str, Any] = {}
    for _ in range(20_000):
        value = {"a": value}
    return value


def cyclic_array() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=timezone.utc)

INPUTS: dict[str, Callable[[], Any]] = {
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "-infinity": lambda: -math.inf,
    "loneSurrogate": lambda: "a\ud800b",
    "loneSurrogateKey": lambda: {"a\ud800b": 1},
    "cyclicObject": cyclic_object,
    "cyclicArray": cyclic_array,
    "deepObject": deep_object,
    "bytes": lambda: b"\x01\x02\x03",
    "set": lambda: {1},
    "function": lambda: lambda: 1,
    "date": lambda: MOMENT,
    "instance": object,
    "nonStringKey": lambda: {1: 1},
    "decimal": lambda: Decimal("1.5"),
    "complex": lambda: 1j,
    "hugeInteger": lambda: 10**400,
    "tuple": lambda: (1, "b", (True,)),
    "awareDatetime": lambda: MOMENT,
    "naiveDatetime": lambda: MOMENT.replace(tzinfo=None),
    "pythonDate": lambda: date(2026, 1, 2),
}
