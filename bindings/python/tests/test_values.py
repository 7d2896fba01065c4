"""What calls give back: classes of the native module that are what frozen dataclasses are."""

from __future__ import annotations

import ast
import copy
import dataclasses
import gc
import inspect
import pickle
import subprocess
import sys
import typing
import weakref
from datetime import datetime, timezone
from importlib import resources
from typing import Any

import agentmem_native
import agentmem_native._types
import pytest
from agentmem_native import (
    UNSET,
    Event,
    Hit,
    HitContext,
    HitExplanation,
    HitTerm,
    Imported,
    Problem,
    Record,
    Stats,
    SyncMemory,
    Verification,
)

STUB = ast.parse(resources.files(agentmem_native).joinpath("_native.pyi").read_text("utf8"))
CLASSES = [
    Event,
    Hit,
    HitContext,
    HitExplanation,
    HitTerm,
    Imported,
    Problem,
    Record,
    Stats,
    Verification,
]


def found() -> Hit:
    """A hit with everything that a hit can have."""
    with SyncMemory() as memory:
        memory.add({"role": "user", "content": "Any plans for May?"}, user_id="eve")
        memory.add(
            {"role": "assistant", "name": "Bot", "content": "A trip to Kyoto"},
            user_id="eve",
            metadata={"whole": 1, "part": 1.5, "of": [None, True, {"deep": "text"}]},
            ttl=60,
        )
        (hit,) = memory.search("Kyoto", user_id="eve", limit=1, context=1, explain=True)
        return hit


def described(name: str) -> tuple[str | None, dict[str, tuple[str | None, bool]]]:
    """What the stub says of a class: its documentation, and of each field that, and its default."""
    (cls,) = [one for one in STUB.body if isinstance(one, ast.ClassDef) and one.name == name]
    fields: dict[str, tuple[str | None, bool]] = {}
    if any(isinstance(base, ast.Name) and base.id == "Record" for base in cls.bases):
        fields |= described("Record")[1]
    last = ""
    for line in cls.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            last = line.target.id
            fields[last] = (None, line.value is not None)
        elif last and isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
            fields[last] = (str(line.value.value), fields[last][1])
    return ast.get_docstring(cls), fields


@pytest.mark.parametrize("cls", CLASSES)
def test_the_stub_says_what_a_class_has(cls: Any) -> None:
    about, fields = described(cls.__name__)
    assert cls.__doc__ == about
    assert cls.__module__ == "agentmem_native"
    assert cls.__match_args__ == tuple(fields)
    parameters = inspect.signature(cls).parameters.values()
    assert [
        (one.name, getattr(cls, one.name).__doc__, one.default is None) for one in parameters
    ] == [(name, doc, has_default) for name, (doc, has_default) in fields.items()]


def test_values_are_printed_as_they_would_be_written() -> None:
    hit = found()
    names = {cls.__name__: cls for cls in CLASSES}
    again = eval(repr(hit), {**names, "datetime": sys.modules["datetime"]})
    assert again == hit
    assert repr(Problem("row", None)) == "Problem(kind='row', seq=None)"


def test_values_are_equal_and_hashed_by_class_and_fields() -> None:
    term = HitTerm("tea", 1, 0.5, 2.0)
    assert term == HitTerm(term="tea", own=1, around=0.5, weight=2.0)
    assert term != HitTerm("tea", 1, 0.5, 2.5)
    other: object = ("tea", 1, 0.5, 2.0)
    assert term != other
    assert len({term, HitTerm("tea", 1, 0.5, 2.0)}) == 1
    hit = found()
    record = Record(*(getattr(hit, name) for name in Record.__match_args__))
    assert hit != record
    assert isinstance(hit, Record)
    with pytest.raises(TypeError, match="unhashable"):
        hash(record)  # Its metadata can be changed.


def test_values_survive_copying_and_pickling() -> None:
    hit = found()
    copies = [copy.copy(hit), copy.deepcopy(hit), pickle.loads(pickle.dumps(hit))]
    assert copies == [hit] * 3
    assert [one.metadata is hit.metadata for one in copies] == [True, False, False]
    assert (copy.deepcopy(UNSET), pickle.loads(pickle.dumps(UNSET))) == (UNSET, UNSET)
    assert repr(UNSET) == "UNSET"


def test_values_cannot_be_changed() -> None:
    hit: Any = found()
    for name in ("content", "score", "novel"):
        with pytest.raises(AttributeError):
            setattr(hit, name, 1)
        with pytest.raises(AttributeError):
            delattr(hit, name)


def test_values_match_by_place_and_by_name() -> None:
    match found():
        case Hit(_, content, user_id="eve", score=score, explain=HitExplanation([HitTerm(term)])):
            assert (content, term) == ("A trip to Kyoto", "kyoto")
            assert 0 < score <= 1
        case other:
            pytest.fail(f"{other} does not match")


def test_values_are_dataclasses_to_who_asks() -> None:
    hit = found()
    assert dataclasses.is_dataclass(hit)
    assert [field.name for field in dataclasses.fields(HitTerm)] == [
        "term",
        "own",
        "around",
        "weight",
    ]
    assert dataclasses.asdict(hit)["explain"]["terms"][0]["term"] == "kyoto"
    other = dataclasses.replace(hit, content="Osaka")
    assert (type(other), other.content, other.id) == (Hit, "Osaka", hit.id)
    assert hit.__replace__(content="Osaka") == other


def test_a_record_can_be_made_of_any_values() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    given: dict[str, Any] = dict.fromkeys(Record.__match_args__)
    given |= {"id": "it", "content": "tea", "metadata": {}, "created_at": at}
    record = Record(**given)
    assert record.created_at is at
    assert record.name is None
    with pytest.raises(TypeError):
        Record("it")  # type: ignore[call-arg]  # what types forbid


def test_metadata_has_the_values_that_were_stored_and_is_the_readers_own() -> None:
    with SyncMemory() as memory:
        stored = {
            "whole": 1,
            "part": 1.5,
            "far": 2**53 - 1,
            "of": [None, True, {"deep": ["x", -0.5]}],
        }
        memory.add("tea", id="it", metadata=stored)
        one, other = memory.get("it"), memory.get("it")
        assert one is not None
        assert other is not None
        assert repr(one.metadata) == repr(dict(sorted(stored.items())))
        one.metadata["whole"] = 2
        one.metadata["of"][2]["deep"].append("y")
        assert one.metadata["whole"] == 2
        assert other.metadata == stored
        assert memory.get("it") == other


def test_what_contains_itself_is_collected() -> None:
    class Mark:
        pass

    mark = Mark()
    there = weakref.ref(mark)
    hit = found()
    hit.metadata["self"] = hit
    hit.metadata["mark"] = mark
    assert hit.context is not None
    hit.context.after.append(hit)
    del mark, hit
    gc.collect()
    assert there() is None


@pytest.mark.parametrize("name", ["Memory", "ScopedMemory", "SyncMemory", "SyncScopedMemory"])
def test_the_types_of_methods_can_be_had_when_the_program_runs(name: str) -> None:
    cls = getattr(agentmem_native, name)
    names = vars(agentmem_native._types)
    methods = inspect.getmembers(cls, inspect.isroutine)
    public = {name: method for name, method in methods if not name.startswith("_")}
    hints = {name: typing.get_type_hints(method, localns=names) for name, method in public.items()}
    assert hints["search"]["return"] == list[Hit]
    assert hints["add"]["content"] == str | agentmem_native.Message


def test_a_question_is_answered_without_the_modules_that_take_long_to_import() -> None:
    code = """
import sys
import agentmem_native

heavy = "asyncio collections dataclasses datetime enum functools inspect json re typing".split()
before = [name for name in heavy if name in sys.modules]
with agentmem_native.SyncMemory() as memory:
    memory.add("Ada likes green tea", user_id="ada", metadata={"topic": "drinks"})
    (hit,) = memory.search("What does Ada like?", user_id="ada", filter={"topic": "drinks"})
    assert hit.content == "Ada likes green tea"
    assert hit.metadata == {"topic": "drinks"}
print(before, [name for name in heavy if name in sys.modules])
"""
    # Without what the environment of the tests imports at each start.
    command = [sys.executable, "-S", "-c", code]
    path = str(resources.files(agentmem_native).joinpath(".."))
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert ran.stdout == "[] []\n"
