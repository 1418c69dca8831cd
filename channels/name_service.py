"""Questions to DNS while a sender is checked: within a time and a number, remembered, and short where no server answers. Alone imports dnspython.

Runs in the child of `channels.sender_checker`. A name that does not exist is an answer (none); `UnansweredError` is no answer at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import dns.exception
import dns.nameserver
import dns.rdata
import dns.resolver

_MOST = 40  # questions for one mail; SPF alone may ask some thirty (RFC 7208 4.6.4)
_SHARE = 0.4  # of the time for a mail that one question may take
_PROBE = 1.5  # seconds for the question that every server can answer at once
_PAUSE = 60.0  # seconds in which nothing is asked, after nobody answered even that
_LINE = 500  # characters kept of one answer

Values = Sequence[str]  # one text a record; of TXT its strings joined, bytes as Latin-1; of MX "10 mx.firm.cn"


class UnansweredError(Exception):
    """DNS gave no answer in time; what it would have been nobody knows."""


class Resolver(Protocol):
    """Where the answers come from."""

    def ask(self, name: str, kind: str, seconds: float) -> Values:
        """Return the records of *kind* at *name*; raises UnansweredError where nobody answers within *seconds*."""


class Names:
    """The questions about one mail."""

    def __init__(self, resolver: Resolver, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask *resolver* for *seconds* from now on, all questions together."""
        self._resolver, self._clock = resolver, clock
        self._ends, self._longest = clock() + seconds, seconds * _SHARE
        self._answers: dict[tuple[str, str], Values | None] = {}

    def lookup(self, name: str, kind: str) -> Values:
        """Return the records of *kind* ("TXT", "A", …) at *name*; raises UnansweredError."""
        key = (name.rstrip(".").lower(), kind)
        if key not in self._answers:
            self._answers[key] = self._ask(*key)
        answer = self._answers[key]
        if answer is None:
            raise UnansweredError(f"{kind} {name}")
        return answer

    def saw(self) -> tuple[str, ...]:
        """Return each question and its answer in a line."""
        return tuple(f"{kind} {name}: {_told(values)}"[:_LINE] for (name, kind), values in self._answers.items())

    def _ask(self, name: str, kind: str) -> Values | None:
        left = self._ends - self._clock()
        if left <= 0 or len(self._answers) >= _MOST:
            return None
        try:
            return self._resolver.ask(name, kind, min(left, self._longest))
        except UnansweredError:
            return None


class DnsResolver:
    """The name servers of the configuration, or those of the machine."""

    def __init__(self, servers: Sequence[str] = (), *, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask *servers* ("10.0.0.1", "10.0.0.1:5353"), those of the machine where there are none."""
        self._clock = clock
        self._silent_until = 0.0
        self._resolver = _configured(servers)

    def ask(self, name: str, kind: str, seconds: float) -> Values:
        """Return the records; raises UnansweredError. Where DNS as a whole is away (no Internet), the next minute costs nothing."""
        if self._resolver is None or self._clock() < self._silent_until:
            raise UnansweredError(name)
        try:
            return self._asked(name, kind, seconds)
        except UnansweredError:
            # A stranger's name may lie on a server of his that never answers; that must not end the checks of others.
            if not self._is_there():
                self._silent_until = self._clock() + _PAUSE
            raise

    def _is_there(self) -> bool:
        try:
            self._asked(".", "NS", _PROBE)
        except UnansweredError:
            return False
        return True

    def _asked(self, name: str, kind: str, seconds: float) -> Values:
        assert self._resolver is not None  # noqa: S101 - `ask` has looked
        try:
            answer = self._resolver.resolve(name, kind, lifetime=seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return ()
        except (dns.exception.Timeout, dns.resolver.NoNameservers, OSError) as error:
            raise UnansweredError(name) from error
        except (dns.exception.DNSException, UnicodeError, ValueError):  # no name that DNS could have: a label too long, an empty one
            return ()
        return tuple(_text(record, kind) for record in answer)


def _configured(servers: Sequence[str]) -> dns.resolver.Resolver | None:
    if not servers:
        try:
            return dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return None
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [_server(one) for one in servers]
    return resolver


def _server(text: str) -> dns.nameserver.Nameserver:
    address, colon, port = text.rpartition(":")
    if colon and (address.startswith("[") or ":" not in address):
        return dns.nameserver.Do53Nameserver(address.strip("[]"), int(port))
    return dns.nameserver.Do53Nameserver(text)


def _text(record: dns.rdata.Rdata, kind: str) -> str:
    return b"".join(record.strings).decode("latin-1") if kind == "TXT" else record.to_text().rstrip(".")  # type: ignore[attr-defined]


def _told(values: Values | None) -> str:
    if values is None:
        return "无应答"
    return "；".join(values) if values else "没有"
