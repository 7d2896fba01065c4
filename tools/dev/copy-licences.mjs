// Copies the licences and the notice into the package that is being packed: npm and maturin take files of its folder alone.
import { copyFileSync } from "node:fs";

for (const name of ["LICENSE-MIT", "LICENSE-APACHE", "NOTICE"]) {
  copyFileSync(new URL(`../../${name}`, import.meta.url), name);
}
