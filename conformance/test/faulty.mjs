// A driver that misbehaves as it is asked to; else it answers with the number of requests that it has seen.
import { createInterface } from "node:readline";

let seen = 0;
const say = (answer) => console.log(JSON.stringify(answer));
const FAULTS = {
  die: () => {
    console.error("out of memory");
    process.exit(3);
  },
  hang: () => {},
  babble: () => console.log("Starting up…"),
  "answer another": (id) => say({ id: id - 1, value: 1 }),
  "answer twice": (id) => {
    say({ id, value: 1 });
    say({ id, value: 1 });
  },
  "answer nothing": (id) => say({ id }),
  "answer both": (id) => say({ id, value: 1, error: { code: "IO", field: null, message: "" } }),
  "answer without a message": (id) => say({ id, error: { code: "IO", field: null } }),
  "answer in pieces": (id) => {
    const line = Buffer.from(`${JSON.stringify({ id, value: "tea \u2028 茶" })}\n`);
    for (const byte of line) process.stdout.write(Buffer.from([byte]));
  },
  "die at the end": (id) => {
    process.on("exit", () => {
      process.exitCode = 4;
    });
    say({ id, value: 1 });
  },
  "stay at the end": (id) => {
    setInterval(() => {}, 1_000);
    say({ id, value: 1 });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: operation } = JSON.parse(line);
  seen += 1;
  if (operation in FAULTS) FAULTS[operation](id);
  else say({ id, value: seen });
}
