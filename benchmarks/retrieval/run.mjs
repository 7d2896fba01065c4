// npm run bench:retrieval -- locomo10.json [--all]
//
// Prints recall of the turns that answer LoCoMo's questions, on the five held-out conversations (or all), through Node and through
// Python, and checks that both give the same hits with the same scores to the last digit.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readConversations } from "../../examples/demo/conversations.mjs";

/** The conversations to report on; the others may be tuned on. */
const HELD_OUT = ["conv-44", "conv-47", "conv-48", "conv-49", "conv-50"];
const MODES = ["hybrid", "lexical", "semantic"];
const CATEGORIES = { 1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop" };
const LIMIT = 25;

const [path, ...flags] = process.argv.slice(2);
if (!path || flags.some((flag) => flag !== "--all")) {
  console.error("usage: npm run bench:retrieval -- PATH-TO-LOCOMO10.JSON [--all]");
  process.exit(2);
}

// Adversarial questions (category 5) have no answer, and some others have no gold: there is nothing to recall.
const conversations = readConversations(readFileSync(path, "utf8"))
  .filter(({ id }) => flags.includes("--all") || HELD_OUT.includes(id))
  .map(({ questions, ...rest }) => ({
    ...rest,
    questions: questions.filter((one) => one.category in CATEGORIES && one.gold.length > 0),
  }));
const questions = conversations.flatMap((conversation) => conversation.questions);
if (questions.length === 0) {
  console.error(
    `no questions: ${path} has none of ${HELD_OUT.join(", ")} (--all takes every conversation)`,
  );
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "agentmem-retrieval-"));
try {
  const task = join(folder, "task.json");
  writeFileSync(task, JSON.stringify({ conversations, modes: MODES, limit: LIMIT }));
  const here = dirname(fileURLToPath(import.meta.url));
  const answer = (command, script) => {
    const out = join(folder, `${command}.json`);
    console.error(
      `answering ${questions.length} questions x ${MODES.length} modes through ${command} ...`,
    );
    execFileSync(command, [join(here, script), task, out], { stdio: "inherit" });
    return JSON.parse(readFileSync(out, "utf8"));
  };
  report({ Node: answer("node", "answer.mjs"), Python: answer("python", "answer.py") });
} finally {
  rmSync(folder, { recursive: true });
}

function report(answers) {
  const turns = conversations.reduce((sum, one) => sum + one.turns.length, 0);
  console.log(
    `\n${conversations.length} conversations, ${turns} turns, ${questions.length} questions with evidence\n`,
  );
  console.log("| through | mode | R@5 | R@10 | R@25 | NDCG@10 | any gold in 10 | all gold in 10 |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const [language, byMode] of Object.entries(answers)) {
    for (const mode of MODES)
      console.log(`| ${language} | ${mode} | ${figures(byMode[mode]).join(" | ")} |`);
  }
  console.log(
    "\n| hybrid, by category | questions | R@5 | R@10 | R@25 | NDCG@10 | any gold in 10 | all gold in 10 |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const [number, name] of Object.entries(CATEGORIES)) {
    const chosen = questions.flatMap((question, index) =>
      question.category === Number(number) ? [index] : [],
    );
    console.log(
      `| ${name} | ${chosen.length} | ${figures(answers.Python.hybrid, chosen).join(" | ")} |`,
    );
  }
  const same = MODES.every(
    (mode) => JSON.stringify(answers.Node[mode]) === JSON.stringify(answers.Python[mode]),
  );
  console.log(
    `\nNode and Python give ${same ? "the same hits and scores to the last digit" : "DIFFERENT answers"}.`,
  );
  if (!same) process.exitCode = 1;
}

function figures(hits, chosen = questions.map((_, index) => index)) {
  const mean = (measure) =>
    chosen.reduce(
      (sum, index) =>
        sum +
        measure(
          hits[index].map(([id]) => id),
          questions[index].gold,
        ),
      0,
    ) / chosen.length;
  const recall = (k) => (ids, gold) =>
    gold.filter((id) => ids.slice(0, k).includes(id)).length / gold.length;
  return [
    mean(recall(5)),
    mean(recall(10)),
    mean(recall(25)),
    mean(ndcg),
    mean((ids, gold) => Number(recall(10)(ids, gold) > 0)),
    mean((ids, gold) => Number(recall(10)(ids, gold) === 1)),
  ].map((value) => value.toFixed(4));
}

/** Binary gain; the ideal has its gold first. */
function ndcg(ids, gold) {
  const gain = (rank) => 1 / Math.log2(rank + 2);
  const got = ids
    .slice(0, 10)
    .reduce((sum, id, rank) => sum + (gold.includes(id) ? gain(rank) : 0), 0);
  const ideal = Array.from({ length: Math.min(10, gold.length) }, (_, rank) => gain(rank)).reduce(
    (sum, value) => sum + value,
    0,
  );
  return got / ideal;
}
