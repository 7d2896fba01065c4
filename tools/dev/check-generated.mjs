// Files that a tool made are committed; this fails when making them again would give something else.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { env, main, root, run } from "./setup.mjs";

const tools = [
  { path: "tools/unicode/generate.py", needs: "unicodedata2" }, // of which requirements-dev.txt has more to say
  { path: "tools/languages/generate.py" },
  { path: "tools/embedder/bundle_table.py" },
  { path: "conformance/tools/exp2.py" },
  { path: "conformance/tools/ranking.py", needs: "snowballstemmer" },
  { path: "conformance/tools/table_vectors.py", needs: "snowballstemmer" },
];

await main(async () => {
  for (const { path, needs } of tools) {
    if (!existsSync(join(root, path))) continue;
    if (needs && spawnSync("python", ["-c", `import ${needs}`], { env }).status !== 0) {
      console.log(`skipped: ${path} --check needs the Python package ${needs}`);
      continue;
    }
    await run("python", [path, "--check"]);
  }
});
