"""A new process: imports a system, opens its store, asks one question; prints seconds and memory.

python cold.py SYSTEM STORE KIND MODE QUESTION, of which the last is a file: a line with the user,
one with the text, and the numbers of its vector. The clock runs when the question is there; what
has been imported by then is little. The system `nothing` is that alone, to be taken off.
"""

import sys
import time
from array import array
from pathlib import Path

import systems

name, store, kind, mode, path = sys.argv[1:]


def asked() -> systems.Question:
    with open(path) as file:
        user, _, rest = file.read().partition("\n")
    text, _, numbers = rest.partition("\n")
    return systems.Question(text, user, array("f", map(float, numbers.split())), {})


def main() -> None:
    question = asked()
    begun = time.perf_counter()
    system = systems.load(name)
    opened = time.perf_counter()
    if getattr(system, "blocking", True):
        system.open(Path(store), kind)
        found = system.search(question, mode, user=question.user, category=None)
    else:
        import asyncio

        async def ask() -> object:
            system.open(Path(store), kind)
            return await system.search(question, mode, user=question.user, category=None)

        found = asyncio.run(ask())
    answered = time.perf_counter()
    told(answered - begun, answered - opened, len(system.ids(found)))


def told(*figures: float) -> None:
    import os

    import memory

    print(*figures[:2], memory.peak(), *figures[2:], flush=True)
    os._exit(0)


if name == "nothing":
    asked()
    told(0, 0, 0)
main()
