"""Reads the forms of data that the benchmark knows.

Every form becomes records as `add` takes them, and questions with the ids of their gold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

Record = dict[str, str]
"""What `add` takes, by its wire names."""

LOCOMO_TUNE = frozenset({"conv-26", "conv-30", "conv-41", "conv-42", "conv-43"})
"""The conversations that may be tuned on; the others are held out."""
LOCOMO_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
LOCOMO_ADVERSARIAL = 5
RECORD_FIELDS = frozenset(
    {"id", "content", "userId", "agentId", "runId", "role", "name", "createdAt"}
)
QUESTION_FIELDS = frozenset({"question", "userId", "gold", "category", "split"})


class FormError(Exception):
    """The data is missing or in no form that is known. The message is for the user."""


@dataclass(frozen=True)
class Question:
    """A question asked of one user's records."""

    text: str
    user: str | None
    gold: tuple[str, ...]
    """The ids of the records that answer it; none: nothing does."""
    category: str | None = None
    split: Literal["test", "tune"] = "test"
    now: float | None = None
    """When it is asked, in seconds since 1970; None: at the time of the clock."""


@dataclass
class Data:
    """What a file or folder holds."""

    form: str
    records: list[Record]
    questions: list[Question]
    left_out: list[str] = field(default_factory=list)
    """What was left out and why, for the report."""


def load(path: Path) -> Data:
    """Reads a file or folder, whichever form it has."""
    if not path.exists():
        raise FormError(f"{path}: there is no such file or folder")
    try:
        data = reader(path)(path)
    except UnicodeDecodeError as error:
        raise FormError(f"{path}: is not UTF-8 text ({error.reason})") from error
    if not data.records:
        raise FormError(f"{path}: has no records")
    check_gold(path, data)
    return data


def reader(path: Path) -> Callable[[Path], Data]:
    if path.is_dir():
        if (path / "corpus.jsonl").exists():
            return read_beir
        if (path / "cran.all.1400").exists():
            return read_cranfield
        raise FormError(
            f"{path}: a folder must hold BEIR's form (corpus.jsonl, queries.jsonl, qrels/test.tsv) "
            "or Cranfield (cran.all.1400, cran.qry, cranqrel)"
        )
    if path.suffix == ".jsonl":
        return read_lines
    if path.suffix == ".json":
        return read_locomo
    raise FormError(
        f"{path}: a file must be .json (LoCoMo's form) or .jsonl (records and questions)"
    )


def check_gold(path: Path, data: Data) -> None:
    owners: dict[str, str | None] = {}
    for record in data.records:
        if record["id"] in owners:
            raise FormError(f"{path}: two records have the id {record['id']!r}")
        owners[record["id"]] = record.get("userId")
    users = set(owners.values())
    for question in data.questions:
        if question.user not in users:
            raise FormError(f"{path}: a question is about {question.user!r}, who has no records")
        for gold in question.gold:
            if gold not in owners:
                raise FormError(f"{path}: the gold {gold!r} of a question is no record's id")
            if owners[gold] != question.user:
                raise FormError(
                    f"{path}: the gold {gold!r} belongs to another user than its question"
                )


# LoCoMo (snap-research/LoCoMo)


def read_locomo(path: Path) -> Data:
    """Each conversation is a user, each session a run, each turn a record.

    A turn's time is its session's plus a second for each turn before it.
    """
    try:
        conversations = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise FormError(f"{path}: is not JSON: {error}") from error
    if not isinstance(conversations, list):
        raise FormError(
            f"{path}: is not in LoCoMo's form, an array of {{sample_id, conversation, qa}}"
        )
    data = Data("LoCoMo", [], [])
    without_gold = 0
    for place, one in enumerate(conversations):
        try:
            user = str(one["sample_id"])
            turns = list(locomo_turns(user, one["conversation"]))
            known = {turn["id"] for turn in turns}
            data.records += turns
            for asked in one["qa"]:
                question = locomo_question(user, asked, known)
                if question:
                    data.questions.append(question)
                else:
                    without_gold += 1
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormError(
                f"{path}: conversation {place} is not in LoCoMo's form: {error!r}"
            ) from error
    if without_gold:
        data.left_out.append(f"{without_gold} questions without evidence among the turns")
    return data


def locomo_turns(user: str, conversation: dict[str, Any]) -> Iterator[Record]:
    sessions = sorted(
        (int(match[1]), key)
        for key, said in conversation.items()
        if (match := re.fullmatch(r"session_(\d+)", key)) and isinstance(said, list)
    )
    for _, session in sessions:
        begin = locomo_time(conversation[f"{session}_date_time"])
        for place, turn in enumerate(conversation[session]):
            caption = turn.get("blip_caption")
            time = begin + timedelta(seconds=place)
            yield {
                "id": locomo_ids(user, turn["dia_id"])[0],
                "content": turn["text"] + (f" [shares {caption}]" if caption else ""),
                "userId": user,
                "runId": session,
                "role": "user",
                "name": turn["speaker"],
                "createdAt": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            }


def locomo_time(text: str) -> datetime:
    """Reads "1:56 pm on 8 May, 2023"."""
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=timezone.utc)


def locomo_ids(user: str, text: str) -> list[str]:
    ids = [
        f"{user}/{int(session)}:{int(turn)}"
        for session, turn in re.findall(r"D:?(\d+):(\d+)", text)
    ]
    if not ids:
        raise ValueError(f"{text!r} is no turn's id")
    return ids


def locomo_question(user: str, asked: dict[str, Any], known: set[str]) -> Question | None:
    """Gives a question with its evidence, the turns of it that exist.

    None if it should have some and has none. The evidence of an adversarial question is what
    misleads: nothing answers it.
    """
    split: Literal["test", "tune"] = "tune" if user in LOCOMO_TUNE else "test"
    if asked["category"] == LOCOMO_ADVERSARIAL:
        return Question(asked["question"], user, (), "adversarial", split)
    evidence = " ".join(asked.get("evidence") or [])
    found = locomo_ids(user, evidence) if re.search(r"D:?\d+:\d+", evidence) else []
    gold = tuple(one for one in dict.fromkeys(found) if one in known)
    if not gold:
        return None
    return Question(asked["question"], user, gold, LOCOMO_CATEGORIES[asked["category"]], split)


# Cranfield


def read_cranfield(folder: Path) -> Data:
    """Each abstract is a record without role of one user. A judgement above 0 makes gold.

    Judgements number the queries by their place in cran.qry, not by its .I.
    """
    data = Data("Cranfield", [], [])
    blank = []
    for number, text in cranfield_parts(folder / "cran.all.1400"):
        if text:
            data.records.append({"id": str(int(number)), "content": text, "userId": "cranfield"})
        else:
            blank.append(number)
    if blank:
        data.left_out.append(f"{len(blank)} abstracts without text")
    known = {record["id"] for record in data.records}
    gold: dict[int, list[str]] = {}
    for place, line in enumerate(file_text(folder / "cranqrel").splitlines(), 1):
        try:
            query, document, judgement = map(int, line.split())
        except ValueError as error:
            raise FormError(f"{folder / 'cranqrel'}: line {place} is not three integers") from error
        if judgement > 0 and str(document) in known:
            gold.setdefault(query, []).append(str(document))
    for place, (_, text) in enumerate(cranfield_parts(folder / "cran.qry"), 1):
        if place in gold:
            data.questions.append(Question(text, "cranfield", tuple(dict.fromkeys(gold[place]))))
    return data


def cranfield_parts(path: Path) -> Iterator[tuple[str, str]]:
    """Gives the number of each part and its .W, on one line."""
    for part in re.split(r"^\.I ", file_text(path), flags=re.MULTILINE)[1:]:
        number, _, rest = part.partition("\n")
        found = re.search(r"^\.W\n(.*)", rest, flags=re.MULTILINE | re.DOTALL)
        if not found:
            raise FormError(f"{path}: part {number.strip()} has no .W")
        yield number.strip(), " ".join(found[1].split())


# BEIR (beir-cellar/beir)


def read_beir(folder: Path) -> Data:
    """Title and text make a record without role of one user; qrels/test.tsv has the questions."""
    data = Data("BEIR", [], [])
    blank = 0
    for place, line in json_lines(folder / "corpus.jsonl"):
        where = f"{folder / 'corpus.jsonl'}: line {place}"
        content = f"{line.get('title') or ''} {text_of(line, 'text', where)}".strip()
        if content:
            data.records.append(
                {"id": text_of(line, "_id", where), "content": content, "userId": folder.name}
            )
        else:
            blank += 1
    if blank:
        data.left_out.append(f"{blank} documents without text")
    known = {record["id"] for record in data.records}
    queries = {}
    for place, line in json_lines(folder / "queries.jsonl"):
        where = f"{folder / 'queries.jsonl'}: line {place}"
        queries[text_of(line, "_id", where)] = text_of(line, "text", where)
    gold: dict[str, list[str]] = {}
    path = folder / "qrels" / "test.tsv"
    for place, row in enumerate(file_text(path).splitlines()[1:], 2):
        parts = row.split("\t")
        if len(parts) != 3 or not re.fullmatch(r"-?\d+", parts[2]):
            raise FormError(f"{path}: line {place} is not query, document and score")
        if int(parts[2]) > 0 and parts[1] in known:
            gold.setdefault(parts[0], []).append(parts[1])
    for query, documents in gold.items():
        if query not in queries:
            raise FormError(f"{path}: the query {query!r} is not in queries.jsonl")
        data.questions.append(
            Question(queries[query], folder.name, tuple(dict.fromkeys(documents)))
        )
    return data


# JSON Lines of one's own: README.md says the form


def read_lines(path: Path) -> Data:
    data = Data("JSON Lines", [], [])
    for place, line in json_lines(path):
        where = f"{path}: line {place}"
        fields = QUESTION_FIELDS if "question" in line else RECORD_FIELDS
        unknown = sorted(line.keys() - fields)
        if unknown:
            raise FormError(
                f"{where}: unknown field {unknown[0]!r} (known: {', '.join(sorted(fields))})"
            )
        for name in line.keys() - {"gold"}:
            text_of(line, name, where)
        if "question" not in line:
            text_of(line, "id", where)
            text_of(line, "content", where)
            data.records.append(line)
            continue
        gold = line.get("gold")
        if not isinstance(gold, list) or not all(isinstance(one, str) for one in gold):
            raise FormError(
                f"{where}: gold must be an array of ids (empty if nothing answers the question)"
            )
        split = line.get("split", "test")
        if split not in ("test", "tune"):
            raise FormError(f'{where}: split must be "test" or "tune"')
        data.questions.append(
            Question(
                line["question"],
                line.get("userId"),
                tuple(dict.fromkeys(gold)),
                line.get("category"),
                split,
            )
        )
    return data


def json_lines(path: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    for place, text in enumerate(file_text(path).split("\n"), 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except json.JSONDecodeError as error:
            raise FormError(f"{path}: line {place} is not JSON: {error.msg}") from error
        if not isinstance(line, dict):
            raise FormError(f"{path}: line {place} is not a JSON object")
        yield place, line


def text_of(line: dict[str, Any], name: str, where: str) -> str:
    value = line.get(name)
    if not isinstance(value, str):
        raise FormError(f"{where}: {name!r} must be there and be text")
    return value


def file_text(path: Path) -> str:
    if not path.is_file():
        raise FormError(f"{path}: there is no such file")
    return path.read_text("utf-8")
