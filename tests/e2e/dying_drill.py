"""Runs the zuozhen command and kills its process (SIGKILL) at a random place: around one of its commits or of the mails it writes.

Run as `python -m tests.e2e.dying_drill NTH HOW FILE drill …`. Commits and mails are counted; at the NTH it dies HOW: before it, after it, or
some milliseconds later wherever it then is. The count begins where the drill goes on; for `early` where the process starts. NTH 0 lets it
live and writes the count into FILE.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.drill.run import Drill
from notifier import transport
from store.writer import Writer

_SOON_S = 0.03


class Death:
    """Comes at one place, and from one direction."""

    def __init__(self, nth: int, how: str) -> None:
        """Come at the *nth* commit or mail."""
        self.count, self._nth, self._how = 0, nth, how
        self._lock = threading.Lock()  # mails are written by threads of their own

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return *function*, which may be somebody's last."""

        def called(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self.count += 1
                is_last = self.count == self._nth
            if is_last and self._how in {"before", "early"}:
                die()
            if is_last and self._how == "soon":
                threading.Timer(random.uniform(0, _SOON_S), die).start()  # noqa: S311 - nothing is kept secret by it
            result = function(*args, **kwargs)
            if is_last and self._how == "after":
                die()
            return result

        return called

    def ahead(self, play: Callable[..., Any]) -> Callable[..., Any]:
        """Return *play*, before which nobody dies but early."""

        def called(*args: Any, **kwargs: Any) -> Any:
            if self._how != "early":
                self.count = 0
            return play(*args, **kwargs)

        return called


def die() -> None:
    """End the process as the kernel does when it has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    from daemon.cli import run

    death = Death(int(sys.argv[1]), sys.argv[2])
    Writer._transact = death.around(Writer._transact)  # type: ignore[method-assign]  # the product carries no code for tests
    Drill.run = death.ahead(Drill.run)  # type: ignore[method-assign]  # likewise
    transport._write = death.around(transport._write)
    code = run(sys.argv[4:])
    Path(sys.argv[3]).write_text(str(death.count), encoding="utf-8")
    sys.exit(code)
