"""The examples of the docstrings and of the README print what they say."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("module", ["_errors", "_memory", "_sync"])
def test_the_examples_of_the_docstrings(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"agentmem_native.{module}"))
    assert outcome.failed == 0
    assert outcome.attempted > 0


def test_the_examples_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, str(README), "exec"), {})
        expected = re.findall(r"# → (.*)", example)
        assert capsys.readouterr().out.splitlines() == expected
