import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forms import FormError, Question, load

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files by name and gives their folder."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return write


def lines(*objects: Any) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


def locomo(**changes: Any) -> str:
    conversation = {
        "sample_id": "conv-26",
        "conversation": {
            "speaker_a": "Ann",
            "session_2_date_time": "12:05 am on 31 December, 2023",
            "session_2": [{"speaker": "Bo", "dia_id": "D2:1", "text": "Bye"}],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "Hi"},
                {"speaker": "Bo", "dia_id": "D1:2", "text": "Look", "blip_caption": "a dog"},
            ],
            "session_3_date_time": "1:56 pm on 8 May, 2024",
        },
        "qa": [
            {"question": "What?", "category": 1, "evidence": ["D1:01; D:2:1", "D1:1", "D9:9"]},
            {"question": "Where?", "category": 4, "evidence": ["D"]},
            {"question": "Who?", "category": 5, "evidence": ["D1:2"]},
        ],
    }
    return json.dumps([conversation | changes])


def test_locomo_gives_turns_with_their_times_and_captions(write: Write) -> None:
    data = load(write(data_json=locomo()) / "data.json")
    assert data.records == [
        {
            "id": f"conv-26/{turn}",
            "content": content,
            "userId": "conv-26",
            "runId": run,
            "role": "user",
            "name": name,
            "createdAt": time,
        }
        for turn, content, run, name, time in [
            ("1:1", "Hi", "session_1", "Ann", "2023-05-08T13:56:00.000Z"),
            ("1:2", "Look [shares a dog]", "session_1", "Bo", "2023-05-08T13:56:01.000Z"),
            ("2:1", "Bye", "session_2", "Bo", "2023-12-31T00:05:00.000Z"),
        ]
    ]


def test_locomo_gives_the_evidence_that_exists_and_none_to_adversarial_questions(
    write: Write,
) -> None:
    data = load(write(data_json=locomo()) / "data.json")
    gold = ("conv-26/1:1", "conv-26/2:1")
    assert data.questions == [
        Question("What?", "conv-26", gold, "multi-hop", "tune"),
        Question("Who?", "conv-26", (), "adversarial", "tune"),
    ]
    assert data.left_out == ["1 questions without evidence among the turns"]


def test_locomo_conversations_not_to_tune_on_are_held_out(write: Write) -> None:
    data = load(write(data_json=locomo(sample_id="conv-44")) / "data.json")
    assert {one.split for one in data.questions} == {"test"}


def test_cranfield_numbers_its_queries_by_their_place(write: Write) -> None:
    folder = write(
        cran_all_1400=".I 1\n.T\nwings\n.W\nwings of\n  birds .\n.I 2\n.T\n.W\n.I 3\n.W\nfins\n",
        cran_qry=".I 001\n.W\nwhat flies\n.I 007\n.W\nwhat\nswims\n.I 009\n.W\nwhat walks\n",
        cranqrel="1 1 2\n1 3 -1\n2 3 4 \n2 3 4\n2 2 1\n3 1 0\n",
    )
    data = load(folder)
    assert data.records == [
        {"id": "1", "content": "wings of birds .", "userId": "cranfield"},
        {"id": "3", "content": "fins", "userId": "cranfield"},
    ]
    assert data.questions == [
        Question("what flies", "cranfield", ("1",)),
        Question("what swims", "cranfield", ("3",)),
    ]
    assert data.left_out == ["1 abstracts without text"]


def test_beir_takes_the_questions_of_the_test_qrels(write: Write) -> None:
    folder = write(
        corpus_jsonl=lines(
            {"_id": "d1", "title": "Tea", "text": "is green"},
            {"_id": "d2", "text": "alone"},
            {"_id": "d3", "title": "", "text": " "},
        ),
        queries_jsonl=lines({"_id": "q1", "text": "tea?"}, {"_id": "q2", "text": "unused"}),
        qrels__test_tsv="query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq1\td3\t1\n",
    )
    data = load(folder)
    assert [(one["id"], one["content"]) for one in data.records] == [
        ("d1", "Tea is green"),
        ("d2", "alone"),
    ]
    assert [(one.text, one.gold) for one in data.questions] == [("tea?", ("d1",))]
    assert data.left_out == ["1 documents without text"]


RECORD = {"id": "1", "content": "Tea", "userId": "ada", "role": "user", "name": "Ada"}


def test_json_lines_hold_records_and_questions(write: Write) -> None:
    question = {"question": "Drinks?", "userId": "ada", "gold": ["1"], "category": "taste"}
    unanswered = {"question": "Cars?", "userId": "ada", "gold": [], "split": "tune"}
    path = write(own_jsonl=lines(question, RECORD, unanswered) + "\n") / "own.jsonl"
    data = load(path)
    assert data.records == [RECORD]
    assert data.questions == [
        Question("Drinks?", "ada", ("1",), "taste"),
        Question("Cars?", "ada", (), None, "tune"),
    ]


@pytest.mark.parametrize(
    ("files", "name", "message"),
    [
        ({}, "none.json", "no such file or folder"),
        ({}, "", "a folder must hold"),
        ({"a_txt": ""}, "a.txt", "a file must be"),
        ({"a_json": "{"}, "a.json", "is not JSON"),
        ({"a_json": "{}"}, "a.json", "LoCoMo's form"),
        ({"a_json": "[]"}, "a.json", "no records"),
        ({"a_json": "[{}]"}, "a.json", "conversation 0 is not in LoCoMo's form"),
        ({"a_jsonl": "\n{"}, "a.jsonl", "line 2 is not JSON"),
        ({"a_jsonl": "[]"}, "a.jsonl", "line 1 is not a JSON object"),
        ({"a_jsonl": lines({"id": "1"})}, "a.jsonl", "'content' must be there"),
        ({"a_jsonl": lines(RECORD | {"user": "x"})}, "a.jsonl", "unknown field 'user'"),
        ({"a_jsonl": lines(RECORD, RECORD)}, "a.jsonl", "two records have the id '1'"),
        ({"a_jsonl": lines(RECORD, {"question": "?"})}, "a.jsonl", "line 2: gold must be"),
        (
            {"a_jsonl": lines(RECORD, {"question": "?", "userId": "ada", "gold": ["2"]})},
            "a.jsonl",
            "'2' of a question is no record's id",
        ),
        (
            {
                "a_jsonl": lines(RECORD, RECORD | {"id": "2", "userId": "bo"})
                + lines({"question": "?", "userId": "bo", "gold": ["1"]})
            },
            "a.jsonl",
            "belongs to another user",
        ),
        (
            {"a_jsonl": lines(RECORD, {"question": "?", "userId": "bo", "gold": []})},
            "a.jsonl",
            "'bo', who has no records",
        ),
        ({"corpus_jsonl": lines({"_id": "1", "text": "x"})}, "", "queries.jsonl: there is no"),
        (
            {
                "corpus_jsonl": lines({"_id": "1", "text": "x"}),
                "queries_jsonl": lines({"_id": "q", "text": "x"}),
                "qrels__test_tsv": "head\nq 1 1\n",
            },
            "",
            "line 2 is not query, document and score",
        ),
    ],
)
def test_what_is_wrong_with_the_data_is_said(
    write: Write, files: dict[str, str], name: str, message: str
) -> None:
    with pytest.raises(FormError, match=message.replace("?", r"\?")):
        load(write(**files) / name)
