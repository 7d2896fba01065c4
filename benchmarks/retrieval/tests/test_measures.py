import math

import pytest

from measures import MEASURES, area_under_curve, bootstrap, mean

RANKING = ["a", "x", "b", *"cdefghijkl"]


@pytest.mark.parametrize(
    ("name", "gold", "expected"),
    [
        ("R@1", ["a", "b"], 1 / 2),
        ("R@5", ["b", "d", "e", "absent"], 1 / 2),
        ("R@10", ["a", "i", "j"], 2 / 3),
        ("R@25", ["l", "absent"], 1 / 2),
        ("hit@10", ["i", "absent"], 1),
        ("hit@10", ["j"], 0),
        ("all@10", ["a", "i"], 1),
        ("all@10", ["a", "j"], 0),
        ("NDCG@10", ["a"], 1),
        ("NDCG@10", ["b"], 1 / 2),
        ("NDCG@10", ["a", "b"], (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        ("NDCG@10", ["j"], 0),
        ("MRR", ["b", "x"], 1 / 2),
        ("MRR", ["absent"], 0),
    ],
)
def test_a_measure_of_one_ranking(name: str, gold: list[str], expected: float) -> None:
    assert MEASURES[name](RANKING, gold) == pytest.approx(expected)


def test_more_gold_than_ten_can_still_reach_an_ndcg_of_one() -> None:
    gold = [f"{number}" for number in range(15)]
    assert MEASURES["NDCG@10"](gold, gold) == pytest.approx(1)


def test_an_empty_ranking_is_worth_nothing() -> None:
    assert {measure([], ["a"]) for measure in MEASURES.values()} == {0}


def test_a_bootstrap_interval_holds_the_mean_and_depends_on_the_seed_alone() -> None:
    row = [number % 7 / 7 for number in range(200)]
    ((low, high),) = bootstrap([row], seed=1)
    assert low < mean(row) < high
    # 1.96 standard errors on either side.
    assert high - low == pytest.approx(2 * 1.96 * 0.2857 / math.sqrt(200), rel=0.15)
    assert bootstrap([row], seed=1) == [(low, high)]
    assert bootstrap([row], seed=2) != [(low, high)]


def test_a_difference_that_every_question_has_is_certain() -> None:
    ((low, high),) = bootstrap([[0.25] * 30], seed=1)
    assert (low, high) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1),
        ([0.1], [0.2, 0.3], 0),
        ([0.5], [0.5], 1 / 2),
        ([0.9, 0.5, 0.1], [0.5, 0.2], (2 + 1.5 + 0) / 6),
    ],
)
def test_the_area_under_the_curve_counts_pairs(
    positive: list[float], negative: list[float], expected: float
) -> None:
    assert area_under_curve(positive, negative) == pytest.approx(expected)
