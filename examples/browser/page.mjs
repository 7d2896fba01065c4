// Searches a conversation in the page itself: nothing is sent anywhere.
import { Memory } from "@agentmem/core";
import own from "../demo/conversation.json";
import { readConversations } from "../demo/conversations.mjs";

const HITS = 5;
const at = (id) => document.getElementById(id);

let memory;
let conversations;
/** Which question was asked last: an answer that comes later than the next question is not shown. */
let asked = 0;

/** Remembers what a file holds in place of what was there. */
async function remember(text) {
  const read = readConversations(text);
  const fresh = new Memory();
  for (const { turns } of read) await fresh.addMany(turns);
  await memory?.close();
  memory = fresh;
  conversations = read;
  at("user").replaceChildren(...read.map(({ id }) => new Option(id)));
  at("status").textContent = `${await memory.count()} turns are in memory.`;
  suggest();
  await answer();
}

/** Offers the questions that the file has of the chosen conversation. */
function suggest() {
  const chosen = conversations.find(({ id }) => id === at("user").value);
  at("questions").replaceChildren(...chosen.questions.map(({ question }) => new Option(question)));
}

async function answer() {
  const mine = ++asked;
  const options = { userId: at("user").value, limit: HITS, context: 1, explain: true };
  const hits = await memory.search(at("query").value, options);
  if (mine === asked) at("hits").replaceChildren(...hits.map(shown));
}

/** A hit between the turns around it, with the words that it was found by. */
function shown({ context, explain, score, ...turn }) {
  const words = explain.terms.map(({ term }) => term).join(", ");
  const item = document.createElement("li");
  item.append(
    ...context.before.map((one) => line(said(one), "around")),
    line(said(turn)),
    ...context.after.map((one) => line(said(one), "around")),
    line(
      `${turn.createdAt.slice(0, 10)} · score ${score.toFixed(2)} · ${words || "by its meaning"}`,
      "why",
    ),
  );
  return item;
}

const said = ({ name, content }) => `${name}: ${content}`;

/** What people wrote is text, never markup. */
function line(text, className = "") {
  return Object.assign(document.createElement("p"), { textContent: text, className });
}

async function rememberFile(file) {
  if (file === undefined) return;
  at("status").textContent = `Reading ${file.name} …`;
  try {
    await remember(await file.text());
  } catch (error) {
    at("status").textContent = `${file.name} cannot be read: ${error.message}`;
  }
}

at("query").addEventListener("input", answer);
at("user").addEventListener("change", () => {
  suggest();
  return answer();
});
at("file").addEventListener("change", ({ target }) => rememberFile(target.files[0]));
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", kind === "dragover");
    if (kind === "drop") rememberFile(event.dataTransfer.files[0]);
  });
}
remember(own);
