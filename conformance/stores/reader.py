"""Reads the records of a store with nothing but SQLite, as docs/spec/file-format.md says: `python reader.py FILE`.

Prints a line of JSON for each record in the order of adding, expired ones too: the lines of an export (docs/spec/13-transport.md) by their member `record`.
"""

import json
import pathlib
import sqlite3
import sys
from datetime import datetime, timedelta, timezone

APPLICATION, FORMATS = 0x41674D6D, (1, 2, 3, 0x103)
TEXTS = {"id": "id", "content": "content", "user_id": "userId", "agent_id": "agentId", "run_id": "runId", "role": "role", "name": "name"}
TIMES = {"created_at": "createdAt", "updated_at": "updatedAt", "expires_at": "expiresAt"}


def time(ms):
    if ms is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(row):
    found = {wire: row[column] for column, wire in TEXTS.items()}
    found |= {wire: time(row[column]) for column, wire in TIMES.items()}
    found["metadata"] = json.loads(row["metadata"] or "{}")
    found["importance"] = row["importance"]
    found["version"] = row["version"]
    return found


def read(path):
    store = sqlite3.connect(f"{pathlib.Path(path).resolve().as_uri()}?mode=ro", uri=True)
    store.row_factory = sqlite3.Row
    (application,) = store.execute("PRAGMA application_id").fetchone()
    (layout,) = store.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION or layout not in FORMATS:
        raise SystemExit(f"{path} is not a store of a format that this reader knows")
    with store:
        for row in store.execute("SELECT * FROM record ORDER BY seq"):
            yield record(row)


if __name__ == "__main__":
    for found in read(sys.argv[1]):
        print(json.dumps({"record": found}, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
