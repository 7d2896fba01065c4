"""Makes vectors/ranking.json: small stores, questions, and every score by chapter 8 of the spec.

A second reading of the text, made without looking at an implementation, so that the reference is
judged by something that is not itself. It is slow and plain on purpose. `--check` only compares.
Needs the package snowballstemmer (3 or later).
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from exp2 import exp2
from ranking_queries import NOW, dated, mended
from ranking_stores import STORES
from ranking_terms import ROOT, terms
from ranking_vectors import cosine, coverage, vector

TARGET = ROOT / "conformance" / "vectors" / "ranking.json"
W = 0.4


def ln(x: float) -> float:
    """8.5."""
    m, e = math.frexp(x)
    if m < math.sqrt(0.5):
        m, e = m * 2, e - 1
    z = (m - 1) / (m + 1)
    w = z * z
    p = 0.0
    for k in range(10, -1, -1):
        p = p * w + 1 / (2 * k + 1)
    return (2 * z) * p + e * 0.6931471805599453


@dataclass
class Record:
    """A live record, with what 8.3 derives from it."""

    id: str
    place: int
    given: dict[str, object]
    created: datetime = field(init=False)
    words: Counter[str] = field(init=False)
    neighbours: dict[int, Record] = field(init=False)
    tf8: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        text = str(self.given.get("createdAt", "2026-01-01T00:00:00.000Z"))
        self.created = datetime.fromisoformat(text.replace("Z", "+00:00"))

    @property
    def importance(self) -> float:
        return float(str(self.given.get("importance", 0.5)))

    @property
    def is_turn(self) -> bool:
        return "role" in self.given

    @property
    def text(self) -> str:
        named = self.is_turn and "name" in self.given
        return (
            f"{self.given['name']}: {self.given['content']}"
            if named
            else str(self.given["content"])
        )

    @property
    def scope(self) -> tuple[object, ...]:
        return tuple(self.given.get(name) for name in ("userId", "agentId", "runId"))


def derive(records: list[Record]) -> None:
    """8.3 for all records."""
    conversations: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        record.words = Counter(terms(record.text))
        record.neighbours = {}
        if record.is_turn:
            when = record.created.astimezone(timezone.utc)
            record.words.update(terms(f"{when.day} {when:%B}, {when.year}"))
            conversations.setdefault(record.scope, []).append(record)
    for turns in conversations.values():
        turns.sort(key=lambda turn: (turn.created, turn.place))
        for i, turn in enumerate(turns):
            for away in (-3, -2, -1, 1, 2, 3):
                if 0 <= i + away < len(turns):
                    turn.neighbours[away] = turns[i + away]
    for record in records:
        record.tf8 = Counter({t: 8 * count for t, count in record.words.items()})
        for away, other in record.neighbours.items():
            for t, count in other.words.items():
                record.tf8[t] += 2 ** (3 - abs(away)) * count


@dataclass
class Partition:
    """8.4: the statistics of all live records of the user, or of the store."""

    records: list[Record]

    def __post_init__(self) -> None:
        self.n = len(self.records)
        self.total8 = sum(record.tf8.total() for record in self.records)
        self.words = sum(record.words.total() for record in self.records)
        mean = self.words / self.n if self.n else 0.0
        self.long = min(1.0, max(0.0, mean / 32 - 1))
        self.b = 0.4 + 0.35 * self.long

    def idf(self, df: int) -> float:
        return ln(1 + (self.n - df + 0.5) / (df + 0.5))

    def df1(self, term: str) -> int:
        return sum(1 for record in self.records if term in record.words)

    def idf1(self, term: str) -> float:
        return self.idf(self.df1(term))

    def lexical(self, query: str) -> tuple[dict[str, list[dict[str, object]]], float]:
        """The terms of 8.13 by id, whose weights are the summands of BM25, and U of 8.10."""
        found: dict[str, list[dict[str, object]]] = {r.id: [] for r in self.records}
        idf_sum = 0.0
        for term in dict.fromkeys(terms(query)):
            having = [record for record in self.records if record.tf8[term] > 0]
            idf = self.idf(len(having))
            idf_sum += idf
            for record in having:
                tf = record.tf8[term] / 8
                norm = (record.tf8.total() * self.n) / self.total8
                weight = ((idf * tf) * 1.9) / (
                    tf + 0.9 * ((1 - self.b) + self.b * norm)
                )
                own = record.words[term]
                around = (record.tf8[term] - 8 * own) / 8
                found[record.id].append(
                    {"term": term, "own": own, "around": around, "weight": weight}
                )
        return found, 1.9 * idf_sum

    def v(self, record: Record, term: str, idf1: float) -> float:
        """v(d, t) of 8.9."""
        count, total = record.words[term], record.words.total()
        norm = (total * self.n) / self.words
        return ((idf1 * count) * 1.9) / (count + 0.9 * ((1 - self.b) + self.b * norm))


def ordered(values: dict[str, float], records: dict[str, Record]) -> list[str]:
    """8.8."""
    return sorted(
        values, key=lambda i: (-values[i], -records[i].created.timestamp(), i.encode())
    )


def selected(record: Record, options: dict[str, object]) -> bool:
    names = ("userId", "agentId", "runId")
    return all(
        record.given.get(name) == options[name] for name in names if name in options
    )


def search(
    records: list[Record], options: dict[str, object]
) -> list[dict[str, object]]:
    """8.9 to 8.16, for the options that the stores use."""
    query, mode = str(options["query"]), options.get("mode", "hybrid")
    limit = int(str(options.get("limit", 10)))
    derive(records)
    partition = Partition(
        [
            r
            for r in records
            if "userId" not in options or selected(r, {"userId": options["userId"]})
        ]
    )
    query = mended(query, partition)
    words = dated(query, partition)
    found, u = partition.lexical(words)
    bm25 = {i: bm25_of(parts) for i, parts in found.items()}
    by_id = {r.id: r for r in partition.records if selected(r, options)}
    if mode == "lexical":
        why = {
            i: {**NOTHING, "terms": found[i], "bm25": bm25[i], "value": bm25[i]}
            for i in by_id
            if bm25[i] > 0
        }
        scores = {i: bm25[i] / u for i in why}
    elif mode == "semantic":
        scores = {i: similarity(query, record) for i, record in by_id.items()}
        scores = {i: value for i, value in scores.items() if value > 0}
        why = {
            i: {**NOTHING, "cosine": value, "near": value, "value": value}
            for i, value in scores.items()
        }
    else:
        scores, why = hybrid(query, words, partition, by_id, bm25, u, limit)
        for i in why:
            why[i]["terms"] = found[i]
    best = ordered({i: why[i]["value"] for i in why}, by_id)
    scores = {i: min(1.0, max(0.0, score)) for i, score in scores.items()}
    if "recency" in options or "importanceWeight" in options:
        for i in why:
            why[i] |= blend_of(by_id[i], scores[i], options)
        scores = {i: blended(by_id[i], score, options) for i, score in scores.items()}
        best = ordered(scores, by_id)
    hits = [{"id": i, "score": scores[i]} for i in best[:limit]]
    if options.get("explain"):
        hits = [{**hit, "explain": {"$exact": why[str(hit["id"])]}} for hit in hits]
    return hits


# What 8.13 tells of a number that a mode does not know.
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("bm25", "cosine", "near", "speaker", "question", "feedback"), 0),
    **dict.fromkeys(("coverage", "likelihood", "relevance", "recency", "importance")),
    "terms": [],
}


def bm25_of(parts: list[dict[str, Any]]) -> float:
    """The sum in order: Python's own sum may be more exact than doubles are."""
    total = 0.0
    for part in parts:
        total += part["weight"]
    return total


def blend_of(
    record: Record, score: float, options: dict[str, object]
) -> dict[str, object]:
    """What 8.13 tells of 8.11."""
    recency: dict[str, float] = options.get("recency", {})  # type: ignore[assignment]
    return {
        "relevance": score,
        "recency": newness(record, recency) if recency.get("weight", 0) > 0 else None,
        "importance": record.importance if options.get("importanceWeight") else None,
    }


def blended(record: Record, score: float, options: dict[str, object]) -> float:
    """8.11. The stores give no weights that are all 0."""
    recency: dict[str, float] = options.get("recency", {})  # type: ignore[assignment]
    wr = recency.get("weight", 0)
    wi = float(str(options.get("importanceWeight", 0)))
    new = newness(record, recency)
    return ((score + wr * new) + (wi * record.importance)) / ((1 + wr) + wi)


def newness(record: Record, recency: dict[str, float]) -> float:
    """EXP2(-x) of 8.11."""
    age = max(0, (NOW - record.created) // timedelta(milliseconds=1))
    return exp2(-((age / 1000) / recency.get("halfLife", 1)))


def similarity(query: str, record: Record) -> float:
    """c of 8.9."""
    return max(0.0, cosine(vector(query), vector(record.text)))


def near(query: str, record: Record) -> float:
    """C of 8.9."""

    def at(away: int) -> float:
        other = record.neighbours.get(away)
        return similarity(query, other) if other else 0.0

    first = similarity(query, record) + 0.5 * (at(-1) + at(1))
    return (first + 0.25 * (at(-2) + at(2))) + 0.125 * (at(-3) + at(3))


def feedback(
    partition: Partition, by_id: dict[str, Record], final: dict[str, float]
) -> dict[str, float]:
    """R of 8.9 by id."""
    best = [by_id[i] for i in ordered(final, by_id)[:3]]
    idf1 = {term: partition.idf1(term) for record in best for term in record.words}
    like = {}
    for i in final:
        like[i] = 0.0
        for term in by_id[i].words:
            if term in idf1:
                of_best = 0.0
                for record in best:
                    if term in record.words:
                        of_best += partition.v(record, term, idf1[term])
                like[i] += partition.v(by_id[i], term, idf1[term]) * of_best
    return like


def hybrid(
    query: str,
    words: str,
    partition: Partition,
    by_id: dict[str, Record],
    bm25: dict[str, float],
    u: float,
    limit: int,
) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """The scores of 8.10, not clamped, and what 8.13 tells, but for the terms."""
    cut = max(200, limit)
    nears = {i: near(query, record) for i, record in by_id.items()}
    candidates = dict.fromkeys(
        ordered({i: bm25[i] for i in by_id if bm25[i] > 0}, by_id)[:cut]
        + ordered({i: v for i, v in nears.items() if v > 0}, by_id)[:cut]
    )
    if not candidates:
        return {}, {}
    max_b = max(bm25[i] for i in candidates)
    max_c = max(nears[i] for i in candidates)
    asked = set(terms(words))
    final = {}
    why: dict[str, dict[str, Any]] = {}
    for i in candidates:
        record = by_id[i]
        b = bm25[i] / max_b if max_b > 0 else 0.0
        s = nears[i] / max_c if max_c > 0 else 0.0
        named = record.is_turn and asked & set(terms(str(record.given.get("name", ""))))
        asks = record.is_turn and any(
            c in "?\u061f\uff1f" for c in record.given["content"]
        )  # type: ignore[attr-defined]
        speaker, question = 0.15 if named else 0, 0.1 if asks else 0
        final[i] = (((W * s) + ((1 - W) * b)) + speaker) - question
        why[i] = {**NOTHING, "bm25": bm25[i], "near": nears[i]}
        why[i] |= {"speaker": speaker, "question": question}
        why[i]["cosine"] = similarity(query, record)
    covered = []
    for i in ordered(final, by_id)[:40]:
        more = coverage(query, by_id[i].text)
        if more is not None:
            final[i] += 0.5 * more
            covered.append(more)
            why[i]["coverage"] = more
    if partition.long > 0:
        like = feedback(partition, by_id, final)
        greatest = max(like.values())
        if greatest > 0:
            for i in final:
                more = (0.6 * partition.long) * (like[i] / greatest)
                final[i] += more
                why[i]["feedback"] = more
    share = max_b / u if u != 0 else 0.0
    if covered:
        z = 8 * (share + max(covered)) - 7.5
        y = exp2(-abs(z))
        p = 1 / (1 + y) if z >= 0 else y / (1 + y)
    else:
        c = max(similarity(query, by_id[i]) for i in candidates)
        p = math.sqrt(W * c + (1 - W) * share)
    top = max(final.values())
    scores = {i: p * (max(0.0, value) / top) for i, value in final.items()}
    for i, value in final.items():
        why[i] |= {"value": value, "likelihood": p}
    return scores, why


def case_of(store: dict[str, object]) -> dict[str, object]:
    items: list[dict[str, object]] = store["items"]  # type: ignore[assignment]
    deleted: list[str] = store.get("deleted", [])  # type: ignore[assignment]
    searches: list[dict[str, object]] = store["searches"]  # type: ignore[assignment]
    records = [Record(str(item["id"]), place, item) for place, item in enumerate(items)]
    live = [record for record in records if record.id not in deleted]
    steps: list[dict[str, object]] = [{"do": "addMany", "with": {"items": items}}]
    steps += [{"do": "delete", "with": {"id": i}, "expect": True} for i in deleted]
    steps += [{"do": "search", "with": s, "expect": search(live, s)} for s in searches]
    return {"name": store["name"], "why": store["why"], "steps": steps}


def render() -> str:
    cases = []
    for store in STORES:
        case = case_of(store)
        steps = ",\n".join(
            f"      {json.dumps(s, ensure_ascii=False)}" for s in case["steps"]
        )  # type: ignore[attr-defined]
        name, why = (
            json.dumps(case[key], ensure_ascii=False) for key in ("name", "why")
        )
        cases.append(
            f'    {{ "name": {name}, "why": {why}, "steps": [\n{steps}\n    ] }}'
        )
    body = ",\n".join(cases)
    return f"""{{
  "format": "1.0",
  "title": "Rankings and scores, to the bit",
  "spec": ["8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "8.8", "8.9", "8.10", "8.11", "8.13", "8.15", "8.16"],
  "why": "Computed from the spec alone by tools/ranking.py, as a second opinion; never edited.",
  "cases": [
{body}
  ]
}}
"""


def main() -> int:
    text = render()
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
    elif TARGET.read_text("utf-8") != text:
        print(f"{TARGET.name} is not what the specification gives", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
