// Writes manifest.json: every file of cases and vectors with the number of what it holds. `--check` only compares.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
const CASE_FOLDERS = ["cases", "traces"];
/** Vectors that are in the case format, so that every runner replays them. */
const CASE_VECTORS = ["vectors/ranking.json"];

function jsonFiles(folder) {
  const names = readdirSync(new URL(`${folder}/`, root)).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => `${folder}/${name}`);
}

function parse(file) {
  return JSON.parse(readFileSync(new URL(file, root), "utf8"));
}

const vectorFiles = jsonFiles("vectors");
const caseFiles = [
  ...CASE_FOLDERS.flatMap(jsonFiles),
  ...vectorFiles.filter((file) => CASE_VECTORS.includes(file)),
];
const cases = caseFiles.map((file) => ({ file, cases: parse(file).cases.length }));
const vectors = vectorFiles
  .filter((file) => !CASE_VECTORS.includes(file))
  .map((file) => ({ file, vectors: parse(file).vectors.length }));
const total = cases.reduce((sum, entry) => sum + entry.cases, 0);

// An entry a line, as the formatter has it.
const lines = (entries) => entries.map((entry) => `    ${line(entry)}`).join(",\n");
const line = (entry) =>
  `{ ${Object.entries(entry)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(", ")} }`;
const text = `{
  "format": "1.0",
  "total": ${total},
  "cases": [
${lines(cases)}
  ],
  "vectors": [
${lines(vectors)}
  ]
}
`;

const target = new URL("manifest.json", root);
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error(
      "conformance/manifest.json is not what the files hold: run `node conformance/tools/manifest.mjs`",
    );
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
  console.log(`${total} cases in ${cases.length} files, ${vectors.length} files of vectors`);
}
