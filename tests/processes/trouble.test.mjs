import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Memory } from "@agentmem/native";

const run = promisify(execFile);
const PYTHON = process.env.AGENTMEM_PYTHON ?? "python";
const IO = { code: "IO", field: "path" };
const SOUND = { ok: true, problems: [] };

function inFolder(name, work) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), `agentmem-${name}-`));
    try {
      await work(join(folder, "memory.agentmem"), folder);
    } finally {
      spawnSync("chmod", ["-R", "u+rwX", folder]);
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** What every script begins with: `outcome(call)` gives "ok" or `[code, field]`, `report(...)` says what the test is to see. */
const PRELUDE = `
import json, os, resource, signal, sqlite3, subprocess, sys
from agentmem_native import AgentMemError, SyncMemory

def outcome(call):
    try:
        call()
        return "ok"
    except AgentMemError as error:
        return [error.code, error.field]

def report(**found):
    print(json.dumps(found))

path = sys.argv[1]
`;

/** Runs a script in Python, and gives what it reports. A process that crashes or hangs fails the test. */
async function inPython(script, args, command = [PYTHON]) {
  const [program, ...before] = command;
  const { stdout } = await run(program, [...before, "-c", PRELUDE + script, ...args], {
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  return JSON.parse(stdout);
}

async function fill(store, count = 20) {
  const memory = await Memory.open(store);
  for (let n = 0; n < count; n++) await memory.add(`note ${n} about tea`, { id: `note-${n}` });
  await memory.close();
}

/** Expects a store to be as `fill` left it. */
async function isWhole(store, count = 20) {
  const memory = await Memory.open(store, { create: false });
  assert.equal(await memory.count(), count);
  assert.equal((await memory.get("note-7")).content, "note 7 about tea");
  assert.deepEqual(await memory.verify(), SOUND);
  await memory.close();
}

test(
  "where a file may grow no more, writes are IO, reads go on, and nothing acknowledged is lost",
  inFolder("limit", async (store) => {
    const found = await inPython(
      `
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
memory = SyncMemory(path)
kept = [memory.add(f"note {n} about tea", id=f"note-{n}").id for n in range(20)]
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path + "-wal") + 3000, resource.RLIM_INFINITY))
full = {
    "add": outcome(lambda: memory.add("one more", id="refused")),
    "addMany": outcome(lambda: memory.add_many([{"content": f"{n} " * 500} for n in range(50)])),
    "update": outcome(lambda: memory.update("note-1", content="changed")),
    "delete": outcome(lambda: memory.delete("note-2")),
    "purge": outcome(lambda: memory.delete("note-3", purge=True)),
    "clear": outcome(lambda: memory.clear()),
}
def seen():
    return [memory.count(), len(memory.search("tea", limit=100)), len(memory.history("note-1")), memory.verify().ok]
reads = [seen(), memory.get("refused") is None]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
memory.add("there is room again", id="later")
after = seen()
memory.close()
with SyncMemory(path) as memory:
    missing = [id for id in [*kept, "later"] if memory.get(id) is None]
    report(full=full, reads=reads, after=after, again=seen(), missing=missing)
`,
      [store],
    );
    const refused = ["IO", "path"];
    assert.deepEqual(found, {
      full: {
        add: refused,
        addMany: refused,
        update: refused,
        delete: refused,
        purge: refused,
        clear: refused,
      },
      reads: [[20, 20, 1, true], true],
      after: [21, 20, 1, true],
      again: [21, 20, 1, true],
      missing: [],
    });
  }),
);

test(
  "a purge that finds no room to rewrite the file is finished when there is room",
  inFolder("rewrite", async (store) => {
    const found = await inPython(
      `
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
memory = SyncMemory(path)
memory.add_many([{"id": f"note-{n}", "content": f"{n} " * 800} for n in range(300)])
memory.compact(), memory.delete("note-0", purge=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
purge = outcome(lambda: memory.delete("note-1", purge=True))
gone = memory.get("note-1") is None
pending = memory.stats().pending_purge
memory.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with SyncMemory(path) as memory:
    stats = memory.stats()
    report(purge=purge, gone=gone, pending=pending, later=[stats.records, stats.pending_purge, memory.verify().ok])
`,
      [store],
    );
    assert.deepEqual(found, {
      purge: ["IO", "purge"],
      gone: true,
      pending: true,
      later: [298, false, true],
    });
  }),
);

const mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'];
const canMount =
  process.platform === "linux" &&
  spawnSync(mount[0], [...mount.slice(1), tmpdir(), "true"]).status === 0;

test(
  "on a full disk writes are IO, reads go on, and writes work again when there is room",
  { skip: canMount ? false : "a disk of one's own needs root on Linux" },
  inFolder("full", async (store, folder) => {
    const found = await inPython(
      `
memory = SyncMemory(path)
for n in range(20):
    memory.add(f"note {n} about tea", id=f"note-{n}")
with open(os.path.join(os.path.dirname(path), "filler"), "wb", buffering=0) as filler:
    try:
        while filler.write(b"x" * 512):
            pass
    except OSError:
        pass
acknowledged = 0
while (full := outcome(lambda: memory.add("y" * 3000))) == "ok":
    acknowledged += 1
other = outcome(lambda: SyncMemory(path + "-other").count())
reads = [memory.count() - acknowledged, len(memory.search("tea")) == 10, memory.verify().ok]
os.unlink(os.path.join(os.path.dirname(path), "filler"))
memory.add("there is room again")
memory.close()
with SyncMemory(path) as memory:
    report(full=full, other=other, reads=reads, after=[memory.count() - acknowledged, memory.verify().ok])
`,
      [store],
      [...mount, folder, PYTHON],
    );
    assert.deepEqual(found, {
      full: ["IO", "path"],
      other: ["IO", "path"],
      reads: [20, true, true],
      after: [21, true],
    });
  }),
);

test(
  "a folder that is removed under an open handle is an error, and no hang",
  inFolder("removed", async (store, folder) => {
    const memory = await Memory.open(store);
    await memory.add("tea", { id: "it" });
    rmSync(folder, { recursive: true });
    await assert.rejects(memory.backup(join(folder, "copy")), IO);
    await assert.rejects(Memory.open(store), IO);
    // What was read before the folder went may still be read.
    await memory.get("it").catch((error) => assert.equal(error.code, "IO"));
    await memory.close();
    await assert.rejects(Memory.open(store), IO);
    mkdirSync(folder);
    const again = await Memory.open(store);
    await again.add("water");
    assert.equal(await again.count(), 1);
    await again.close();
  }),
);

test(
  "a store that is deleted or replaced between two opens is what is then at the path",
  inFolder("between", async (store, folder) => {
    await fill(store);
    rmSync(store);
    await assert.rejects(Memory.open(store, { create: false }), IO);
    await fill(store, 10);
    await isWhole(store, 10);
    await fill(join(folder, "other"), 30);
    const memory = await Memory.open(join(folder, "other"));
    rmSync(store);
    await memory.backup(store);
    await memory.close();
    await isWhole(store, 30);
  }),
);

for (const end of ["-wal", "-journal", "-shm"]) {
  test(
    `bytes of no meaning in a ${end} file harm neither a new nor an existing store`,
    inFolder("garbage", async (store) => {
      const garbage = Buffer.from(Array.from({ length: 40_000 }, (_, n) => (n * 73 + 11) % 251));
      writeFileSync(store + end, garbage);
      await fill(store);
      await isWhole(store);
      writeFileSync(store + end, garbage);
      await isWhole(store);
    }),
  );
}

for (const end of ["-wal", "-journal"]) {
  test(
    `a folder in the place of the ${end} file is IO, and the store is whole when it is gone`,
    inFolder("folder", async (store) => {
      await fill(store);
      mkdirSync(store + end);
      await assert.rejects(Memory.open(store), IO);
      rmSync(store + end, { recursive: true });
      await isWhole(store);
    }),
  );
}

test(
  "a link in the place of the log is not followed",
  inFolder("link", async (store, folder) => {
    const precious = join(folder, "precious");
    writeFileSync(precious, "precious ".repeat(1000));
    await fill(store);
    symlinkSync(precious, `${store}-wal`);
    await assert.rejects(Memory.open(store), IO);
    assert.equal(readFileSync(precious, "utf8"), "precious ".repeat(1000));
    rmSync(`${store}-wal`);
    await isWhole(store);
  }),
);

const LOGS = {
  "another program's": `
db = sqlite3.connect(sys.argv[2], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE t(x)")
for n in range(100):
    db.execute("INSERT INTO t VALUES(?)", ("x" * 500,))
`,
  "another store's": `
memory = SyncMemory(sys.argv[2])
memory.add_many([{"content": f"other {n}"} for n in range(100)])
`,
};

/** Puts the log of a process that is killed beside a store. */
const putLog = (kind, store, folder) =>
  inPython(
    `${LOGS[kind]}
os.rename(sys.argv[2] + "-wal", path + "-wal")
report()
sys.stdout.flush()
os._exit(0)
`,
    [store, join(folder, "other")],
  );

for (const kind of Object.keys(LOGS)) {
  test(
    `${kind} log beside a store is refused, and both are left byte for byte`,
    inFolder("foreign", async (store, folder) => {
      await fill(store);
      await putLog(kind, store, folder);
      const read = () => [readFileSync(store), readFileSync(`${store}-wal`)];
      const before = read();
      for (const options of [{}, { readOnly: true }])
        await assert.rejects(Memory.open(store, options), { code: "CORRUPT", field: "path" });
      assert.deepEqual(read(), before);
      rmSync(`${store}-wal`);
      await isWhole(store);
    }),
  );

  test(
    `${kind} log beside a file that is missing does not get into the new store`,
    inFolder("leftover", async (store, folder) => {
      await putLog(kind, store, folder);
      assert.ok(existsSync(`${store}-wal`));
      await fill(store);
      await isWhole(store);
    }),
  );
}

for (const end of ["-shm", "-wal"]) {
  test(
    `processes whose ${end} file is removed are told, and nothing acknowledged is lost`,
    inFolder("sides", async (store) => {
      await fill(store);
      const memory = await Memory.open(store);
      for (let n = 0; n < 20; n++) await memory.add(`ours ${n}`);
      const found = await inPython(
        `
memory = SyncMemory(path)
memory.add_many([{"content": f"theirs {n}"} for n in range(20)])
os.unlink(path + "${end}")
theirs = [outcome(lambda: memory.add("one more")), outcome(memory.count)]
script = "import sys; from agentmem_native import SyncMemory; SyncMemory(sys.argv[1]).add('by a third'); print('added')"
third = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True).stdout
memory.close()
report(theirs=theirs, third=third.strip())
`,
        [store],
      );
      const refused = ["IO", "path"];
      assert.deepEqual(found.theirs, [refused, refused]);
      await assert.rejects(memory.add("one more"), IO);
      await assert.rejects(memory.count(), IO);
      await memory.close();
      await isWhole(store, 60 + (found.third === "added" ? 1 : 0));
    }),
  );
}

/** Becomes somebody whom permissions bind, as they do not bind root, with a store of 20 notes that is theirs. */
const AS_NOBODY = `
nobody = 65534
with SyncMemory(path) as memory:
    for n in range(20):
        memory.add(f"note {n} about tea", id=f"note-{n}")
folder = os.path.dirname(path)
if os.getuid() == 0:
    os.chown(path, nobody, nobody)
    os.chown(folder, nobody, nobody)
    os.setgid(nobody)
    os.setuid(nobody)
def calls(**options):
    memory = SyncMemory(path, **options)
    try:
        return {
            "count": outcome(memory.count),
            "search": outcome(lambda: memory.search("tea")),
            "verify": outcome(memory.verify),
            "add": outcome(lambda: memory.add("one more")),
            "purge": outcome(lambda: memory.delete("note-1", purge=True)),
        }
    finally:
        memory.close()
`;
test(
  "a file that may only be read can be read, and every write is IO",
  inFolder("read-only", async (store) => {
    const found = await inPython(
      `${AS_NOBODY}
os.chmod(path, 0o400)
report(writer=calls(), reader=calls(read_only=True), refused=outcome(lambda: SyncMemory(path).clear()))
`,
      [store],
    );
    const read = { count: "ok", search: "ok", verify: "ok" };
    assert.deepEqual(found, {
      writer: { ...read, add: ["IO", "path"], purge: ["IO", "path"] },
      reader: { ...read, add: ["READ_ONLY", null], purge: ["READ_ONLY", null] },
      refused: ["IO", "path"],
    });
  }),
);

test(
  "a process that could only read and was killed does not keep the next one from writing",
  inFolder("read-only-before", async (store) => {
    const found = await inPython(
      `${AS_NOBODY}
os.chmod(path, 0o400)
child = os.fork()
if child == 0:
    os._exit(SyncMemory(path).count())
counted = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
os.chmod(path, 0o600)
report(counted=counted, left=os.path.exists(path + "-shm"), later=calls())
`,
      [store],
    );
    assert.deepEqual(found, {
      counted: 20,
      left: true,
      later: { count: "ok", search: "ok", verify: "ok", add: "ok", purge: "ok" },
    });
  }),
);

test(
  "a file that is made read-only under an open handle stays whole",
  inFolder("made-read-only", async (store) => {
    const found = await inPython(
      `${AS_NOBODY}
memory = SyncMemory(path)
memory.add("before")
os.chmod(path, 0o400)
added = outcome(lambda: memory.add("after"))
reads = [memory.count() == (22 if added == "ok" else 21), memory.verify().ok]
memory.close()
os.chmod(path, 0o600)
with SyncMemory(path) as memory:
    report(reads=reads, added=added, later=[memory.count() == (22 if added == "ok" else 21), memory.verify().ok, outcome(lambda: memory.add("later"))])
`,
      [store],
    );
    assert.ok(
      found.added === "ok" || (found.added[0] === "IO" && found.added[1] === "path"),
      `${found.added}`,
    );
    assert.deepEqual(
      [found.reads, found.later],
      [
        [true, true],
        [true, true, "ok"],
      ],
    );
  }),
);

test(
  "a file that may not be read, and a folder in which nothing may be made, are IO",
  inFolder("forbidden", async (store) => {
    const found = await inPython(
      `${AS_NOBODY}
os.chmod(path, 0)
unreadable = calls()
os.chmod(path, 0o600)
os.chmod(folder, 0o555)
sealed, fresh = calls(), outcome(lambda: SyncMemory(path + "-new").count())
os.chmod(folder, 0)
hidden = calls()
os.chmod(folder, 0o700)
with SyncMemory(path) as memory:
    report(unreadable=unreadable, sealed=sealed, fresh=fresh, hidden=hidden, later=[memory.count(), memory.verify().ok, outcome(lambda: memory.add("later"))])
`,
      [store],
    );
    const refused = ["IO", "path"];
    const all = { count: refused, search: refused, verify: refused, add: refused, purge: refused };
    assert.deepEqual(found, {
      unreadable: all,
      // Reading needs the files beside it, which cannot be made: either it is refused, or it works.
      sealed: found.sealed.count === "ok" ? found.sealed : all,
      fresh: refused,
      hidden: all,
      later: [20, true, "ok"],
    });
    assert.deepEqual([found.sealed.add, found.sealed.purge], [refused, refused]);
  }),
);
