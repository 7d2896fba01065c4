"""What cases of `conformance/` write for values: generators to pass, operators to expect."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any


class RunnerError(Exception):
    """The case file is wrong: never a failure of the implementation."""


@dataclass(frozen=True)
class Mismatch:
    """The first place where an answer is not what was expected."""

    path: str
    expected: Any
    actual: Any


Saved = dict[str, Any]
ABSENT = {"$absent": True}


def equal(a: Any, b: Any) -> bool:
    """Deep equality of JSON values; Python alone thinks that True is 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list):
        return (
            isinstance(b, list)
            and len(a) == len(b)
            and all(equal(x, y) for x, y in zip(a, b, strict=True))
        )
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, int | float):
        return isinstance(b, int | float) and a == b
    return type(a) is type(b) and bool(a == b)


def match(expected: Any, actual: Any, saved: Saved, path: str = "$") -> Mismatch | None:
    """Objects as a subset, arrays exactly and in order, operators by their one `$` key."""
    operator = operator_of(expected)
    if operator is not None:
        if operator not in OPERATORS:
            raise RunnerError(f"unknown operator {operator} at {path}")
        return OPERATORS[operator](expected[operator], actual, path, saved)
    if isinstance(expected, list):
        return match_array(expected, actual, path, saved)
    if isinstance(expected, dict):
        return match_object(expected, actual, path, saved)
    return None if equal(expected, actual) else Mismatch(path, expected, actual)


def operator_of(expected: Any) -> str | None:
    if not isinstance(expected, dict):
        return None
    name = next((key for key in expected if key.startswith("$")), None)
    if name is not None and len(expected) > 1:
        raise RunnerError(f"an operator stands alone: {', '.join(expected)}")
    return name


def match_array(expected: list[Any], actual: Any, path: str, saved: Saved) -> Mismatch | None:
    if not isinstance(actual, list):
        return Mismatch(path, expected, actual)
    for i, (wanted, found) in enumerate(zip(expected, actual, strict=False)):
        mismatch = match(wanted, found, saved, f"{path}[{i}]")
        if mismatch is not None:
            return mismatch
    if len(expected) == len(actual):
        return None
    return Mismatch(f"{path}.length", len(expected), len(actual))


def match_object(expected: dict[str, Any], actual: Any, path: str, saved: Saved) -> Mismatch | None:
    if not isinstance(actual, dict):
        return Mismatch(path, expected, actual)
    for key, wanted in expected.items():
        inner = f"{path}.{key}"
        if operator_of(wanted) == "$absent":
            if key in actual:
                return Mismatch(inner, wanted, actual[key])
        elif key not in actual:
            return Mismatch(inner, wanted, ABSENT)
        else:
            mismatch = match(wanted, actual[key], saved, inner)
            if mismatch is not None:
                return mismatch
    return None


def match_exactly(expected: Any, actual: Any, path: str, _saved: Saved) -> Mismatch | None:
    return None if equal(expected, actual) else first_difference(expected, actual, path)


def first_difference(expected: Any, actual: Any, path: str) -> Mismatch:
    """Where two values that are not equal differ first: a long answer need not be read whole."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in [*expected, *(k for k in actual if k not in expected)]:
            if key not in expected or key not in actual:
                pair = expected.get(key, ABSENT), actual.get(key, ABSENT)
                return Mismatch(f"{path}.{key}", *pair)
            if not equal(expected[key], actual[key]):
                return first_difference(expected[key], actual[key], f"{path}.{key}")
    if isinstance(expected, list) and isinstance(actual, list):
        for i, (a, b) in enumerate(zip(expected, actual, strict=False)):
            if not equal(a, b):
                return first_difference(a, b, f"{path}[{i}]")
        return Mismatch(f"{path}.length", len(expected), len(actual))
    return Mismatch(path, expected, actual)


def dereference(reference: Any, saved: Saved) -> Any:
    name, *segments = str(reference).split(".")
    if name not in saved:
        raise RunnerError(f"$ref: nothing was saved as {name!r}")
    value = saved[name]
    for segment in segments:
        try:
            value = value[int(segment)] if isinstance(value, list) else value[segment]
        except (KeyError, IndexError, TypeError, ValueError):
            raise RunnerError(f"$ref: {reference!r} leads nowhere") from None
    return value


def match_reference(operand: Any, actual: Any, path: str, saved: Saved) -> Mismatch | None:
    return match_exactly(dereference(operand, saved), actual, path, saved)


def match_type(operand: Any, actual: Any, path: str, _saved: Saved) -> Mismatch | None:
    if operand not in TYPES:
        raise RunnerError(f"unknown type {operand!r}")
    return None if TYPES[operand](actual) else Mismatch(path, {"$type": operand}, actual)


def match_approximately(operand: Any, actual: Any, path: str, _saved: Saved) -> Mismatch | None:
    if not is_number(operand):
        raise RunnerError("$approx takes a number")
    near = is_number(actual) and abs(actual - operand) <= 1e-9
    return None if near else Mismatch(path, {"$approx": operand}, actual)


def match_between(operand: Any, actual: Any, path: str, _saved: Saved) -> Mismatch | None:
    low, high = operand
    if not (is_number(low) and is_number(high) and low <= high):
        raise RunnerError("$between takes [low, high]")
    inside = is_number(actual) and low <= actual <= high
    return None if inside else Mismatch(path, {"$between": operand}, actual)


def match_unordered(operand: Any, actual: Any, path: str, saved: Saved) -> Mismatch | None:
    if not isinstance(operand, list):
        raise RunnerError("$unordered takes an array")

    def assign(wanted: list[Any], left: list[Any]) -> bool:
        """Finds a different element for each of the expected ones, by trying."""
        if not wanted:
            return True
        return any(
            match(wanted[0], found, saved, path) is None
            and assign(wanted[1:], left[:i] + left[i + 1 :])
            for i, found in enumerate(left)
        )

    fits = isinstance(actual, list) and len(actual) == len(operand) and assign(operand, actual)
    return None if fits else Mismatch(path, {"$unordered": operand}, actual)


def misplaced(_operand: Any, _actual: Any, path: str, _saved: Saved) -> Mismatch | None:
    raise RunnerError(f"$absent stands for a member of an object, not at {path}")


OPERATORS: dict[str, Callable[[Any, Any, str, Saved], Mismatch | None]] = {
    "$exact": match_exactly,
    "$literal": match_exactly,
    "$ref": match_reference,
    "$type": match_type,
    "$approx": match_approximately,
    "$between": match_between,
    "$unordered": match_unordered,
    "$absent": misplaced,
}

UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
WIRE_TIME = re.compile(r"[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_time(value: Any) -> bool:
    return isinstance(value, str) and WIRE_TIME.fullmatch(value) is not None


def is_integer(value: Any) -> bool:
    return is_number(value) and value == math.floor(value)


RECORD: dict[str, Callable[[Any], bool]] = {
    "id": is_text,
    "content": is_text,
    "userId": is_text_or_null,
    "agentId": is_text_or_null,
    "runId": is_text_or_null,
    "role": is_text_or_null,
    "name": is_text_or_null,
    "metadata": is_object,
    "importance": is_number,
    "createdAt": is_time,
    "updatedAt": is_time,
    "expiresAt": lambda value: value is None or is_time(value),
    "version": is_integer,
}


def has_fields(value: Any, fields: dict[str, Callable[[Any], bool]]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and all(fits(value[name]) for name, fits in fields.items())
    )


TYPES: dict[str, Callable[[Any], bool]] = {
    "id": lambda value: is_text(value) and UUID_V7.fullmatch(value) is not None,
    "time": is_time,
    "integer": is_integer,
    "string": is_text,
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": is_object,
    "record": lambda value: has_fields(value, RECORD),
    "hit": lambda value: has_fields(value, {**RECORD, "score": is_number}),
}


def resolve(value: Any, saved: Saved, index: int, folder: Path) -> Any:
    """A value of `with` as the one to pass: generators are replaced, all else is data."""
    if isinstance(value, list):
        return [resolve(element, saved, index, folder) for element in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, operand),) = value.items()
        if name in GENERATORS:
            return GENERATORS[name](operand, saved, index, folder)
    return {key: resolve(inner, saved, index, folder) for key, inner in value.items()}


def indexed(operand: Any, index: int) -> Any:
    return operand.replace("#", str(index)) if isinstance(operand, str) else operand + index


def copies(operand: Any, saved: Saved, folder: Path) -> list[Any]:
    template, times = operand
    return [resolve(template, saved, i, folder) for i in range(times)]


def nested(operand: Any) -> Any:
    """An object (or array) of the stated depth by clause 1.7: the innermost is empty."""
    depth, kind = operand if isinstance(operand, list) else (operand, "object")
    value: Any = [] if kind == "array" else {}
    for _ in range(depth - 1):
        value = [value] if kind == "array" else {"a": value}
    return value


def cyclic_object() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def cyclic_array() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=timezone.utc)

# Values that JSON cannot hold; the suite's README.md says which capability each belongs to.
INPUTS: dict[str, Callable[[], Any]] = {
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "-infinity": lambda: -math.inf,
    "loneSurrogate": lambda: "a\ud800b",
    "loneSurrogateKey": lambda: {"a\ud800b": 1},
    "cyclicObject": cyclic_object,
    "cyclicArray": cyclic_array,
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


def make_input(operand: Any) -> Any:
    if operand not in INPUTS:
        raise RunnerError(f"unknown $input {operand!r}")
    return INPUTS[operand]()


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


def embedder(operand: Any) -> dict[str, Any]:
    """Component k counts the bytes that leave k when divided by the dimensions."""
    dimensions, fault = operand if isinstance(operand, list) else (operand, None)
    answer = FAULTS[fault]

    def count_bytes(text: str) -> list[float]:
        counts = [0.0] * dimensions
        for byte in text.encode():
            counts[byte % dimensions] += 1
        return counts

    def embed(texts: list[str]) -> Any:
        return answer([count_bytes(text) for text in texts])

    return {"id": f"bytes-{dimensions}", "dimensions": dimensions, "embed": embed}


GENERATORS: dict[str, Callable[[Any, Saved, int, Path], Any]] = {
    "$literal": lambda operand, _saved, _index, _folder: operand,
    "$ref": lambda operand, saved, _index, _folder: dereference(operand, saved),
    "$index": lambda operand, _saved, index, _folder: indexed(operand, index),
    "$repeat": lambda operand, _saved, _index, _folder: operand[0] * operand[1],
    "$copies": lambda operand, saved, _index, folder: copies(operand, saved, folder),
    "$nested": lambda operand, _saved, _index, _folder: nested(operand),
    "$path": lambda operand, _saved, _index, folder: str(folder / operand),
    "$embedder": lambda operand, _saved, _index, _folder: embedder(operand),
    "$input": lambda operand, _saved, _index, _folder: make_input(operand),
}
