// Random histories: what a trace does, from a seed. Knows the shape of calls, and nothing of how they are answered.

/** A small generator of good quality (mulberry32): the same numbers everywhere. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return {
    below,
    chance: (p) => next() < p,
    pick: (list) => list[below(list.length)],
  };
}

const PEOPLE = ["Ada", "Zoë", "Grzegorz", "Mei", "Kwame", "O'Brien"];
const VERBS = [
  "likes",
  "bought",
  "lost",
  "is repairing",
  "talked about",
  "never liked",
  "dreams of",
];
const THINGS = [
  "green tea",
  "an old zeppelin model",
  "the café on Rue Mouffetard",
  "running in the evenings",
  "a jazz record",
  "her violin lessons",
  "the XK-4471 ticket",
  "crème brûlée",
  "two stray cats",
  "quarterly reports",
  "a trip to Kyoto",
  "gardening",
];
const TAILS = [
  "",
  "",
  "",
  " last summer",
  " with her brother",
  ", or so she says",
  " since 2019",
  "!",
  " 🎻",
];
const FOREIGN = [
  "私は京都に住んでいます",
  "京都でお茶を飲んだ",
  "我喜欢绿茶和爵士乐",
  "서울에서 바이올린을 배워요",
  "Мне нравится зелёный чай",
  "ÇA VA ? J'adore le café.",
  "ﬁnally: ＴＥＡ № 5 — ½ price",
  "naïve résumé — “don’t” won’t",
];
const REPLIES = [
  "yes, a lot",
  "no, never",
  "why?",
  "tell me more",
  "I see",
  "and you?",
  "not since May",
];
const QUERIES = [
  "who likes tea?",
  "what did Ada buy",
  "cats",
  "Kyoto trip",
  "京都",
  "绿茶",
  "바이올린",
  "violin lessons in summer",
  "May 2023",
  "xk-4471",
  "running evenings",
  "café",
  "jazz and reports and gardens",
  "zeppelin",
  "what is it",
  "does Zoë dream of crème brûlée?",
  "don't",
  "purple hydraulic press",
];
const USERS = [undefined, "ada", "zoë", "mei", null];
const AGENTS = [undefined, undefined, "planner", null];
const RUNS = [undefined, "r1", "r2", null];

function sentence(r) {
  if (r.chance(0.15)) return r.pick(FOREIGN);
  if (r.chance(0.15)) return r.pick(REPLIES);
  return `${r.pick(PEOPLE)} ${r.pick(VERBS)} ${r.pick(THINGS)}${r.pick(TAILS)}`;
}

/** Leaves out what is undefined. */
function given(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function scope(r) {
  return given({ userId: r.pick(USERS), agentId: r.pick(AGENTS), runId: r.pick(RUNS) });
}

function time(r, from = Date.UTC(2023, 3, 1), days = 120) {
  // Whole hours, so that equal times are common.
  return new Date(from + r.below(days * 24) * 3_600_000).toISOString();
}

function metadata(r) {
  return given({
    topic: r.chance(0.7) ? r.pick(["food", "music", "work"]) : undefined,
    n: r.chance(0.7) ? r.pick([0, 1, 2, 2.5, -3, "2"]) : undefined,
    tags: r.chance(0.4) ? [r.pick(["a", "b"]), r.pick(["b", "c", 1])] : undefined,
    nest: r.chance(0.2) ? { deep: [{ x: r.below(3) }], none: null } : undefined,
  });
}

function filter(r) {
  return r.pick([
    { topic: "food" },
    { n: { $gte: 1, $lt: 2.5 } },
    { tags: { $contains: "b" } },
    { $or: [{ topic: "music" }, { n: { $in: [0, "2"] } }] },
    { "nest.deep.0.x": { $exists: true } },
    { topic: { $ne: "work" }, "nest.none": null },
    { $not: { topic: { $in: ["food", "music"] } } },
    { n: { $not: { $gt: 0 } } },
  ]);
}

function selection(r) {
  return {
    ...scope(r),
    ...given({
      filter: r.chance(0.25) ? filter(r) : undefined,
      since: r.chance(0.15) ? time(r) : undefined,
      until: r.chance(0.15) ? time(r) : undefined,
    }),
  };
}

/** Now and then an earlier state of the store, by the event or by the time. */
function asOf(r) {
  if (!r.chance(0.25)) return {};
  if (r.chance(0.6)) return { asOf: { seq: r.below(r.pick([30, 300, 900])) } };
  return { asOf: time(r, Date.UTC(2026, 0, 1), 2) };
}

/** The options of an add, without content: a turn or a fact, of anybody, of any time. */
function fields(r) {
  const turn = r.chance(0.6);
  return {
    ...scope(r),
    ...given({
      role: turn ? r.pick(["user", "assistant"]) : undefined,
      name: r.chance(0.4) ? r.pick(PEOPLE) : undefined,
      metadata: r.chance(0.6) ? metadata(r) : undefined,
      importance: r.chance(0.2) ? r.pick([0, 0.1, 1]) : undefined,
      createdAt: r.chance(0.7) ? time(r) : undefined,
      ttl: r.chance(0.08) ? r.pick([0, 60, 1800.5, 86400]) : undefined,
    }),
  };
}

function expiry(r) {
  return r.chance(0.5)
    ? { ttl: r.pick([0, 30, 3600, null]) }
    : { expiresAt: r.pick([null, "2026-01-03T00:00:00Z"]) };
}

const NOT_ON_VIEWS = ["clock.advance", "changes", "compact"];

/** Makes steps one after the other; `ids` are those that were ever given. */
export class History {
  #r;
  #ids = [];
  #adds = [];

  constructor(seed) {
    this.#r = randomFrom(seed);
  }

  /** Many records at once: more than any of the cuts of ranking keeps. */
  bulk(count) {
    const items = Array.from({ length: count }, () => this.#item());
    return { do: "addMany", with: { items } };
  }

  next() {
    const r = this.#r;
    const step = this.#choose(r);
    const onView = r.chance(0.1) && !NOT_ON_VIEWS.includes(step.do);
    if (!onView) return step;
    // A view refuses other ids than its own, which is an answer too; mostly they are left out.
    const { userId, ...rest } = step.with;
    return { ...step, on: "view", with: r.chance(0.1) && userId !== undefined ? step.with : rest };
  }

  #choose(r) {
    const roll = r.below(100);
    if (roll < 26) return this.#add(r);
    if (roll < 29)
      return {
        do: "addMany",
        with: { items: [this.#item(), this.#item()], defaults: { agentId: "planner" } },
      };
    if (roll < 34) return this.#again(r);
    if (roll < 42) return this.#update(r);
    if (roll < 46) return { do: "delete", with: { id: this.#id() } };
    if (roll < 48) return { do: "delete", with: { id: this.#id(), purge: true } };
    if (roll < 49)
      return { do: "clear", with: { ...selection(r), filter: filter(r), userId: "mei" } };
    if (roll < 74) return this.#search(r);
    if (roll < 80) return this.#getAll(r);
    if (roll < 84) return { do: "count", with: { ...selection(r), ...asOf(r) } };
    if (roll < 87) return { do: "get", with: { id: this.#id(), ...asOf(r) } };
    if (roll < 90) return { do: "history", with: { id: this.#id() } };
    if (roll < 92)
      return { do: "changes", with: { after: r.below(300), limit: r.pick([1, 2, 4]) } };
    if (roll < 94) return { do: "compact", with: {} };
    if (roll < 98)
      return { do: "clock.advance", with: { ms: r.pick([1, 1000, 60_000, 3_600_000, -500_000]) } };
    return this.#mistake(r);
  }

  #id() {
    return this.#r.chance(0.05) || this.#ids.length === 0 ? "absent" : this.#r.pick(this.#ids);
  }

  #newId() {
    // Not in the order of adding, so that a tie by id shows.
    const id = `${this.#r.pick(["m", "M", "é", "漢"])}${(this.#ids.length * 37) % 1009}`;
    this.#ids.push(id);
    return id;
  }

  #item() {
    const r = this.#r;
    return { content: sentence(r), id: this.#newId(), ...fields(r) };
  }

  #add(r) {
    const item = this.#item();
    if (r.chance(0.1)) item.dedupe = true;
    if (item.role !== undefined && r.chance(0.3)) {
      const { role, content } = item;
      delete item.role;
      item.content = { role, content };
    }
    const step = { do: "add", with: item };
    this.#adds.push(step);
    return step;
  }

  /** An add that was made before: a retry, or a deleted id anew, or an id in use. */
  #again(r) {
    if (this.#adds.length === 0) return this.#add(r);
    const before = r.pick(this.#adds);
    if (r.chance(0.6)) return before;
    return { do: "add", with: { ...before.with, metadata: metadata(r) } };
  }

  #update(r) {
    const changes = given({
      content: r.chance(0.6) ? sentence(r) : undefined,
      metadata: r.chance(0.3) ? r.pick([metadata(r), null]) : undefined,
      importance: r.chance(0.2) ? r.pick([0.3, null]) : undefined,
      ifVersion: r.chance(0.2) ? r.pick([1, 2]) : undefined,
      ...(r.chance(0.2) ? expiry(r) : {}),
    });
    return { do: "update", with: { id: this.#id(), ...changes } };
  }

  #search(r) {
    const query = r.chance(0.7) ? r.pick(QUERIES) : sentence(r);
    const options = given({
      mode: r.chance(0.45) ? r.pick(["lexical", "semantic", "hybrid"]) : undefined,
      limit: r.chance(0.1) ? undefined : r.pick([1, 2, 3, 5]),
      minScore: r.chance(0.1) ? r.pick([0, 0.2, 0.6]) : undefined,
      recency: r.chance(0.15)
        ? { weight: r.pick([0.3, 1, 7]), halfLife: r.pick([1e6, 5e7]) }
        : undefined,
      importanceWeight: r.chance(0.15) ? r.pick([0.2, 1, 0]) : undefined,
      context: r.chance(0.15) ? r.pick([1, 2]) : undefined,
      explain: r.chance(0.15) ? true : undefined,
    });
    // Whole-store searches and one user's are the two kinds of statistics.
    const selected = r.chance(0.35) ? {} : selection(r);
    return { do: "search", with: { query, ...selected, ...options, ...asOf(r) } };
  }

  #getAll(r) {
    const options = given({
      limit: r.pick([1, 3, 6]),
      order: r.chance(0.4) ? r.pick(["asc", "desc"]) : undefined,
      offset: r.chance(0.2) ? r.below(5) : undefined,
      after: r.chance(0.2) ? this.#id() : undefined,
    });
    return { do: "getAll", with: { ...selection(r), ...options, ...asOf(r) } };
  }

  #mistake(r) {
    return r.pick([
      { do: "add", with: { content: " \u00a0", id: "never" } },
      { do: "add", with: { content: "tea", metadata: { n: 2 ** 53 }, id: "never" } },
      { do: "search", with: { query: "tea", limit: 0 } },
      { do: "getAll", with: { filter: { n: { $between: [1, 2] } } } },
      { do: "count", with: { since: "2023-05-08" } },
      { do: "changes", with: { after: 0, limit: 0 } },
      { do: "history", with: { id: "" } },
      { do: "update", with: { id: this.#id() } },
      { do: "addMany", with: { items: [{ content: "tea", id: "never" }, { content: "" }] } },
    ]);
  }
}
