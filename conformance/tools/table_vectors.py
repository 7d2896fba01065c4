"""Makes the outputs of vectors/embeddings.json and vectors/max-sim.json from their inputs, which stand in the files.

By the second reading of chapter 8 in ranking.py. For when the table changes; `--check` only compares.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from ranking_vectors import coverage, first_tokens, tokens, vector

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


def embedding(text: str) -> dict[str, object]:
    return {"tokens": list(tokens(text)), "vector": vector(text)}


def covering(texts: dict[str, str]) -> dict[str, object]:
    query, document = texts["query"], texts["document"]
    return {
        "query": first_tokens(query),
        "document": first_tokens(document),
        "maxSim": coverage(query, document) or 0.0,
    }


def render(given: str, output) -> str:
    """The file with its outputs made anew; all else stays as it is written, escapes too."""

    def line(written: re.Match[str]) -> str:
        made = json.dumps(output(json.loads(written[0].rstrip(","))["input"]))
        return re.sub(r'"output": {[^}]*}', f'"output": {made}', written[0])

    return re.sub(r'^    {"input": .*$', line, given, flags=re.MULTILINE)


def main() -> int:
    for name, output in (("embeddings.json", embedding), ("max-sim.json", covering)):
        path = VECTORS / name
        given = path.read_text("utf-8")
        made = render(given, output)
        if "--check" not in sys.argv[1:]:
            path.write_text(made, "utf-8")
        elif given != made:
            print(
                f"{name} differs from what conformance/tools/table_vectors.py makes",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
