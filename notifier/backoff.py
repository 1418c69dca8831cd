"""How long to wait before a notice is tried again, and when to give up; reads no clock."""

from __future__ import annotations

import hashlib
from datetime import timedelta

_MINUTE = timedelta(minutes=1)
# Before the first try, the second … the ninth: a greylisting relay is met again soon, one that is down is not hammered (as mox does).
PAUSES = tuple(minutes * _MINUTE for minutes in (0, 7.5, 15, 30, 60, 120, 240, 480, 960))
_JITTER = 0.1  # of the pause: notices put off together come back apart


def next_pause(failures: int, key: str) -> timedelta | None:
    """Return how long to wait after *failures* failed tries (0 before the first), None once every try is used up.

    The same *key* (the Message-ID) and number give the same pause, so that a restart changes nothing.
    """
    if not 0 <= failures < len(PAUSES):
        return None
    share = int.from_bytes(hashlib.sha256(f"{key}:{failures}".encode()).digest()[:4]) / 2**32
    return PAUSES[failures] * (1 + _JITTER * share)
