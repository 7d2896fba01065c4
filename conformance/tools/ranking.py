"""Makes vectors/ranking.json: small stores, questions, and every score by chapter 8 of the spec.

A second reading of the text, made without looking at an implementation, so that the reference is
judged by something that is not itself. It is slow and plain on purpose. `--check` only compares.
Needs the package snowballstemmer (3 or later).
"""

from __future__ import annotations

import json
import math
import re
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import snowballstemmer

from exp2 import exp2
from ranking_stores import STORES

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "agentmem-core" / "data"
TARGET = ROOT / "conformance" / "vectors" / "ranking.json"

VOCABULARY = {
    piece: row
    for row, piece in enumerate((DATA / "vocab.txt").read_text("utf-8").split("\n"))
    if piece
}
TABLE = memoryview((DATA / "table_128.i8").read_bytes()).cast("b")
STOP_WORDS = set((DATA / "stopwords.txt").read_text("utf-8").split())
STEM = snowballstemmer.stemmer("english").stemWord
CJK_RUN = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)
W = 0.4
# The clock of a case.
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def category(character: str) -> str:
    return unicodedata.category(character)


def terms(text: str) -> list[str]:
    """8.2. The texts of the stores have no characters on which versions of Unicode differ."""
    folded = unicodedata.normalize("NFKC", text).lower()
    found: list[str] = []
    for run in CJK_RUN.findall(folded):
        found += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
    rest = unicodedata.normalize("NFKD", CJK_RUN.sub(" ", folded)).lower()
    rest = "".join(c for c in rest if not category(c).startswith("M"))
    rest = re.sub("[\u2018\u2019\u02bc]", "'", rest)
    rest = re.sub(r"'s(?![a-z0-9])", "", rest).replace("'", "")
    words = re.findall("[a-z0-9]+", rest)
    return found + [STEM(word) for word in words if word not in STOP_WORDS]


def is_ideograph(character: str) -> bool:
    code = ord(character)
    ranges = [
        (0x4E00, 0x9FFF),
        (0x3400, 0x4DBF),
        (0x20000, 0x2A6DF),
        (0x2A700, 0x2B73F),
    ]
    ranges += [
        (0x2B740, 0x2B81F),
        (0x2B820, 0x2CEAF),
        (0xF900, 0xFAFF),
        (0x2F800, 0x2FA1F),
    ]
    return any(low <= code <= high for low, high in ranges)


def is_punctuation(character: str) -> bool:
    symbol = character.isascii() and character.isprintable() and not character.isalnum()
    return (symbol and character != " ") or category(character).startswith("P")


@cache
def tokens(text: str) -> tuple[int, ...]:
    """8.6."""
    cleaned = ""
    for c in text:
        if c in "\t\n\r" or category(c) == "Zs":
            cleaned += " "
        elif not category(c).startswith("C") and c != "\ufffd":
            cleaned += f" {c} " if is_ideograph(c) else c
    cleaned = unicodedata.normalize("NFD", cleaned)
    cleaned = "".join(c for c in cleaned if category(c) != "Mn").lower()
    spaced = "".join(f" {c} " if is_punctuation(c) else c for c in cleaned)
    return tuple(piece for word in spaced.split() for piece in pieces(word))


def pieces(word: str) -> list[int]:
    found: list[int] = []
    start = 0
    while start < len(word) <= 100:
        mark = "##" if start else ""
        ends = (
            end
            for end in range(len(word), start, -1)
            if mark + word[start:end] in VOCABULARY
        )
        end = next(ends, None)
        if end is None:
            return []
        found.append(VOCABULARY[mark + word[start:end]])
        start = end
    return found


def row(token: int) -> memoryview:
    return TABLE[token * 128 : token * 128 + 128]


def dot(a: list[int] | memoryview, b: list[int] | memoryview) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


@cache
def vector(text: str) -> list[int]:
    """8.7."""
    sums = [0] * 128
    for token in tokens(text):
        sums = [a + x for a, x in zip(sums, row(token), strict=True)]
    m = max(abs(a) for a in sums)
    if m == 0:
        return sums
    return [(1 if a >= 0 else -1) * ((254 * abs(a) + m) // (2 * m)) for a in sums]


def cosine(a: list[int], b: list[int]) -> float:
    squares = dot(a, a) * dot(b, b)
    return dot(a, b) / math.sqrt(squares) if squares else 0.0


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


@cache
def coverage(query: str, document: str) -> float | None:
    """L of 8.9; None if the query has no tokens: there is no second stage."""
    wanted = first_tokens(query)
    if not wanted:
        return None
    found = first_tokens(document)
    if not found:
        return 0.0
    total = 0.0
    for t in wanted:
        total += max(0.0, max(dot(row(t), row(u)) / length(u) for u in found))
    return total / sum(length(t) for t in wanted)


def first_tokens(text: str) -> list[int]:
    return [token for token in dict.fromkeys(tokens(text)) if any(row(token))][:64]


def length(token: int) -> float:
    return math.sqrt(dot(row(token), row(token)))


@dataclass
class Record:
    """A live record, with what 8.3 derives from it."""

    id: str
    place: int
    given: dict[str, object]
    created: datetime = field(init=False)
    tf2: Counter[str] = field(init=False)

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
    for record in records:
        own = Counter(terms(record.text))
        record.tf2 = Counter({term: 2 * count for term, count in own.items()})
        if not record.is_turn:
            continue
        key = (record.created, record.place)
        before = [
            other
            for other in records
            if other.is_turn
            and other.scope == record.scope
            and (other.created, other.place) < key
        ]
        if before:
            record.tf2 += Counter(
                terms(max(before, key=lambda it: (it.created, it.place)).text)
            )
        when = record.created.astimezone(timezone.utc)
        record.tf2 += Counter(terms(f"{when.day} {when:%B}, {when.year}"))


def lexical(query: str, records: list[Record]) -> tuple[dict[str, float], float]:
    """8.4: BM25 by id, and U of 8.10."""
    n = len(records)
    total2 = sum(record.tf2.total() for record in records)
    values = {record.id: 0.0 for record in records}
    idf_sum = 0.0
    for term in dict.fromkeys(terms(query)):
        df = sum(1 for record in records if record.tf2[term] > 0)
        idf = ln(1 + (n - df + 0.5) / (df + 0.5))
        idf_sum += idf
        for record in records:
            if record.tf2[term] > 0:
                tf = record.tf2[term] / 2
                norm = (record.tf2.total() * n) / total2
                values[record.id] += ((idf * tf) * 1.9) / (
                    tf + 0.9 * (0.6 + 0.4 * norm)
                )
    return values, 1.9 * idf_sum


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
    """8.9 to 8.11, for the options that the stores use."""
    query, mode = str(options["query"]), options.get("mode", "hybrid")
    limit = int(str(options.get("limit", 10)))
    derive(records)
    partition = [
        r
        for r in records
        if "userId" not in options or selected(r, {"userId": options["userId"]})
    ]
    bm25, u = lexical(query, partition)
    by_id = {record.id: record for record in partition if selected(record, options)}
    bm25 = {i: bm25[i] for i in by_id}
    cosines = {
        i: cosine(vector(query), vector(record.text)) for i, record in by_id.items()
    }
    above_b = {i: value for i, value in bm25.items() if value > 0}
    above_c = {i: value for i, value in cosines.items() if value > 0}
    if mode == "lexical":
        scores = {i: value / u for i, value in above_b.items()}
        best = ordered(above_b, by_id)
    elif mode == "semantic":
        scores, best = above_c, ordered(above_c, by_id)
    else:
        scores, best = hybrid(query, by_id, bm25, cosines, u, limit)
    scores = {i: min(1.0, max(0.0, score)) for i, score in scores.items()}
    if "recency" in options or "importanceWeight" in options:
        scores = {i: blended(by_id[i], score, options) for i, score in scores.items()}
        best = ordered(scores, by_id)
    return [{"id": i, "score": scores[i]} for i in best[:limit]]


def blended(record: Record, score: float, options: dict[str, object]) -> float:
    """8.11. The stores give no weights that are all 0."""
    recency: dict[str, float] = options.get("recency", {})  # type: ignore[assignment]
    wr = recency.get("weight", 0)
    wi = float(str(options.get("importanceWeight", 0)))
    age = max(0, (NOW - record.created) // timedelta(milliseconds=1))
    x = (age / 1000) / recency.get("halfLife", 1)
    return ((score + wr * exp2(-x)) + (wi * record.importance)) / ((1 + wr) + wi)


def hybrid(
    query: str,
    by_id: dict[str, Record],
    bm25: dict[str, float],
    cosines: dict[str, float],
    u: float,
    limit: int,
) -> tuple[dict[str, float], list[str]]:
    cut = max(200, limit)
    candidates = dict.fromkeys(
        ordered({i: v for i, v in bm25.items() if v > 0}, by_id)[:cut]
        + ordered({i: v for i, v in cosines.items() if v > 0}, by_id)[:cut]
    )
    if not candidates:
        return {}, []
    max_b = max(bm25[i] for i in candidates)
    max_c = max(cosines[i] for i in candidates)
    fused = {}
    for i in candidates:
        b = bm25[i] / max_b if max_b > 0 else 0.0
        s = max(0.0, cosines[i]) / max_c if max_c > 0 else 0.0
        fused[i] = (W * s) + ((1 - W) * b)
    final, divisor = dict(fused), 1.0
    for i in ordered(fused, by_id)[:40]:
        more = coverage(query, by_id[i].text)
        if more is not None:
            final[i], divisor = fused[i] + 0.5 * more, 1.5
    answered = W * max(0.0, max_c) + (1 - W) * (max_b / u if u != 0 else 0.0)
    scores = {i: (value / divisor) * math.sqrt(answered) for i, value in final.items()}
    return scores, ordered(final, by_id)


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
  "spec": ["8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "8.8", "8.9", "8.10", "8.11"],
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
