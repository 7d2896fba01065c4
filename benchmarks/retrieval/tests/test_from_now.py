from datetime import datetime, timezone

from forms import Question
from from_now import ask


def test_a_question_with_a_date_is_asked_from_some_days_later() -> None:
    questions = [
        Question("What did Ada cook on 8 May, 2023?", "a", ("1",)),
        Question("Where was Ada in June 2023?", "a", ("2",)),
        Question("Where was Ada before 8 May, 2023?", "a", ("2",)),
        Question("Where was Ada?", "a", ("2",)),
        Question("What did Ada say on 8 May, 2023?", "a", ()),
    ]
    asked = ask(questions, "now")
    texts = [one.text for one in asked]
    assert texts[:2] == ["What did Ada cook yesterday?", "What did Ada cook last Monday?"]
    assert texts[-2:] == ["Where was Ada last month?", "Where was Ada three months ago?"]
    assert [one.category for one in asked[:2]] == ["yesterday", "last Tuesday"]
    days = [datetime.fromtimestamp(one.now or 0, timezone.utc).date().isoformat() for one in asked]
    assert days[:2] == ["2023-05-09", "2023-05-12"]
    assert days[-2:] == ["2023-07-14", "2023-09-14"]
    assert all(one.gold for one in asked)


def test_the_same_questions_come_with_their_date() -> None:
    questions = [Question("What did Ada cook on May 13, 2023?", "a", ("1",))]
    now, date = ask(questions, "now"), ask(questions, "date")
    assert [one.now for one in now] == [one.now for one in date]
    assert {one.text for one in date} == {questions[0].text}
    assert "last weekend" in [one.category for one in date]
