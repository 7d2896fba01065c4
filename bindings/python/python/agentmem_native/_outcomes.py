"""How the outcome of a call comes back: at once, or from a thread of the pool."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import time

from ._native import end_deliveries

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._native import NativeCall

    Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]
    _Outcome = tuple[Waiter, Any, Exception | None]

AT_ONCE = frozenset({"get", "search"})
"""The operations that may be answered without a hand-over between threads, which costs more."""
_MOST = 0.000_75
"""For how many seconds answers may follow each other before the event loop has its turn.

With the one that is then under way, of 0.2 ms at most, the loop is held for no millisecond.
"""

# A thread that enters an interpreter that is ending would take the process down with it.
atexit.register(end_deliveries)


class _Turn(threading.local):
    """What an event loop is busy with since it last turned, in its thread."""

    loop: asyncio.AbstractEventLoop | None = None
    """The loop, if something was answered at once in this turn."""
    end = 0.0

    def is_over(self) -> None:
        """Called by the loop when it turns."""
        self.loop = None


_turn = _Turn()


def may_answer_at_once() -> bool:
    """Tells whether the running loop can be held up for another moment.

    Awaiting what is there already does not let other tasks run: after `_MOST` of that, calls take
    the way through the pool until the loop has turned.
    """
    loop = asyncio.get_running_loop()
    now = time.monotonic()
    if _turn.loop is loop:
        return now < _turn.end
    _turn.loop = loop
    _turn.end = now + _MOST
    loop.call_soon(_turn.is_over)
    return True


def loop_is_due() -> bool:
    """Tells whether the running loop has been held up for long enough.

    For whoever has an answer: one who asks again and again lets it turn, and so never waits for a
    thread.
    """
    return _turn.loop is not None and time.monotonic() >= _turn.end


async def wait(begin: Callable[[Waiter], NativeCall | None]) -> Any:
    """Begins a call and waits for its outcome, which comes from a thread of the pool."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    call = begin((loop, future))
    try:
        return await future
    except asyncio.CancelledError:
        if call is not None:
            call.cancel()
        raise


def deliver(outcomes: list[_Outcome]) -> None:
    """Wakes who waits for some outcomes; called from the glue, in any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0][0], []).append(outcome)
    for loop, those in by_loop.items():
        # The loop may have been closed meanwhile: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, those)


def _settle(outcomes: list[_Outcome]) -> None:
    for (_, future), answer, error in outcomes:
        if future.done():
            continue  # It was cancelled meanwhile.
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)
