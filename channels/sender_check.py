"""Where a mail comes from, found out by ourselves: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489), ARC (RFC 8617). Alone imports pyspf.

The results are those that a server in front would write down (`channels.authentication`), and what they mean is one and the same. A fault
of the message never ends in "temperror": that is for DNS alone, since nothing is held for it and a stranger could provoke it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, replace

import spf

from channels.authentication import found_in
from channels.headers import addresses
from channels.name_service import Names, UnansweredError, Values
from channels.organisations import organisation_of, same_organisation
from channels.sender_signatures import Signature, Signed
from store.model.letter import Address, Authentication
from store.model.sender_check import OURSELVES, SenderCheck

_SPF = frozenset({"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the door knew of a mail: the address of the peer, MAIL FROM ("" is the null sender), and the author as the reader read him."""

    peer: str
    sender: str
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    """What a domain asks for in DMARC: whether a subdomain is as good as the domain itself."""

    strict_spf: bool
    strict_dkim: bool


def check(raw: bytes, envelope: Envelope, names: Names, *, sealers: Collection[str] = ()) -> SenderCheck:
    """Return whether the mail *raw* comes from the domain of its author, as far as can be told. *sealers* are domains whose ARC counts."""
    domain = _ascii(envelope.author.rpartition("@")[2])
    signed = Signed(raw, names.lookup)
    if not domain or not _has_one_author(signed, envelope.author):
        found = Authentication(dmarc="fail", by=OURSELVES)  # RFC 7489 6.6.1: a mail with two authors, or none, passes as nobody's
    else:
        found = _found(signed, envelope, domain, names, sealers)
    return SenderCheck(authentication=found, saw=names.saw())


def _found(signed: Signed, envelope: Envelope, domain: str, names: Names, sealers: Collection[str]) -> Authentication:
    try:
        policy, dmarc = _policy(domain, names), ""
    except UnansweredError:
        policy, dmarc = None, "temperror"
    sent_from = _ascii(envelope.sender.rpartition("@")[2])
    spf_result = _spf(envelope, sent_from, names) if same_organisation(sent_from, domain) else ""
    signatures = signed.signatures(domain)
    found = Authentication(spf=spf_result, dkim=_best(signatures), by=OURSELVES)
    if policy is None:
        return replace(found, dmarc=dmarc or "none")
    if (spf_result == "pass" and (sent_from == domain or not policy.strict_spf)) or any(
        one.result == "pass" and (one.domain == domain or not policy.strict_dkim) for one in signatures
    ):
        return replace(found, dmarc="pass")
    return _sealed(replace(found, dmarc=_without_pass(found, sent_from, domain, signatures)), signed, envelope.author, sealers)


def _without_pass(found: Authentication, sent_from: str, domain: str, signatures: list[Signature]) -> str:
    """Return the result of DMARC where nothing passes. Only the author's own domain excuses by its silence: a subdomain a stranger chose does not."""
    own = {domain, organisation_of(domain)}
    silent = {*([sent_from] if found.spf == "temperror" else []), *(one.domain for one in signatures if one.result == "temperror")}
    return "temperror" if silent & own else "fail"


def _sealed(found: Authentication, signed: Signed, author: str, sealers: Collection[str]) -> Authentication:
    """Believe those who passed the mail on and are trusted: what the first of them saw stands for what the last one broke."""
    if not sealers:
        return found
    try:
        said = signed.sealed_by(sealers)
    except UnansweredError:
        return replace(found, arc="temperror")
    except Exception:  # noqa: BLE001 - whatever a library raises on a stranger's bytes: no chain
        said = ""
    if not said:
        return found
    first = found_in(said, Address(name="", address=author))
    return replace(found, arc="pass", dmarc="pass" if first.dmarc == "pass" else found.dmarc)


def _has_one_author(signed: Signed, author: str) -> bool:
    """Say whether the mail has one From with one address, and it is *author*: what signers read must be what we read."""
    fields = signed.values(b"from")
    if len(fields) != 1:
        return False
    found = addresses(" ".join(fields[0].decode("utf-8", "replace").split()), 2)
    return [one.address for one in found] == [author]


def _policy(domain: str, names: Names) -> _Policy | None:
    """Return what DMARC says for *domain*, or for its organisation; None where neither says anything. Raises UnansweredError."""
    for place in dict.fromkeys((domain, organisation_of(domain))):
        records = [one for one in names.lookup(f"_dmarc.{place}", "TXT") if one.strip().lower().replace(" ", "").startswith("v=dmarc1")]
        if place and len(records) == 1:
            pairs = (part.partition("=") for part in records[0].split(";"))
            tags = {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
            return _Policy(strict_spf=tags.get("aspf") == "s", strict_dkim=tags.get("adkim") == "s")
    return None


def _best(signatures: list[Signature]) -> str:
    results = [one.result for one in signatures]
    return "pass" if "pass" in results else results[0] if results else "none"


def _spf(envelope: Envelope, domain: str, names: Names) -> str:
    """Return whether *domain* lets the peer send for it."""
    try:
        peer = ipaddress.ip_address(envelope.peer.partition("%")[0])
    except ValueError:
        return "none"  # a socket of the machine
    local = envelope.sender.rpartition("@")[0] or "postmaster"

    def lookup(name: str, kind: str, _strict: object = None, _seconds: object = None) -> list[tuple[tuple[str, str], object]]:
        try:
            return [((name, kind), value) for value in _for_pyspf(names.lookup(name, kind), kind)]
        except UnansweredError as error:
            raise spf.TempError(f"DNS {kind}") from error

    spf.DNSLookup = lookup  # pyspf has no other door for it; this process checks one mail at a time
    try:
        result = spf.query(i=str(peer), s=f"{local}@{domain}", h=domain).check()[0]
    except Exception:  # noqa: BLE001 - whatever a library raises on a stranger's record
        return "permerror"
    return str(result) if result in _SPF else "permerror"


def _for_pyspf(values: Values, kind: str) -> list[object]:
    if kind == "TXT":
        return [(value.encode("latin-1"),) for value in values]
    if kind == "MX":
        pairs = (value.split(" ", 1) for value in values)
        return [(int(rank), host) for rank, host in pairs]
    return list(values)


def _ascii(domain: str) -> str:
    """Return *domain* as DNS knows it, "" where it is none."""
    try:
        return domain.strip(".").lower() if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
