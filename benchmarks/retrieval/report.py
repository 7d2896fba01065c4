"""Prints what was measured, as Markdown."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import forms
import measures

if TYPE_CHECKING:
    from bench import Plan

NAMES = {
    "hybrid": "AgentMem hybrid",
    "lexical": "AgentMem lexical (context BM25)",
    "semantic": "AgentMem semantic",
    "bm25": "BM25 (bm25s)",
    "bm25-stem": "BM25 (bm25s, stemmed)",
    "minilm": "MiniLM",
    "minilm-int8": "MiniLM, int8",
    "fused": "MiniLM + context BM25",
}
DIFFERENCES = ("R@5", "R@10", "R@25", "NDCG@10", "MRR")
Results = Mapping[str, Mapping[str, Any]]


def write(
    data: forms.Data,
    plan: Plan,
    results: Results,
    weight: tuple[float | None, int],
    node: Mapping[str, bool] | None,
    split: str,
    seed: int,
) -> None:
    """Prints all tables."""
    print(f"\n{heading(data, plan, split)}\n")
    gold = [one.gold for one in plan.asked]
    figures = {name: figures_of(result["hits"], gold) for name, result in results.items()}
    write_recall(figures)
    if "fused" in results:
        print(f"\n{weight_line(*weight)}")
    write_differences(figures, seed)
    write_categories(plan, figures)
    write_scores(plan, results)
    write_costs(results)
    if node:
        verdict = "the same hits and scores to the last digit"
        print(
            f"\nNode and Python give {verdict if all(node.values()) else 'DIFFERENT answers'}: "
            f"{', '.join(node)}, {len(plan.searches()):,} searches each."
        )


def heading(data: forms.Data, plan: Plan, split: str) -> str:
    users = len({record.get("userId") for record in plan.records})
    whole = split == "all" or all(one.split == "test" for one in data.questions)
    questions = "all" if whole else "the held-out" if split == "test" else "the tuning"
    today = datetime.datetime.now(datetime.timezone.utc)
    machine = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} processors"
    parts = [
        f"{data.form}, {questions} questions: {plural(users, 'user')}, "
        f"{len(plan.records):,} records, {len(plan.asked):,} questions with gold",
        *(f"Left out: {one}" for one in data.left_out),
        f"Commit {commit()}, {today:%Y-%m-%d}",
        f"Python {platform.python_version()}, {machine}",
    ]
    return ". ".join(parts) + "."


def plural(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=9", "--exclude=*"]
    here = os.path.dirname(__file__)
    try:
        found = subprocess.run(command, capture_output=True, text=True, cwd=here)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def weight_line(weight: float | None, questions: int) -> str:
    if questions:
        why = f"which finds most among ten on {questions} tuning questions"
    elif weight is None:
        why = "as there are no tuning questions to choose it on"
    else:
        why = "as given"
    return f"Weight of MiniLM in the fusion: {0.5 if weight is None else weight}, {why}."


Figures = dict[str, list[float]]
"""By measure, a value a question."""


def figures_of(
    hits: Sequence[Sequence[tuple[str, float]]], gold: Sequence[Sequence[str]]
) -> Figures:
    rankings = [[one for one, _ in found] for found in hits[: len(gold)]]
    return {
        name: [measure(*pair) for pair in zip(rankings, gold, strict=True)]
        for name, measure in measures.MEASURES.items()
    }


def write_recall(figures: Mapping[str, Figures]) -> None:
    table(
        ["system", *measures.MEASURES],
        (
            [NAMES[name], *(f"{measures.mean(values):.4f}" for values in one.values())]
            for name, one in figures.items()
        ),
    )


def write_differences(figures: Mapping[str, Figures], seed: int) -> None:
    """The paired differences to AgentMem's default, or to the first system without it."""
    base = "hybrid" if "hybrid" in figures else next(iter(figures))
    rest = [name for name in figures if name != base]
    if not rest:
        return
    rows = [
        [
            one - other
            for one, other in zip(figures[name][measure], figures[base][measure], strict=True)
        ]
        for name in rest
        for measure in DIFFERENCES
    ]
    cells = [
        f"{measures.mean(row):+.3f} [{low:+.3f}, {high:+.3f}]"
        for row, (low, high) in zip(rows, measures.bootstrap(rows, seed), strict=True)
    ]
    print(
        f"\nDifference to {NAMES[base]}, with its 95 % interval "
        f"(paired bootstrap over the questions, seed {seed}):\n"
    )
    width = len(DIFFERENCES)
    table(
        ["system", *DIFFERENCES],
        ([NAMES[name], *cells[place * width :][:width]] for place, name in enumerate(rest)),
    )


def write_categories(plan: Plan, figures: Mapping[str, Figures]) -> None:
    """Recall among ten by category, and all figures of the first system."""
    categories = sorted({one.category for one in plan.asked if one.category is not None})
    if not categories:
        return
    places = {
        category: [place for place, one in enumerate(plan.asked) if one.category == category]
        for category in categories
    }

    def cell(values: Sequence[float], category: str) -> str:
        return f"{measures.mean([values[place] for place in places[category]]):.4f}"

    print("\nR@10 by category:\n")
    table(
        ["system", *(f"{category} ({len(places[category])})" for category in categories)],
        (
            [NAMES[name], *(cell(one["R@10"], category) for category in categories)]
            for name, one in figures.items()
        ),
    )
    first = next(iter(figures))
    print(f"\n{NAMES[first]} by category:\n")
    table(
        ["category", "questions", *measures.MEASURES],
        (
            [
                category,
                str(len(places[category])),
                *(cell(one, category) for one in figures[first].values()),
            ]
            for category in categories
        ),
    )


def write_scores(plan: Plan, results: Results) -> None:
    """How well the best hit's score tells what the records answer from what they do not."""
    if not plan.unanswered:
        return
    own = slice(len(plan.asked))
    kinds: dict[str, slice] = {}
    start = own.stop
    for kind, searches in plan.unanswered.items():
        kinds[kind] = slice(start, start + len(searches))
        start += len(searches)
    print(
        "\nThe best hit's score: its median for the questions above (own), and for questions that "
        "the records do not answer; and the area under the ROC curve with which it tells those "
        "apart from own ones:\n"
    )
    rows = []
    for name, result in results.items():
        best = [found[0][1] if found else 0.0 for found in result["hits"]]
        rows.append([NAMES[name], f"{statistics.median(best[own]):.3f}"])
        for part in kinds.values():
            area = measures.area_under_curve(best[own], best[part])
            rows[-1] += [f"{statistics.median(best[part]):.3f}", f"{area:.4f}"]
    head = ["system", f"own ({own.stop:,})"]
    for kind, searches in plan.unanswered.items():
        head += [f"{kind} ({len(searches):,})", "AUC"]
    table(head, rows)


def write_costs(results: Results) -> None:
    bare = max(result["bare"] for result in results.values())
    print(
        "\nMedians of a record added (all of a user's at once; MiniLM 32 at once) and of a query, "
        "by the wall clock and by all processors; the most memory of the process, of which "
        f"{bare / 1e6:.0f} MB are Python and the data:\n"
    )
    table(
        ["system", "added, wall", "added, CPU", "query, wall", "query, CPU", "memory"],
        (
            [
                NAMES[name],
                *(f"{seconds * 1000:.3f} ms" for seconds in (*result["add"], *result["search"])),
                f"{result['memory'] / 1e6:.0f} MB",
            ]
            for name, result in results.items()
        ),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
