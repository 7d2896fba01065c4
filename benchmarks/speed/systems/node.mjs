// The systems of Node; each has the shape that systems/__init__.py describes.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const LIMIT = 10;

class AgentMem {
  awaited = true;

  async open(folder, kind, dimensions) {
    const { Memory } = await import("@agentmem/native");
    this.own = kind !== "text";
    const options = this.own ? { embedder: { id: "given", dimensions } } : {};
    this.memory = new Memory(join(folder, "bench.agentmem"), options);
  }

  options({ id, user, metadata, vector }) {
    const options = { id, userId: user, metadata };
    return this.own ? { ...options, embedding: vector } : options;
  }

  add = (record) => this.memory.add(record.text, this.options(record));
  addMany = (records) =>
    this.memory.addMany(
      records.map((record) => ({ content: record.text, ...this.options(record) })),
    );

  search(question, mode, user, category) {
    const options = { mode, limit: LIMIT };
    if (user !== undefined) options.userId = user;
    if (category !== undefined) options.filter = { category };
    if (this.own) options.embedding = question.vector;
    return this.memory.search(question.text, options);
  }

  ids = (hits) => hits.map((hit) => hit.id);
  get = ({ id }) => this.memory.get(id);
  update = ({ id, vector }, text) =>
    this.memory.update(id, this.own ? { content: text, embedding: vector } : { content: text });
  delete = ({ id }) => this.memory.delete(id);
  close = () => this.memory.close();
  files = (folder) => [join(folder, "bench.agentmem")];
}

const bytes = (vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);

class BetterSqlite {
  awaited = false;

  open(folder) {
    const require = createRequire(join(process.env.AGENTMEM_PACKAGES, "package.json"));
    const Database = require("better-sqlite3");
    this.db = new Database(join(folder, "bench.sqlite"));
    require("sqlite-vec").load(this.db);
    this.db.pragma("journal_mode = WAL");
    this.db.pragma("synchronous = FULL");
    this.db.exec(`
      CREATE TABLE IF NOT EXISTS record(id TEXT PRIMARY KEY, user TEXT, category TEXT, text TEXT, metadata TEXT, vector BLOB);
      CREATE INDEX IF NOT EXISTS record_user ON record(user);
      CREATE INDEX IF NOT EXISTS record_category ON record(category);
    `);
    const columns = "SELECT id, text, metadata, vec_distance_cosine(vector, ?) AS far FROM record";
    const search = (where) => this.db.prepare(`${columns} ${where} ORDER BY far LIMIT ${LIMIT}`);
    this.searches = [search("WHERE user = ?"), search("WHERE category = ?"), search("")];
    this.insert = this.db.prepare("INSERT INTO record VALUES(?, ?, ?, ?, ?, ?)");
    this.addMany = this.db.transaction((records) => records.forEach(this.add));
    this.one = this.db.prepare("SELECT id, text, metadata FROM record WHERE id = ?");
    this.change = this.db.prepare("UPDATE record SET text = ?, vector = ? WHERE id = ?");
    this.remove = this.db.prepare("DELETE FROM record WHERE id = ?");
  }

  add = ({ id, user, text, metadata, vector }) => {
    this.insert.run(id, user, metadata.category, text, JSON.stringify(metadata), bytes(vector));
  };

  search({ vector }, _mode, user, category) {
    const wanted = bytes(vector);
    const [own, tenth, all] = this.searches;
    const rows = user
      ? own.all(wanted, user)
      : category
        ? tenth.all(wanted, category)
        : all.all(wanted);
    return rows.map(this.record);
  }

  record = ({ id, text, metadata }) => ({ id, text, metadata: JSON.parse(metadata) });
  ids = (hits) => hits.map((hit) => hit.id);
  get = ({ id }) => this.record(this.one.get(id));
  update = ({ id, vector }, text) => this.change.run(text, bytes(vector), id);
  delete = ({ id }) => this.remove.run(id);
  close = () => this.db.close();
  files = (folder) => readdirSync(folder).map((name) => join(folder, name));
}

const SYSTEMS = { "agentmem-node": AgentMem, "better-sqlite3": BetterSqlite };

export const make = (name) => new SYSTEMS[name]();
