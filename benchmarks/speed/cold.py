"""A new process: imports a system, opens its store, asks one question; prints seconds and memory.

python cold.py SYSTEM STORE KIND MODE QUESTION, of which the last is a file: a line with the user,
one with the text, and the numbers of its vector. Nothing is imported before the clock runs but what
Python brings along.
"""

import sys
import time

begun = time.perf_counter()
name, store, kind, mode, path = sys.argv[1:]


def main() -> None:
    from array import array
    from pathlib import Path

    import systems

    system = systems.load(name)
    with open(path) as file:
        user, _, rest = file.read().partition("\n")
    text, _, numbers = rest.partition("\n")
    vector = array("f", map(float, numbers.split()))
    question = systems.Question(text, user, vector, {})
    opened = time.perf_counter()
    if getattr(system, "blocking", True):
        system.open(Path(store), kind)
        found = system.search(question, mode, user, None)
    else:
        import asyncio

        async def ask() -> object:
            system.open(Path(store), kind)
            return await system.search(question, mode, user, None)

        found = asyncio.run(ask())
    answered = time.perf_counter()
    count = len(system.ids(found))
    import memory

    print(answered - begun, answered - opened, memory.peak(), count, flush=True)
    import os

    os._exit(0)


main()
