import random

from forms import Question
from typos import misspell, slip


def test_each_question_has_one_slip_and_the_same_by_the_same_seed() -> None:
    questions = [Question("Who has it?", "a", ("1",)), Question("Where is Carol?", "a", ("2",))]
    first, second = misspell(questions, 1)
    assert first == questions[0]
    assert second.text != questions[1].text
    assert (second.user, second.gold) == ("a", ("2",))
    changed = [a != b for a, b in zip(second.text.split(), questions[1].text.split(), strict=True)]
    assert changed.count(True) == 1
    assert misspell(questions, 1) == [first, second]
    assert misspell(questions, 2)[1] != second


def test_a_slip_is_one_edit() -> None:
    chance = random.Random(1)
    for _ in range(200):
        word = slip("ferry", chance)
        assert abs(len(word) - 5) <= 1
        assert len(set("ferry") - set(word)) <= 1
