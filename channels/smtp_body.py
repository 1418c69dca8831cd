"""What follows DATA: knows where a message ends, how dots are doubled, and how much memory unfinished messages may take. Pure."""

from __future__ import annotations

from enum import StrEnum

_END = b"\r\n.\r\n"  # RFC 5321 4.1.1.4; nothing else ends a message, no LF.LF and no mixture (SMTP smuggling)
_CRLF = b"\r\n"


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
    """One message on its way in, in whatever pieces the network cuts it; made ready piece by piece, so that no step takes long."""

    def __init__(self, max_size: int, pool: Pool) -> None:
        """Accept up to *max_size* octets (RFC 1870: CR LF counted, doubled dots and the final dot not), reserved from *pool*."""
        self.overflow = Overflow.NONE
        self._limit = max_size + len(_CRLF)  # for the CRLF that is not part of the message
        self._pool = pool
        self._taken = 0
        self._text = bytearray()
        self._before = b""  # the last octets that went into `_text`, as they were on the wire
        self._tail = _CRLF  # what may begin the end; first the CRLF of DATA itself: an empty message is ended by ".CRLF" alone

    def feed(self, chunk: bytes) -> bytes | None:
        """Take *chunk*; return what came behind the end of the message, or None while the end has not come."""
        wire = self._tail + chunk
        end = wire.find(_END)
        if end < 0:
            held = max(0, len(wire) - len(_END) + 1)
            self._keep(wire[:held])
            self._tail = wire[held:]
            return None
        self._keep(wire[: end + len(_CRLF)])  # the CRLF before the dot belongs to the last line
        return wire[end + len(_END) :]

    def message(self) -> bytes:
        """Return the message: dots undoubled (RFC 5321 4.5.2), every bare LF made CR LF, all other octets as sent."""
        return bytes(memoryview(self._text)[len(_CRLF) :])

    def release(self) -> None:
        """Drop the octets and give back what was reserved; harmless when repeated."""
        self._text = bytearray()
        self._pool.give(self._taken)
        self._taken = 0

    def _keep(self, octets: bytes) -> None:
        """Add *octets* of the wire to the message, or drop everything where that is too much."""
        if self.overflow is not Overflow.NONE:
            return
        known = self._before + octets
        plain = known.replace(_CRLF + b".", _CRLF)[len(self._before) :]
        text = _with_crlf(plain, after_cr=self._before.endswith(b"\r"))
        self._before = known[-len(_CRLF) :]
        if len(self._text) + len(text) > self._limit:
            self.overflow = Overflow.TOO_BIG
        elif not self._pool.take(len(text)):
            self.overflow = Overflow.NO_ROOM
        else:
            self._taken += len(text)
            self._text += text
            return
        self.release()


def _with_crlf(text: bytes, *, after_cr: bool) -> bytes:
    """Return *text* with every bare LF made CR LF; with *after_cr* the octet before it is a CR."""
    text = (b"\r" if after_cr else b".") + text
    if text.count(b"\n") != text.count(_CRLF):
        text = text.replace(_CRLF, b"\n").replace(b"\n", _CRLF)
    return text[1:]
