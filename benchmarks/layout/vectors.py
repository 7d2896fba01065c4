"""Where the bytes of a record with a vector of 384 go, and what other layouts of the file would do.

Run: python benchmarks/layout/vectors.py [--records 20000] [--folder DIR]

Needs Python's sqlite3 with dbstat, as Debian's has, and numpy, since the records are those of
benchmarks/speed; vectors are random bytes. The first two tables take format 3 apart. In the third
one every row is a layout: format 3, then format 3 with one thing changed, then changes together.
Only the database is measured: checks, analysis and vectors cost the same in every layout. Batches
and adds alone are made by turns, one in each layout, so that a busy machine is busy for all; told
are the least CPU time of the batches, and medians of the adds. The last table has some of the
layouts with texts of other lengths, since a page takes whole rows.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "speed"))
import data

DIMENSIONS = 384
USER = 100
"""Records of a user."""
BATCH = 1000
SINGLES = 1000
RESERVED = 8
"""At the end of each page, for its sum (F.1)."""

CHANGES = {
    "8k": "pages of 8,192 bytes",
    "16k": "pages of 16,384 bytes",
    "apart": "the vector in a table of its own",
    "request": "16 bytes of the request's hash, not 32",
    "null": "NULL for `updated_at` and `began` where they are `created_at` and `seq`",
    "binary": "an id that is a UUID as its 16 bytes, in the row and in the index",
    "hashed": "the index of ids by 8 bytes of a hash",
    "no-add": "no event for an ADD, which the row tells",
    "made": "as it is, with ids that the store makes, so that no request is kept",
}
BEST = ("binary", "request", "null")
LENGTHS = (-75, -50, -25, 0, 25, 50, 75, 100, 150, 200, 300)
"""Texts so much longer than those of benchmarks/speed, in the last table."""
LAYOUTS = [
    (),
    *((change,) for change in CHANGES),
    ("8k", "request", "null"),
    ("apart", "request", "null"),
    ("apart", "binary"),
    ("binary", "null"),
    BEST,
    ("8k", *BEST),
    ("apart", *BEST),
    ("no-add", *BEST),
]
OF_LENGTHS = [(), ("made",), ("8k",), ("apart", "binary"), BEST, ("apart", *BEST)]

HEAD = (
    "layout",
    "beyond text and metadata",
    "addMany by 1,000, CPU a record",
    "of format 3's",
    "one add, CPU",
    "of format 3's",
    "wall, of format 3's",
    "log of an add",
    "a user's first question, CPU",
)


class Store:
    """A file in one of the layouts, and what is written into it."""

    def __init__(self, path, layout, records, longer=0):
        self.longer = longer
        self.path, self.layout, self.records = path, layout, records
        self.random = random.Random(1)
        self.seq = 0
        self.text = 0
        page = 16384 if "16k" in layout else 8192 if "8k" in layout else 4096
        if not os.path.exists(path):
            make(path, page)
        self.db = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "cache_size=-16384",
            f"wal_autocheckpoint={16_384_000 // page}",
        ):
            self.db.execute("PRAGMA " + pragma)
        self.page = page

    def create(self):
        id = "ANY" if "binary" in self.layout else "TEXT"
        began = "" if "null" in self.layout else " NOT NULL"
        vector = "" if "apart" in self.layout else " vector BLOB,"
        self.db.execute(
            f"CREATE TABLE record(seq INTEGER PRIMARY KEY, id {id} NOT NULL, user_id TEXT, agent_id TEXT, run_id TEXT, role TEXT, name TEXT,"
            f" content TEXT NOT NULL, metadata TEXT, importance REAL NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER{began},"
            f" expires_at INTEGER, version INTEGER NOT NULL,{vector} request BLOB, mark INTEGER NOT NULL, began INTEGER{began}) STRICT"
        )
        if "hashed" in self.layout:
            self.db.execute(
                "CREATE TABLE place(hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(hash, seq)) STRICT, WITHOUT ROWID"
            )
        else:
            self.db.execute("CREATE UNIQUE INDEX record_id ON record(id)")
        self.db.execute("CREATE INDEX record_user ON record(user_id, mark)")
        self.db.execute(
            "CREATE TABLE event(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, old INTEGER, id TEXT) STRICT"
        )
        self.db.execute("CREATE INDEX event_id ON event(id) WHERE id IS NOT NULL")
        self.db.execute(
            "CREATE TABLE header(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID"
        )
        self.db.execute("INSERT INTO header VALUES('seq', 0)")
        if "apart" in self.layout:
            self.db.execute(
                "CREATE TABLE vector(seq INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT"
            )

    def rows(self, count):
        """Rows for each statement."""
        layout, r = self.layout, self.random
        records, vectors, events, places = [], [], [], []
        for _ in range(count):
            self.seq = seq = self.seq + 1
            made = data.record(seq, self.records, self.records // USER)
            uuid, text = made["id"], made["text"]
            text = (text + " and" * self.longer)[: len(text) + self.longer]
            metadata = json.dumps(made["metadata"], separators=(",", ":"))
            self.text += len(text) + len(metadata)
            id = bytearray.fromhex(uuid.replace("-", "")) if "binary" in layout else uuid
            at, began = 1_700_000_000_000 + seq, seq
            request = None if "made" in layout else blob(r, 16 if "request" in layout else 32)
            vector = blob(r, DIMENSIONS)
            row = [seq, id, made["user"], None, None, None, None, text, metadata, 0.5, at]
            row += [None if "null" in layout else at, None, 1]
            row += [] if "apart" in layout else [vector]
            row += [request, seq * 7919 % 256 - 128, None if "null" in layout else began]
            records.append(row)
            if "apart" in layout:
                vectors.append((seq, vector))
            if "no-add" not in layout:
                events.append((seq, at))
            if "hashed" in layout:
                places.append(
                    (
                        int.from_bytes(
                            hashlib.sha256(uuid.encode()).digest()[:8], "little", signed=True
                        ),
                        seq,
                    )
                )
        return records, vectors, events, places

    def add(self, rows):
        """One transaction; the time of making the rows is not in it."""
        records, vectors, events, places = rows
        execute = self.db.executemany
        self.db.execute("BEGIN IMMEDIATE")
        # A NULL that is handed over costs Python more than SQLite; each column is NULL in all rows or in none.
        marks = ", ".join("NULL" if value is None else "?" for value in records[0])
        given = [[value for value in row if value is not None] for row in records]
        execute(f"INSERT INTO record VALUES({marks})", given)
        if vectors:
            execute("INSERT INTO vector VALUES(?, ?)", vectors)
        if places:
            execute("INSERT INTO place VALUES(?, ?)", places)
        if events:
            execute("INSERT INTO event VALUES(?, ?, 0, NULL, NULL)", events)
        self.db.execute("UPDATE header SET value = ? WHERE name = 'seq'", (self.seq,))
        self.db.execute("COMMIT")

    def beyond(self):
        """What a record takes beside its text and metadata, when all of it is in the file."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (os.path.getsize(self.path) - self.text) / self.seq


def blob(random, size):
    """Random bytes in the one form of them that Python's sqlite3 takes without looking for adapters."""
    return bytearray(random.randbytes(size))


def make(path, page):
    """Makes an empty database with reserved bytes, which Python's sqlite3 cannot ask for."""
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA page_size = {page}")
    db.execute("VACUUM")
    db.close()
    with open(path, "r+b") as file:
        # How many, and where cells would begin in the one page, which has none.
        file.seek(20)
        file.write(bytes([RESERVED]))
        file.seek(105)
        file.write((page - RESERVED).to_bytes(2, "big"))


def question(path, user):
    """Reads what the first question of a user has to see, in a process of its own."""
    before = time.thread_time()
    db = sqlite3.connect(path)
    apart = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'vector'").fetchone()
    more = "(SELECT vector FROM vector AS v WHERE v.seq = record.seq)" if apart else "vector"
    sql = f"SELECT *, {more} FROM record WHERE seq IN (SELECT seq FROM record WHERE user_id = ?) ORDER BY seq"
    found = len(db.execute(sql, (user,)).fetchall())
    print(time.thread_time() - before, found)


def first_question(path, users):
    times = []
    for user in (number % users for number in range(11)):
        command = [sys.executable, __file__, "--question", path, f"user-{user}"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(told[1]) >= USER - 1, told
        times.append(float(told[0]))
    return statistics.median(times)


def in_batches(stores):
    """Fills them by turns, a batch each, and gives the least CPU time of a record for each."""
    spent = [[] for _ in stores]
    for _ in range(stores[0].records // BATCH):
        for at, store in enumerate(stores):
            rows = store.rows(BATCH)
            before = time.thread_time()
            store.add(rows)
            spent[at].append((time.thread_time() - before) / BATCH)
    return [min(each) for each in spent]


def one_by_one(stores):
    """Adds single records to all by turns, while the log is not moved into the file.

    Gives the medians of CPU time and time for each, and how much an add puts into the log.
    """
    spent, walls = [[] for _ in stores], [[] for _ in stores]
    for store in stores:
        store.db.execute("PRAGMA wal_autocheckpoint = 0")
    for _ in range(SINGLES):
        for at, store in enumerate(stores):
            rows = store.rows(1)
            begun, before = time.perf_counter(), time.thread_time()
            store.add(rows)
            spent[at].append(time.thread_time() - before)
            walls[at].append(time.perf_counter() - begun)
    for store, cost, wall in zip(stores, spent, walls, strict=True):
        log = os.path.getsize(store.path + "-wal") / SINGLES
        yield statistics.median(cost), statistics.median(wall), log


def taken_apart(db, records):
    """What tables and indexes have a record: payload, what SQLite keeps of rows and pages, room."""
    db.execute("CREATE VIRTUAL TABLE temp.stat USING dbstat(main)")
    sql = """SELECT name, sum(pgsize), sum(payload), sum(unused), count(*), sum(ncell) FROM temp.stat GROUP BY name ORDER BY 2 DESC"""
    rows = []
    for name, size, payload, unused, pages, _ in db.execute(sql):
        reserved = pages * RESERVED
        kept = size - payload - unused - reserved
        if size / records >= 1:
            rows.append(
                (name, *(part / records for part in (size, payload, kept, unused, reserved)))
            )
    db.execute("DROP TABLE temp.stat")
    return rows


def parts(db, records):
    """Prints what takes the bytes of a store, and of a row."""
    table("format 3", "bytes a record", "payload", "headers", "empty", "reserved")
    for name, *sizes in taken_apart(db, records):
        print(f"| `{name}` | {' | '.join(f'{size:.1f}' for size in sizes)} |")
    table("of a row of `record`", "bytes")
    for name, size in of_a_row(db):
        print(f"| `{name}` | {size:.1f} |")


def of_a_row(db):
    """The mean bytes of the parts of a row's payload."""
    names = ("content", "metadata", "vector", "id", "request", "user_id")
    sql = ", ".join(f"avg(length(CAST({name} AS BLOB)))" for name in names)
    return zip(names, db.execute(f"SELECT {sql} FROM record").fetchone(), strict=True)


def lengths(folder):
    """What a record takes beyond text and metadata where its text is longer or shorter."""
    table("text, against those above", *(" + ".join(layout) or "format 3" for layout in OF_LENGTHS))
    for longer in LENGTHS:
        sizes = []
        for layout in OF_LENGTHS:
            path = os.path.join(folder, "length.db")
            store = Store(path, layout, 5 * BATCH, longer)
            store.create()
            in_batches([store])
            sizes.append(f"{store.beyond():.0f} B")
            store.db.close()
            os.remove(path)
        print(f"| {longer:+} | {' | '.join(sizes)} |", flush=True)


def table(*head):
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--folder", help="where the files are made (default: a temporary folder)")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(dir=options.folder)
    try:
        print(
            f"{options.records:,} records, vectors of {DIMENSIONS}, SQLite {sqlite3.sqlite_version}"
        )
        stores = [
            Store(os.path.join(folder, f"{number}.db"), layout, options.records)
            for number, layout in enumerate(LAYOUTS)
        ]
        for store in stores:
            store.create()
        many = in_batches(stores)
        sizes = [store.beyond() for store in stores]
        parts(stores[0].db, stores[0].seq)
        table(*HEAD)
        ones = list(one_by_one(stores))
        for store, size, batch, one in zip(stores, sizes, many, ones, strict=True):
            store.db.close()
            figures = (
                " + ".join(store.layout) or "format 3",
                f"{size:.0f} B",
                f"{batch * 1e6:.1f} us",
                f"{batch / many[0]:.2f}",
                f"{one[0] * 1e6:.0f} us",
                f"{one[0] / ones[0][0]:.2f}",
                f"{one[1] / ones[0][1]:.2f}",
                f"{one[2] / 1000:.1f} kB",
                f"{first_question(store.path, store.records // USER) * 1e3:.2f} ms",
            )
            print(f"| {' | '.join(figures)} |", flush=True)
        lengths(folder)
        print()
        for change, what in CHANGES.items():
            print(f"- **{change}**: {what}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--question"]:
        question(sys.argv[2], sys.argv[3])
    else:
        main()
