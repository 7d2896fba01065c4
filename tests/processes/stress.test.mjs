import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { getEventListeners, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { Memory } from "@agentmem/native";
import { numbers } from "./operations.mjs";

const run = promisify(execFile);
const NATIVE = JSON.stringify(import.meta.resolve("@agentmem/native"));
const PYTHON = process.env.AGENTMEM_PYTHON ?? "python";
const SOUND = { ok: true, problems: [] };
/** A process that takes longer hangs. */
const LIMIT = { timeout: 60_000, killSignal: "SIGKILL" };

function inFolder(name, work) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), `agentmem-${name}-`));
    try {
      await work(join(folder, "memory.agentmem"), folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Runs a script with the store as `path`; one that does not end with exit code 0 and an empty stderr fails the test. */
async function inPython(store, script) {
  const code = `import asyncio, json, os, random, sys, threading\nfrom agentmem_native import AgentMemError, ClosedError, Memory, SyncMemory\npath = sys.argv[1]\n${script}`;
  const { stdout, stderr } = await run(PYTHON, ["-W", "error", "-c", code, store], LIMIT);
  assert.equal(stderr, "");
  return stdout;
}

async function inNode(store, script) {
  const code = `import { Memory } from ${NATIVE};\nconst path = process.argv[1];\n${script}`;
  const args = ["--input-type=module", "-e", code, store];
  const { stdout, stderr } = await run(process.execPath, args, LIMIT);
  assert.equal(stderr, "");
  return stdout;
}

/** Opens the store anew, expects it to be sound, and its index to find what it counts. */
async function reopened(store, work) {
  const memory = await Memory.open(store, { create: false });
  const count = await memory.count();
  const hits = await memory.search("tea", { mode: "lexical", limit: 1000 });
  assert.equal(hits.length, Math.min(count, 1000));
  assert.deepEqual(await memory.verify(), SOUND);
  await work(memory, count);
  await memory.close();
}

for (const closeAt of [0, 700, 1999]) {
  test(
    `of 2000 calls in flight with close after the first ${closeAt} each settles, and nothing acknowledged is missing`,
    inFolder("mixed", async (store) => {
      const random = numbers(closeAt + 1);
      const memory = new Memory(store);
      const view = memory.scoped({ userId: "ada" });
      const calls = [];
      let closing;
      for (let n = 0; n < 2000; n++) {
        if (n === closeAt) closing = memory.close();
        const id = `id-${n}`;
        const kind = random.next().value % 8;
        const target = `id-${random.next().value % (n + 1)}`;
        const call = () => {
          if (kind < 3) return (n % 2 ? memory : view).add(`tea ${n}`, { id });
          if (kind === 3)
            return memory.addMany(
              [0, 1, 2].map((k) => ({ id: `${id}.${k}`, content: `tea ${n}` })),
            );
          if (kind === 4) return memory.update(target, { content: `more tea ${n}` });
          if (kind === 5) return memory.search("tea", { limit: 3 });
          if (kind === 6) return memory.getAll({ limit: 3 });
          return memory.count();
        };
        calls.push({ n, kind, id, target, settled: settle(call) });
      }
      await closing;
      const outcomes = await Promise.all(calls.map(({ settled }) => settled));
      const added = new Set();
      const updates = new Map();
      for (const [index, outcome] of outcomes.entries()) {
        const { n, kind, id, target } = calls[index];
        if (n >= closeAt) assert.equal(outcome.code, "CLOSED", `call ${n}`);
        else if (outcome.code !== undefined)
          assert.deepEqual([kind, outcome.code], [4, "NOT_FOUND"], `call ${n}`);
        else if (kind < 3) added.add(id);
        else if (kind === 3) for (const k of [0, 1, 2]) added.add(`${id}.${k}`);
        else if (kind === 4) updates.set(target, `more tea ${n}`);
      }
      if (closeAt === 0) return;
      await reopened(store, async (again, count) => {
        assert.equal(count, added.size);
        for (const record of await again.getAll()) assert.ok(added.has(record.id), record.id);
        for (const [id, content] of updates) assert.equal((await again.get(id)).content, content);
      });
    }),
  );
}

/** Gives the answer, or the code of the error. */
async function settle(call) {
  try {
    return { answer: await call() };
  } catch (error) {
    if (typeof error.code !== "string") throw error;
    return { code: error.code };
  }
}

/** A worker that writes to the store until it is told to stop, and posts the id of each add that was acknowledged. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const { Memory } = require(workerData.package);
const memory = new Memory(workerData.path);
let stopped = false;
parentPort.on("message", () => (stopped = true));
(async () => {
  for (let n = 0; !stopped; n++) {
    const id = (k) => workerData.name + "-" + n + "-" + k;
    await Promise.all([0, 1, 2, 3].map(async (k) => {
      await memory.add("tea " + n, { id: id(k) });
      parentPort.postMessage(id(k));
    }));
    await memory.search("tea", { limit: 2 });
    if (n % 5 === 4) await memory.update(id(0), { content: "more tea" });
  }
  await memory.close();
  parentPort.close();
})();
`;

function startWorker(store, name) {
  const data = { package: createRequire(import.meta.url).resolve("@agentmem/native") };
  const worker = new Worker(WORKER, { eval: true, workerData: { ...data, path: store, name } });
  const acknowledged = [];
  const begun = new Promise((done, failed) => {
    worker.on("error", failed);
    worker.on("message", (id) => {
      acknowledged.push(id);
      if (acknowledged.length === 40) done();
    });
  });
  return { worker, acknowledged, begun, ended: once(worker, "exit") };
}

for (const ending of ["closed", "terminated", "terminated and started anew"]) {
  test(
    `worker threads that use the same file as the main thread and are ${ending} lose nothing`,
    inFolder("workers", async (store) => {
      const memory = await Memory.open(store);
      const ours = [];
      const workers = ["one", "two", "three"].map((name) => startWorker(store, name));
      let isOver = false;
      const writing = (async () => {
        for (let n = 0; !isOver || n < 50; n++) {
          ours.push((await memory.add(`tea ${n}`)).id);
          await memory.search("tea", { limit: 2 });
        }
      })();
      await Promise.all(workers.map(({ begun }) => begun));
      for (let round = 0; ending.includes("anew") && round < 5; round++) {
        const next = startWorker(store, `round-${round}`);
        await next.begun;
        await next.worker.terminate();
        workers.push(next);
      }
      for (const { worker } of workers)
        if (ending === "closed") worker.postMessage("stop");
        else await worker.terminate();
      await Promise.all(workers.map(({ ended }) => ended));
      isOver = true;
      await writing;
      // Writes keep the order of their calls: behind this one, none of a worker that was terminated is on its way.
      ours.push((await memory.add("tea")).id);
      const acknowledged = [...ours, ...workers.flatMap((one) => one.acknowledged)];
      const there = new Set((await memory.getAll()).map(({ id }) => id));
      assert.deepEqual(
        acknowledged.filter((id) => !there.has(id)),
        [],
      );
      assert.deepEqual(await memory.verify(), SOUND);
      await memory.close();
      await reopened(store, (_, count) => assert.equal(count, there.size));
    }),
  );
}

test(
  "a process that calls process.exit with calls in flight ends, and what was acknowledged is there",
  inFolder("exit", async (store) => {
    const acknowledged = [];
    for (let round = 0; round < 6; round++) {
      const printed = await inNode(
        store,
        `import { writeSync } from "node:fs";
         const memory = new Memory(path);
         let left = ${round * 40};
         for (let n = 0; n < 400; n++) {
           memory.add("tea " + n, { id: "${round}-" + n }).then(({ id }) => {
             writeSync(1, id + "\\n");
             if (left-- === 0) process.exit(0);
           });
           memory.search("tea", { limit: 1 });
         }
         if (${round} === 5) { await memory.count(); process.exit(0); }`,
      );
      acknowledged.push(...printed.split("\n").filter(Boolean));
    }
    assert.ok(acknowledged.length > 0);
    await reopened(store, async (memory) => {
      const there = new Set((await memory.getAll()).map(({ id }) => id));
      assert.deepEqual(
        acknowledged.filter((id) => !there.has(id)),
        [],
      );
    });
  }),
);

test(
  "a process that just ends finishes the calls that nobody awaited",
  inFolder("natural", async (store) => {
    await inNode(
      store,
      `const memory = new Memory(path);
       for (let n = 0; n < 300; n++) memory.add("tea " + n, { id: "id-" + n });
       memory.addMany(Array.from({ length: 300 }, (_, n) => ({ content: "tea " + n })));`,
    );
    await reopened(store, (_, count) => assert.equal(count, 600));
  }),
);

test(
  "tasks that are cancelled at any moment leave each record wholly or not at all",
  inFolder("cancel", async (store) => {
    const printed = await inPython(
      store,
      `
async def main():
    dice = random.Random(5)
    done = []
    async with Memory(path) as memory:
        for turn in range(12):
            async def add(n):
                if n % 3 == 0:
                    await memory.add_many([{"id": f"{turn}-{n}.{k}", "content": f"tea {n}"} for k in range(5)])
                else:
                    await memory.add(f"tea {n}", id=f"{turn}-{n}", metadata={"n": n})
                if n % 3 == 1:
                    await memory.update(f"{turn}-{n}", content=f"more tea {n}", metadata={"n": -n})
                done.append(f"{turn}-{n}")
            tasks = [asyncio.create_task(add(n)) for n in range(60)]
            await asyncio.sleep(dice.random() * 0.01)
            for task in dice.sample(tasks, 40):
                await asyncio.sleep(0)
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                    raise outcome
        print(json.dumps(done), flush=True)
        # How an interpreter ends is not what this is about.
        os._exit(0)
asyncio.run(main())`,
    );
    const done = JSON.parse(printed);
    assert.ok(done.length >= 12 * 20);
    await reopened(store, async (memory) => {
      const records = new Map((await memory.getAll()).map((record) => [record.id, record]));
      for (let turn = 0; turn < 12; turn++) {
        for (let n = 0; n < 60; n++) {
          const id = `${turn}-${n}`;
          const isDone = done.includes(id);
          if (n % 3 === 0) {
            const parts = [0, 1, 2, 3, 4].filter((k) => records.has(`${id}.${k}`)).length;
            assert.ok(parts === 5 || (parts === 0 && !isDone), `${id}: ${parts} of 5`);
            continue;
          }
          const record = records.get(id);
          assert.ok(record || !isDone, `${id} is missing`);
          if (!record) continue;
          const first = [`tea ${n}`, n, 1];
          const second = [`more tea ${n}`, -n, 2];
          const found = [record.content, record.metadata.n, record.version];
          if (n % 3 === 2) assert.deepEqual(found, first);
          else assert.deepEqual(found, isDone || found[2] === 2 ? second : first);
        }
      }
    });
  }),
);

test(
  "calls that are aborted at any moment leave each record wholly or not at all, and a retry succeeds",
  inFolder("abort", async (store) => {
    // From a seed, so that what failed comes again.
    let state = 7;
    const below = (n) => {
      state = (state * 48271) % 2147483647;
      return state % n;
    };
    const idsOf = ({ turn, n }) =>
      n % 3 === 0 ? [0, 1, 2, 3, 4].map((k) => `${turn}-${n}.${k}`) : [`${turn}-${n}`];
    const add = async (memory, call, options) => {
      const [content, ids] = [`tea ${call.n}`, idsOf(call)];
      if (ids.length === 1)
        return [await memory.add(content, { id: ids[0], userId: "ada", ...options })];
      const items = ids.map((id) => ({ content, id }));
      return memory.addMany(items, { userId: "ada", ...options });
    };
    const memory = await Memory.open(store);
    const calls = [];
    for (let turn = 0; turn < 12; turn++) {
      const controllers = [];
      for (let n = 0; n < 100; n++) {
        const controller = new AbortController();
        const { signal } = controller;
        const call = { turn, n, signal };
        call.outcome = Promise.allSettled([add(memory, call, { signal })]);
        calls.push(call);
        controllers.push(controller);
        if (below(4) === 0) await new Promise(setImmediate);
        if (below(3) > 0) controllers[below(controllers.length)].abort(`${turn}-${n}`);
      }
      await new Promise(setImmediate);
      for (const controller of controllers.filter((_, n) => n % 2 === 0)) controller.abort();
    }

    let cancelled = 0;
    for (const call of calls) {
      const [{ status, reason }] = await call.outcome;
      assert.equal(getEventListeners(call.signal, "abort").length, 0);
      call.isDone = status === "fulfilled";
      if (call.isDone) continue;
      cancelled++;
      assert.equal(reason.code, "CANCELLED", reason);
      assert.equal(reason.cause, call.signal.reason);
      // Every fifth is tried again while the first may still be on its way.
      if (cancelled % 5 > 0) continue;
      const again = await add(memory, call);
      assert.deepEqual(
        again.map(({ id, version }) => [id, version]),
        idsOf(call).map((id) => [id, 1]),
      );
      call.isDone = true;
    }
    assert.ok(cancelled > 20 && cancelled < 1200, `${cancelled} were cancelled`);
    await memory.close();

    const all = calls.flatMap((call) => idsOf(call).map((id) => [id, `tea ${call.n}`]));
    await reopened(store, async (memory) => {
      const records = new Map((await memory.getAll()).map((record) => [record.id, record]));
      for (const [id, content] of all) {
        const record = records.get(id);
        if (record) assert.deepEqual([record.content, record.userId], [content, "ada"]);
      }
      for (const call of calls) {
        const ids = idsOf(call);
        const there = ids.filter((id) => records.has(id)).length;
        assert.ok(there === ids.length || (there === 0 && !call.isDone), `${there} of ${ids}`);
      }
      for (const call of calls) await add(memory, call);
    });
    await reopened(store, (_, count) => assert.equal(count, all.length));
  }),
);

const canFork = process.platform === "win32" ? "there is no fork on this system" : false;

test(
  "after a fork the child's calls answer CLOSED, and the parent goes on unharmed",
  { skip: canFork },
  inFolder("fork", async (store) => {
    const printed = await inPython(
      store,
      `
memory = SyncMemory(path)
view = memory.scoped(user_id="ada")
for n in range(20):
    memory.add(f"tea {n}", id=f"before-{n}")
busy = [threading.Thread(target=lambda k=k: [memory.add(f"tea {n}", id=f"during-{k}-{n}") for n in range(100)]) for k in range(2)]
for thread in busy:
    thread.start()
codes = []
for round in range(5):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        found = []
        for call in (memory.count, memory.verify, lambda: memory.add("tea"), lambda: view.add("tea"), lambda: memory.search("tea"),
                     lambda: memory.delete("before-1"), lambda: memory.clear(purge=True), lambda: SyncMemory(path).count()):
            try:
                call()
                found.append("ok")
            except AgentMemError as error:
                found.append(error.code)
        memory.close()
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        codes += json.loads(answers.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    memory.add("tea", id=f"after-{round}")
for thread in busy:
    thread.join()
assert memory.count() == 20 + 200 + 5 and memory.verify().ok
memory.close()
print(json.dumps(sorted(set(codes))))`,
    );
    assert.deepEqual(JSON.parse(printed), ["CLOSED"]);
    await reopened(store, (_, count) => assert.equal(count, 225));
  }),
);

test(
  "a child that is forked and ends as processes do leaves the store of its parent alone",
  { skip: canFork },
  inFolder("fork-end", async (store) => {
    await inPython(
      store,
      `
memory = SyncMemory(path)
memory.add("tea", id="before")
for round in range(5):
    child = os.fork()
    if child == 0:
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with SyncMemory(path) as other:
        other.add("tea", id=f"after-{round}")
    assert memory.count() == 2 + round and memory.verify().ok
memory.close()`,
    );
    await reopened(store, (_, count) => assert.equal(count, 6));
  }),
);

test(
  "threads share a SyncMemory, and one that closes it makes the others' later calls CLOSED",
  inFolder("threads", async (store) => {
    const printed = await inPython(
      store,
      `
memory = SyncMemory(path)
memory.count()
done, wrong = [[] for _ in range(6)], []
enough = threading.Event()
def work(k):
    for n in range(10_000):
        try:
            memory.add(f"tea {n}", id=f"{k}-{n}")
            done[k].append(f"{k}-{n}")
            if n == 30:
                enough.set()
            memory.search("tea", limit=2)
            memory.scoped(user_id="ada").add("tea", id=f"{k}-{n}-ada")
            done[k].append(f"{k}-{n}-ada")
        except ClosedError:
            return
        except BaseException as error:
            wrong.append(repr(error))
            return
    wrong.append("never closed")
threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
for thread in threads:
    thread.start()
enough.wait()
memory.close()
for thread in threads:
    thread.join()
print(json.dumps({"done": sum(done, []), "wrong": wrong}))`,
    );
    const { done, wrong } = JSON.parse(printed);
    assert.deepEqual(wrong, []);
    await reopened(store, async (memory, count) => {
      const there = new Set((await memory.getAll()).map(({ id }) => id));
      assert.deepEqual(
        done.filter((id) => !there.has(id)),
        [],
      );
      assert.equal(count, done.length);
    });
  }),
);

for (const [name, script] of Object.entries({
  "threads that it waits for": `
memory = SyncMemory(path)
memory.add("tea")
for k in range(4):
    threading.Thread(target=lambda: [memory.add("tea") for _ in range(50)]).start()`,
  "daemon threads in the middle of calls": `
memory = SyncMemory(path)
memory.add("tea")
def work():
    while True:
        memory.add("tea")
        memory.search("tea")
begun = [threading.Thread(target=work, daemon=True) for _ in range(4)]
for thread in begun:
    thread.start()
while memory.count() < 20:
    pass`,
})) {
  test(
    `Python ends with exit code 0 with ${name}`,
    inFolder("ending", async (store) => {
      for (let round = 0; round < 5; round++) await inPython(store, script);
      await reopened(store, (_, count) => assert.ok(count >= 5, `${count}`));
    }),
  );
}
