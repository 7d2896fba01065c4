"""How the outcome of a call comes back: at once, or from a thread of the pool."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import time
import weakref

from ._native import Mailbox, end_deliveries

TYPE_CHECKING = False  # Type checkers know it by its name; `typing` takes long to import.
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._native import NativeCall

    Waiter = tuple[Mailbox, asyncio.Future[Any]]

AT_ONCE = frozenset({"get", "search"})
"""The operations that may be answered without a hand-over between threads, which costs more."""
_ENOUGH = 0.000_5
"""After so many seconds of answers, whoever has just been answered lets the event loop turn.

Who asks again and again so never waits for a thread: what it does between two questions would
otherwise, in one turn of two, make the second come after `_MOST`.
"""
_MOST = 0.000_75
"""After so many seconds of answers further calls go through the pool until the loop has turned.

With the one that is then under way, of 0.2 ms at most, the loop is held for no millisecond.
"""

# A thread that enters an interpreter that is ending would take the process down with it.
atexit.register(end_deliveries)


class _Turn(threading.local):
    """What an event loop is busy with since it last turned, in its thread."""

    loop: asyncio.AbstractEventLoop | None = None
    """The loop, if something was answered at once in this turn."""
    begun = 0.0

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
        return now < _turn.begun + _MOST
    _turn.loop = loop
    _turn.begun = now
    loop.call_soon(_turn.is_over)
    return True


def loop_is_due() -> bool:
    """Tells whoever has an answer whether the running loop has been held up for long enough."""
    return _turn.loop is not None and time.monotonic() >= _turn.begun + _ENOUGH


async def wait(begin: Callable[[Waiter], NativeCall | None]) -> Any:
    """Begins a call and waits for its outcome, which comes from a thread of the pool."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    call = begin((_mailboxes.get(loop) or _open_mailbox(loop), future))
    try:
        return await future
    except asyncio.CancelledError:
        if call is not None:
            call.cancel()
        raise


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)
"""Where the outcomes arrive that a loop waits for."""


def _open_mailbox(loop: asyncio.AbstractEventLoop) -> Mailbox:
    try:
        mailbox = Mailbox()
        watched = mailbox.fileno()
        if watched is None:
            raise NotImplementedError
        os.set_blocking(watched, False)
        loop.add_reader(watched, _fetch, mailbox)
    except (NotImplementedError, OSError):
        # The loop cannot watch a pipe, or there is none to be had: the threads of the pool call it.
        known = weakref.ref(loop)
        mailbox = Mailbox(lambda: _ring(known()))
    _mailboxes[loop] = mailbox
    return mailbox


def _ring(loop: asyncio.AbstractEventLoop | None) -> None:
    """Makes a loop look into its mailbox; called in any thread."""
    if loop is not None:
        # It may have been closed meanwhile: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_fetch, _mailboxes[loop])


def _fetch(mailbox: Mailbox) -> None:
    """Wakes who waits for what has arrived; called by the loop."""
    for future, answer, error in mailbox.fetch():
        if future.done():
            continue  # It was cancelled meanwhile.
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)
