"""Compares candidate layouts of rows, vectors and events in a SQLite file; prints one row a candidate.

Run: python benchmarks/layout/layout.py [--records 1000000] [--users 10000] [--folder DIR]

Needs nothing but Python's own sqlite3. The same records go into each candidate: text of about 150 bytes, a vector of 128 bytes,
two metadata keys, users in random order. Only the database is measured: analysis and ranking cost the same in every layout.
  rows        a row a record in order of adding, found by an index on its user; its ADD event beside it
  clustered   the rows of one user side by side: the key is (number of the user) * 2^32 + n
  vectors     as rows, but with the vectors in a table of their own
  terms       as rows, with the analysed terms stored as text in the row
  event-index as rows, with an index on the id of every event, not only of those that superseded something
"""

import argparse, os, random, shutil, sqlite3, subprocess, sys, tempfile, time

WORDS = [
    f"{a}{b}{c}"
    for a in ("gra", "pol", "ter", "min", "sor", "vek")
    for b in ("an", "el", "ir", "os", "um")
    for c in ("d", "k", "l", "n", "t", "s", "ment", "ing")
]


def schema(kind):
    key = (
        "key INTEGER PRIMARY KEY, seq INTEGER NOT NULL"
        if kind == "clustered"
        else "seq INTEGER PRIMARY KEY"
    )
    vector = "" if kind == "vectors" else ", vector BLOB"
    terms = ", terms TEXT" if kind == "terms" else ""
    yield f"CREATE TABLE record({key}, id TEXT NOT NULL, user_id TEXT, content TEXT NOT NULL, metadata TEXT, created_at INTEGER NOT NULL, version INTEGER NOT NULL{vector}{terms}) STRICT"
    yield "CREATE UNIQUE INDEX record_id ON record(id)"
    if kind != "clustered":
        yield "CREATE INDEX record_user ON record(user_id)"
    if kind == "vectors":
        yield "CREATE TABLE vector(seq INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT"
    yield "CREATE TABLE event(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, old INTEGER, before TEXT) STRICT"
    yield "CREATE INDEX event_id ON event(id)" + (
        "" if kind == "event-index" else " WHERE old IS NOT NULL"
    )


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16384"):
        db.execute("PRAGMA " + pragma)
    return db


class Writer:
    def __init__(self, kind, db, users, seed):
        self.kind, self.db, self.users, self.seq, self.counts = kind, db, users, 0, {}
        self.random = random.Random(seed)

    def rows(self, count):
        r = self.random
        for _ in range(count):
            self.seq += 1
            user = r.randrange(self.users)
            text = " ".join(r.choices(WORDS, k=25))
            self.counts[user] = n = self.counts.get(user, 0) + 1
            yield (
                user,
                n,
                self.seq,
                f"{self.seq:012x}-7000-8000-{r.getrandbits(64):016x}",
                text,
                '{"n":%d,"topic":"%s"}' % (r.randrange(10), WORDS[user % 40]),
                r.randbytes(128),
            )

    def add(self, count):
        kind, records, vectors, events = self.kind, [], [], []
        for user, n, seq, id, text, metadata, vector in self.rows(count):
            row = [seq, id, f"user-{user}", text, metadata, 1700000000000 + seq, 1]
            if kind == "clustered":
                row.insert(0, (user << 32) + n)
            if kind == "vectors":
                vectors.append((seq, vector))
            else:
                row.append(vector)
            if kind == "terms":
                row.append(text)
            records.append(row)
            events.append((seq, 1700000000000 + seq, 0, id, None, None))
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(
            f"INSERT INTO record VALUES({','.join('?' * len(records[0]))})", records
        )
        if vectors:
            self.db.executemany("INSERT INTO vector VALUES(?,?)", vectors)
        self.db.executemany("INSERT INTO event VALUES(?,?,?,?,?,?)", events)
        self.db.execute("COMMIT")


def question(kind, path, user):
    """Runs in a process of its own: opens the file and reads what a search of one user, or of all, has to see."""
    started = time.perf_counter()
    db = connect(path)
    db.execute("SELECT max(seq) FROM event").fetchone()
    opened = time.perf_counter()
    columns = (
        "r.content, r.metadata, r.created_at, "
        + ("v.vector" if kind == "vectors" else "vector")
        + (", terms" if kind == "terms" else "")
    )
    table = "record r JOIN vector v USING(seq)" if kind == "vectors" else "record r"
    if user < 0:
        where, values = "", ()
    elif kind == "clustered":
        where, values = (
            "WHERE key BETWEEN ? AND ?",
            (user << 32, (user << 32) + 0xFFFFFFFF),
        )
    else:
        where, values = "WHERE user_id = ?", (f"user-{user}",)
    cursor, count = db.execute(f"SELECT {columns} FROM {table} {where}", values), 0
    while rows := cursor.fetchmany(1000):
        count += len(rows)
    print(opened - started, time.perf_counter() - opened, count)


def ask(kind, path, user):
    out = subprocess.run(
        [sys.executable, __file__, "--question", kind, path, str(user)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return float(out[0]), float(out[1])


def measure(kind, records, users, folder):
    path = os.path.join(folder, f"{kind}.db")
    db = connect(path)
    for statement in schema(kind):
        db.execute(statement)
    writer = Writer(kind, db, users, seed=1)
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(records // 1000):
        writer.add(1000)
    bulk, bulk_cpu = time.perf_counter() - started, time.process_time() - cpu
    singles = []
    for _ in range(1000):
        begun = time.perf_counter()
        writer.add(1)
        singles.append(time.perf_counter() - begun)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    size = os.path.getsize(path) / writer.seq
    first = [ask(kind, path, user) for user in range(7)]
    opening, user_ms = sorted(f[0] for f in first)[3], sorted(f[1] for f in first)[3]
    whole = ask(kind, path, -1)[1]
    print(
        f"| {kind} | {records / bulk:,.0f} | {bulk_cpu / records * 1e6:.1f} | {sorted(singles)[500] * 1e6:.0f} | {size:.0f} | {opening * 1e3:.1f} | {user_ms * 1e3:.2f} | {whole:.2f} |",
        flush=True,
    )
    os.remove(path)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--question"]:
        question(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument(
        "--folder", help="where the files are made (default: a temporary folder)"
    )
    options = parser.parse_args()
    folder = tempfile.mkdtemp(dir=options.folder)
    try:
        print(
            f"{options.records:,} records, {options.users:,} users, SQLite {sqlite3.sqlite_version}"
        )
        print(
            "| layout | addMany by 1,000: records/s | CPU us a record | one add, us (median) | bytes a record | open, ms | one user's first question: read, ms | all: read, s |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for kind in ("rows", "clustered", "vectors", "terms", "event-index"):
            measure(kind, options.records, options.users, folder)
    finally:
        shutil.rmtree(folder)
