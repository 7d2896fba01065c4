"""Answers the questions of a file through the Python package: python answer.py questions.json answers.json"""

import asyncio
import json
import sys

from agentmem_native import Memory

SNAKE = {"userId": "user_id", "runId": "run_id", "createdAt": "created_at"}


async def main(questions: str, answers: str) -> None:
    with open(questions, encoding="utf-8") as file:
        task = json.load(file)
    given: dict[str, list[list[list[object]]]] = {}
    async with Memory() as memory:
        for conversation in task["conversations"]:
            turns = [
                {SNAKE.get(key, key): value for key, value in turn.items()}
                for turn in conversation["turns"]
            ]
            await memory.add_many(turns)
        for mode in task["modes"]:
            given[mode] = []
            for conversation in task["conversations"]:
                for question in conversation["questions"]:
                    hits = await memory.search(
                        question["question"],
                        user_id=conversation["id"],
                        mode=mode,
                        limit=task["limit"],
                    )
                    given[mode].append([[hit.id, hit.score] for hit in hits])
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(given, file)


asyncio.run(main(sys.argv[1], sys.argv[2]))
