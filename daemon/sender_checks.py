"""Which mails we check ourselves, and what follows for their letter: those handed in at the SMTP door by anybody but a server of ours.

What a server of ours (`relays`) hands in keeps its own word (`authserv_id`). Everything behind the result is one way for both: rules, replies.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from channels.sender_checker import SenderChecker, Settings
from daemon.config import SenderCheckSection
from store.database import Database
from store.errors import TemporaryError, WorkerFailedError
from store.model.arrival import Channel, StoredArrival
from store.model.letter import Authentication
from store.model.petition import Reading
from store.sender_checks import SenderChecks as KeptChecks

log = structlog.get_logger()

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class SenderChecks:
    """The check of senders, where the configuration asks for it."""

    checker: SenderChecker
    kept: KeptChecks
    relays: Sequence[Network]
    now: Callable[[], datetime]

    async def checked(self, arrival: StoredArrival, reading: Reading) -> Reading:
        """Return *reading* with what we found about the author, once for all; as it is where the mail is not ours to check.

        Raises TemporaryError where nothing can be checked for a reason that lies with the machine.
        """
        if arrival.channel is not Channel.MAIL or arrival.door != "smtp" or self._is_relay(arrival.peer):
            return reading
        letter = reading.petition.letter
        found = await self._found(arrival, letter.sender.address) if letter.sender else None
        return replace(reading, petition=replace(reading.petition, letter=replace(letter, authentication=found)))

    async def _found(self, arrival: StoredArrival, author: str) -> Authentication:
        known = await self.kept.of(arrival.id)
        if known is None:
            try:
                check = await self.checker.check(arrival.raw, peer=arrival.peer, envelope_from=arrival.envelope_from, author=author)
            except WorkerFailedError as error:
                raise TemporaryError(f"暂时无法检验发件人：{error}") from error
            known = await self.kept.keep(arrival.id, arrival.district, check, now=self.now())
            found = known.authentication
            log.info(
                "sender.checked",
                arrival_id=arrival.id,
                refuted=found.is_refuted,
                spf=found.spf,
                dkim=found.dkim,
                dmarc=found.dmarc,
                arc=found.arc,
            )
        return known.authentication

    def _is_relay(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return True  # a socket of the machine: whoever may write to it is the administrator's
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self.relays)


@asynccontextmanager
async def open_sender_checks(
    section: SenderCheckSection | None, database: Database, *, now: Callable[[], datetime]
) -> AsyncIterator[SenderChecks | None]:
    """Give the check as configured, None where it is not wanted. A child is started with the first mail to check."""
    if section is None:
        yield None
        return
    settings = Settings(nameservers=section.nameservers, seconds=section.seconds, sealers=tuple(one.lower() for one in section.sealers))
    relays = [ipaddress.ip_network(one, strict=False) for one in section.relays]
    checker = SenderChecker(settings)
    try:
        yield SenderChecks(checker, KeptChecks(database), relays, now)
    finally:
        await checker.close()
