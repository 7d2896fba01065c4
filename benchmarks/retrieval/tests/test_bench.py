import json
from pathlib import Path

import pytest

from bench import main, make_plan
from forms import Data, Question

RECORDS = [
    {"id": "1", "content": "I drink green tea", "userId": "a", "role": "user", "name": "Ann"},
    {"id": "2", "content": "I ride a bicycle", "userId": "a", "role": "user", "name": "Bo"},
    {"id": "3", "content": "I sail", "userId": "b", "role": "user", "name": "Cleo"},
    {"id": "4", "content": "I climb", "userId": "b", "role": "user", "name": "Dan"},
]


def test_foreign_questions_are_put_to_the_next_user_also_with_that_users_names() -> None:
    questions = [
        Question("Does Ann know Bo and Bob?", "a", ("1",)),
        Question("Who sails?", "b", ("3",)),
        Question("Who flies?", "b", ()),
    ]
    plan = make_plan(Data("JSON Lines", RECORDS, questions), "test")
    assert plan.asked == questions[:2]
    assert plan.unanswered == {
        "foreign": [("b", "Does Ann know Bo and Bob?"), ("a", "Who sails?")],
        "foreign, renamed": [("b", "Does Cleo know Dan and Bob?"), ("a", "Who sails?")],
        "adversarial": [("b", "Who flies?")],
    }


def test_one_user_has_no_foreign_questions() -> None:
    plan = make_plan(Data("JSON Lines", RECORDS[:2], [Question("?", "a", ("1",))]), "test")
    assert plan.unanswered == {}


def test_it_prints_what_node_and_python_find(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    questions = [
        {"question": "Who drinks tea?", "userId": "a", "gold": ["1"], "category": "drinks"},
        {"question": "Who swims?", "userId": "a", "gold": []},
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [*RECORDS, *questions]))
    main([str(path), "--no-baselines"])
    printed = capfd.readouterr().out
    assert "1 user, 2 records, 1 questions with gold" in printed
    assert "| AgentMem hybrid | 1.0000 | 1.0000 |" in printed
    assert "| system | drinks (1) |" in printed
    assert "the same hits and scores to the last digit: hybrid, lexical, semantic" in printed
