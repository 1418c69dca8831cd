"""What follows DATA: knows where a message ends, how dots are doubled, and how much memory unfinished messages may take. Pure."""

from __future__ import annotations

from enum import StrEnum

_END = b"\r\n.\r\n"  # RFC 5321 4.1.1.4; nothing else ends a message, no LF.LF and no mixture (SMTP smuggling)
_DOUBLED = b"\r\n."  # in the middle of a message a dot at the start of a line is always one too many


class Overflow(StrEnum):
    """Why the octets of a message were dropped while the rest of it was still read."""

    NONE = "none"
    TOO_BIG = "too_big"  # larger than the limit: never acceptable
    NO_ROOM = "no_room"  # too much unfinished mail at once: later perhaps


class Pool:
    """Counts the octets of all unfinished messages, so that many slow clients together cannot fill the memory."""

    def __init__(self, octets: int) -> None:
        """Allow *octets* at a time."""
        self._left = octets

    def take(self, octets: int) -> bool:
        """Reserve *octets* and return True, or return False where that much is not left."""
        if octets > self._left:
            return False
        self._left -= octets
        return True

    def give(self, octets: int) -> None:
        """Return *octets* taken before."""
        self._left += octets


class Body:
    """One message on its way in, in whatever pieces the network cuts it."""

    def __init__(self, max_size: int, pool: Pool) -> None:
        """Accept up to *max_size* octets (RFC 1870: CR LF counted, doubled dots and the final dot not), reserved from *pool*."""
        self.overflow = Overflow.NONE
        self.received = 0  # octets on the wire
        self._max_size = max_size
        self._pool = pool
        self._taken = 0
        self._doubled = 0  # dots in `_wire` that `message` will take out
        self._wire = bytearray(b"\r\n")  # the end of the DATA line: an empty message is ended by ".CRLF" alone

    def feed(self, chunk: bytes) -> bytes | None:
        """Take *chunk*; return what came behind the end of the message, or None while the end has not come."""
        self.received += len(chunk)
        known = len(self._wire)
        self._wire += chunk
        end = self._wire.find(_END, max(0, known - len(_END) + 1))
        if end < 0:
            self._doubled += self._wire.count(_DOUBLED, max(0, known - len(_DOUBLED) + 1))
            self._restrain(len(chunk), self._max_size + len(_END))  # the last octets may turn out to be the end
            return None
        rest = bytes(self._wire[end + len(_END) :])
        del self._wire[end + 2 :]  # the CRLF before the dot belongs to the last line
        self._doubled = self._wire.count(_DOUBLED)
        self._restrain(max(0, len(self._wire) - known), self._max_size)
        return rest

    def message(self) -> bytes:
        """Return the message, once: dots undoubled (RFC 5321 4.5.2), every bare LF made CR LF, all other octets as sent.

        Costs about 50 ms for 30 MB, so not in the event loop.
        """
        wire, self._wire = self._wire, bytearray()
        text = bytes(wire.replace(_DOUBLED, b"\r\n"))[2:]
        del wire
        if text.count(b"\n") != text.count(b"\r\n"):
            text = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return text

    def release(self) -> None:
        """Give back what was reserved; harmless when repeated."""
        self._pool.give(self._taken)
        self._taken = 0

    def _restrain(self, octets: int, limit: int) -> None:
        """Reserve *octets* more; where the message is over *limit* or the pool is empty, drop all but what may begin the end."""
        if self.overflow is Overflow.NONE:
            if len(self._wire) - 2 - self._doubled > limit:
                self.overflow = Overflow.TOO_BIG
            elif not self._pool.take(octets):
                self.overflow = Overflow.NO_ROOM
            else:
                self._taken += octets
                return
        self.release()
        del self._wire[: -len(_END) + 1]
