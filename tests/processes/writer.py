"""Writes to a store until it is killed: python writer.py STORE JOURNAL PREFIX SEED (see writer.mjs and operations.mjs)."""

import asyncio
import os
import sys
from collections.abc import Iterator

from agentmem_native import Memory


def numbers(seed: int) -> Iterator[int]:
    state = seed & 0xFFFFFFFF
    while True:
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        yield state >> 8


def operations(prefix: str, seed: int) -> Iterator[tuple[str, str, str]]:
    random = numbers(seed)
    live: list[str] = []
    n = 0
    while True:
        n += 1
        kind = next(random) % 10
        if kind < 5 or not live:
            live.append(f"{prefix}-{n}")
            yield "add", f"{prefix}-{n}", f"note {n} about tea and rain"
        elif kind < 6:
            live += [f"{prefix}-{n}.{k}" for k in range(3)]
            yield "addMany", f"{prefix}-{n}", f"one of three, {n}"
        elif kind < 9:
            yield "update", live[next(random) % len(live)], f"changed in {n}"
        else:
            yield "delete", live.pop(next(random) % len(live)), ""


async def main(store: str, journal: str, prefix: str, seed: int) -> None:
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    async with await Memory.open(store) as memory:
        for n, (operation, id, content) in enumerate(operations(prefix, seed), 1):
            os.write(out, f"> {n} {operation} {id}\n".encode())
            user = f"user-{n % 5}"
            if operation == "add":
                await memory.add(content, id=id, user_id=user)
            elif operation == "addMany":
                await memory.add_many(
                    [
                        {
                            "id": f"{id}.{k}",
                            "content": f"{content} {k}",
                            "user_id": user,
                        }
                        for k in range(3)
                    ]
                )
            elif operation == "update":
                await memory.update(id, content=content)
            else:
                await memory.delete(id)
            os.write(out, f"< {n}\n".encode())


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
