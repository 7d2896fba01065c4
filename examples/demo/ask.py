"""Asks questions of a file that another process wrote: python ask.py store.agentmem [conversations.json]"""

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median

from agentmem_native import Memory

SHOWN = 8
HITS = 3


def questions(path: Path) -> list[tuple[str, str]]:
    """The questions of each conversation in turn, so that the first few are not all about the first one."""
    conversations = json.loads(path.read_text(encoding="utf-8"))
    asked = [
        [(one["sample_id"], question["question"]) for question in one["qa"]]
        for one in conversations
    ]
    longest = max(len(some) for some in asked)
    return [some[at] for at in range(longest) for some in asked if at < len(some)]


async def main(store: str, path: Path) -> None:
    begun = time.perf_counter()
    async with await Memory.open(store, create=False) as memory:
        count = await memory.count()
        print(
            f"\nPython opens the same file: {count} memories, {(time.perf_counter() - begun) * 1000:.1f} ms"
        )
        times = []
        asked = questions(path)
        for number, (user, question) in enumerate(asked):
            begun = time.perf_counter()
            hits = await memory.search(question, user_id=user, limit=HITS)
            times.append((time.perf_counter() - begun) * 1000)
            if number < SHOWN:
                print(f"\n{user} > {question}   ({times[-1]:.2f} ms)")
                for hit in hits:
                    said = (
                        hit.content
                        if len(hit.content) <= 90
                        else hit.content[:89] + "…"
                    )
                    print(
                        f"  {hit.score:.3f}  {hit.created_at:%d %b %Y}  {hit.name}: {said}"
                    )
    more = f", {SHOWN} of them shown" if len(asked) > SHOWN else ""
    print(
        f"\n{len(asked)} questions{more}: {median(times):.2f} ms each (median; the first of a user loads their memories)"
    )


store, *rest = sys.argv[1:]
asyncio.run(
    main(
        store, Path(rest[0]) if rest else Path(__file__).with_name("conversation.json")
    )
)
