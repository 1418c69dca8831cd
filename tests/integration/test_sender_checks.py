"""Which mails we check ourselves, and that what was found holds whoever reads the arrival again; on both databases."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from channels.sender_checker import SenderChecker
from daemon.sender_checks import SenderChecks
from store.errors import TemporaryError, WorkerFailedError
from store.model.arrival import Channel, StoredArrival
from store.model.letter import Address, Authentication
from store.model.petition import Reading
from store.model.sender_check import OURSELVES, SenderCheck
from store.sender_checks import SenderChecks as KeptChecks
from tests.integration.store_values import NOW, Store, arrival, letter, opened, petition

READING = Reading(petition=petition(letter=letter(sender=Address(name="", address="a@firm.example"))), blobs={})
FAILED = SenderCheck(authentication=Authentication(dmarc="fail", by=OURSELVES), saw=("TXT _dmarc.firm.example: v=DMARC1; p=reject",))
PASSED = SenderCheck(authentication=Authentication(dmarc="pass", by=OURSELVES))


class _Checker:
    """A checker whose answers are given, since what DNS says of one mail cannot be changed between two looks; it counts how often it is asked."""

    def __init__(self, *answers: SenderCheck | None) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def check(self, _raw: bytes, **_envelope: str) -> SenderCheck:
        self.asked += 1
        answer = self._answers.pop(0)
        if answer is None:
            raise WorkerFailedError("子进程起不来")
        return answer


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Open a store on a fresh database of either kind."""
    async with opened(database_url) as store:
        yield store


def _checks(store: Store, checker: _Checker) -> SenderChecks:
    networks = [ipaddress.ip_network("10.1.2.0/24"), ipaddress.ip_network("2001:db8::/32")]
    return SenderChecks(cast("SenderChecker", checker), KeptChecks(store.db), networks, lambda: NOW)


async def _mail(store: Store, peer: str) -> StoredArrival:
    return await store.accept(arrival(door="smtp", peer=peer))


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "fe80::1%eth0", ""])
async def test_what_a_server_of_ours_hands_in_keeps_its_own_word(store: Store, peer: str) -> None:
    """A relay, by whichever form of its address, and a socket of the machine are believed; anybody else is checked, a link-local one too."""
    checker = _Checker(FAILED)
    reading = await _checks(store, checker).checked(await _mail(store, peer), READING)
    is_stranger = peer.startswith("fe80")
    assert checker.asked == is_stranger
    assert (reading is READING) is not is_stranger


@pytest.mark.parametrize("changes", [{"door": "imap"}, {"door": "smtp", "channel": Channel.FAX}])
async def test_only_mail_at_our_own_door_is_checked(store: Store, changes: dict[str, object]) -> None:
    """What came out of a mailbox, and what is no mail, is none of ours to check."""
    checker = _Checker()
    taken = await store.accept(arrival(**{"peer": "192.0.2.1", **changes}))
    assert await _checks(store, checker).checked(taken, READING) is READING


async def test_what_was_found_holds(store: Store) -> None:
    """An arrival that is read again, after a crash or years later, gives what DNS said at the first time; another mail is asked about anew."""
    checker = _Checker(FAILED, PASSED)
    checks, mail = _checks(store, checker), await _mail(store, "192.0.2.1")
    first = await checks.checked(mail, READING)
    again = await checks.checked(mail, READING)
    assert first.petition.letter.authentication == again.petition.letter.authentication == FAILED.authentication
    assert checker.asked == 1
    assert await checks.kept.of(mail.id) == FAILED
    assert await checks.kept.keep(mail.id, mail.district, PASSED, now=NOW + timedelta(days=1)) == FAILED  # who was slower

    other = await checks.checked(await store.accept(arrival("2", door="smtp", peer="192.0.2.1")), READING)
    assert other.petition.letter.authentication == PASSED.authentication


async def test_a_machine_that_cannot_check_is_tried_again(store: Store) -> None:
    """Where no child can be had, nothing is kept and the arrival waits: a mail is not believed for our own trouble."""
    checks, mail = _checks(store, _Checker(None)), await _mail(store, "192.0.2.1")
    with pytest.raises(TemporaryError, match="暂时无法检验发件人"):
        await checks.checked(mail, READING)
    assert await checks.kept.of(mail.id) is None


async def test_a_mail_without_an_author_is_not_asked_about(store: Store) -> None:
    """Nobody's mail says nothing of anybody, and no question leaves for it."""
    checker = _Checker()
    nobody = replace(READING, petition=replace(READING.petition, letter=replace(READING.petition.letter, sender=None)))
    found = await _checks(store, checker).checked(await _mail(store, "192.0.2.1"), nobody)
    assert (found.petition.letter.authentication, checker.asked) == (None, 0)
