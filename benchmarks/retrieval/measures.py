"""What a ranking is worth: figures of one question, means of many, and how sure a difference is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

Ranking = Sequence[str]
Gold = Sequence[str]
Measure = Callable[[Ranking, Gold], float]


def recall(k: int) -> Measure:
    """The share of the gold among the first k."""
    return lambda ranking, gold: len(set(gold) & set(ranking[:k])) / len(gold)


def any_gold(ranking: Ranking, gold: Gold) -> float:
    """1 if any gold is among the first ten."""
    return float(recall(10)(ranking, gold) > 0)


def all_gold(ranking: Ranking, gold: Gold) -> float:
    """1 if all gold is among the first ten."""
    return float(recall(10)(ranking, gold) == 1)


def ndcg(ranking: Ranking, gold: Gold) -> float:
    """NDCG@10 with binary gain; the ideal has min(10, gold) in front."""
    gains = [1 / math.log2(rank + 2) for rank in range(10)]
    got = sum(gain for gain, one in zip(gains, ranking, strict=False) if one in gold)
    return got / sum(gains[: len(gold)])


def reciprocal_rank(ranking: Ranking, gold: Gold) -> float:
    """1 / the place of the first gold, 0 if none was given."""
    return next((1 / place for place, one in enumerate(ranking, 1) if one in gold), 0.0)


MEASURES: dict[str, Measure] = {
    "R@1": recall(1),
    "R@5": recall(5),
    "R@10": recall(10),
    "R@25": recall(25),
    "hit@10": any_gold,
    "all@10": all_gold,
    "NDCG@10": ndcg,
    "MRR": reciprocal_rank,
}


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def bootstrap(
    differences: Sequence[Sequence[float]], seed: int, rounds: int = 2000
) -> list[tuple[float, float]]:
    """Gives the 95 % interval of the mean of each row, by percentiles of resampled questions.

    A row has one paired difference a question; every row sees the same draws.
    """
    if not differences:
        return []
    chance = random.Random(seed)
    count = len(differences[0])
    means: list[list[float]] = [[] for _ in differences]
    for _ in range(rounds):
        drawn = chance.choices(range(count), k=count)
        for row, found in zip(differences, means, strict=True):
            found.append(sum(map(row.__getitem__, drawn)) / count)
    edge = round(rounds * 0.025)
    return [(ordered[edge], ordered[-edge - 1]) for ordered in map(sorted, means)]


def area_under_curve(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The area under the ROC curve: the chance that a positive is above a negative.

    A tie counts half.
    """
    ordered = sorted([(score, True) for score in positive] + [(score, False) for score in negative])
    above = 0.0
    below = start = 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        equal = sum(is_positive for _, is_positive in ordered[start:end])
        others = end - start - equal
        above += equal * (below + others / 2)
        below += others
        start = end
    return above / (len(positive) * len(negative))
