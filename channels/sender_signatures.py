"""The signatures of a mail, checked: DKIM (RFC 6376) of the author's organisation, and chains of ARC (RFC 8617) that begin and end with those trusted.

The only module that imports dkimpy. Signatures of other organisations say nothing of the author and are not looked at: what a stranger adds
costs no more than the limits here. What dkimpy would accept and we do not: a length (`l=`, behind which anything may be added), SHA-1 (RFC 8301).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import dkim
from dkim.util import parse_tag_value

from channels.name_service import UnansweredError
from channels.organisations import same_organisation

Lookup = Callable[[str, str], Sequence[str]]

_MAX_HEAD = 512 << 10  # bytes of header; more is not checked, and so proves nothing
_LOOKED_AT = 50  # signatures whose domain is read
_VERIFIED = 3  # signatures that are computed
_MOST_SEALS = 10
_ALGORITHMS = frozenset({b"rsa-sha256", b"ed25519-sha256"})
_SHORTEST_KEY = 1024  # bits (RFC 8301 3.2)
_QUIET = logging.getLogger("channels.sender_signatures.dkimpy")  # what it says holds words of the message
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of the author's organisation: its domain, and its result in the words of RFC 8601."""

    domain: str
    result: str


class Signed:
    """A mail as those who signed it saw it."""

    def __init__(self, raw: bytes, lookup: Lookup) -> None:
        """Take *raw* apart; `authors` is empty where it cannot be. Keys are asked of *lookup*, which may raise UnansweredError."""
        self._lookup = lookup
        self._raw = raw
        self._headers: list[tuple[bytes, bytes]] = []
        if 0 <= _end_of_head(raw) <= _MAX_HEAD:
            try:
                self._headers = [(name.lower(), value) for name, value in _parsed(raw)]
            except Exception:  # noqa: BLE001 - whatever a library raises on a stranger's bytes: nothing is proved by them
                self._headers = []

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of the field *name* (lower case)."""
        return [value for found, value in self._headers if found == name]

    def signatures(self, domain: str) -> list[Signature]:
        """Return the first few signatures of the organisation of *domain* with their results."""
        found: list[Signature] = []
        for place, value in enumerate(self.values(b"dkim-signature")[:_LOOKED_AT]):
            signer = _tag(value, b"d")
            if signer and same_organisation(signer, domain):
                found.append(Signature(signer, self._verified(place)))
            if len(found) == _VERIFIED:
                break
        return found

    def sealed_by(self, sealers: Collection[str]) -> str:
        """Return what the first server of the chain of ARC found out, its ARC-Authentication-Results without `i=`.

        "" where there is no chain, it is broken, or any of its seals is of a domain not in *sealers* (lower case).
        """
        seals = self.values(b"arc-seal")
        if not seals or len(seals) > _MOST_SEALS or any(_tag(seal, b"d") not in sealers for seal in seals):
            return ""
        verdict, sets, _reason = dkim.ARC(self._raw, logger=_QUIET, minkey=_SHORTEST_KEY).verify(dnsfunc=self._key)
        signers = [one[name].decode("latin-1").lower() for one in sets for name in ("ams-domain", "as-domain")]
        if verdict != dkim.CV_Pass or any(signer not in sealers for signer in signers):
            return ""
        first = next(one["aar-value"] for one in sets if one["instance"] == 1)
        return str(first.decode("latin-1").partition(";")[2])

    def _verified(self, place: int) -> str:
        """Return the result of the DKIM-Signature at *place*; raises UnansweredError."""
        signer = dkim.DKIM(self._raw, logger=_QUIET, minkey=_SHORTEST_KEY)
        try:
            tags = parse_tag_value(self.values(b"dkim-signature")[place])
            if b"l" in tags or tags.get(b"a") not in _ALGORITHMS or b"from" not in _signed_fields(tags):
                return "policy"
            is_good = signer.verify(idx=place, dnsfunc=self._key)
        except UnansweredError:
            return "temperror"
        except Exception:  # noqa: BLE001 - as above
            is_good = False
        if is_good:
            return "pass"
        if not signer.keysize:  # it did not come as far as a key
            return "permerror"
        return "policy" if signer.keysize < _SHORTEST_KEY else "fail"

    def _key(self, name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG002 - dkimpy's signature
        records = self._lookup(name.decode("latin-1"), "TXT")
        return next((one.encode("latin-1") for one in records if "p=" in one), None)


def _parsed(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Return the header fields as dkimpy reads them, for only what it reads is signed."""
    return [(bytes(name), bytes(value)) for name, value in dkim.rfc822_parse(raw[: _end_of_head(raw)])[0]]


def _end_of_head(raw: bytes) -> int:
    ends = [end for mark in (b"\r\n\r\n", b"\n\n", b"\n\r\n") if (end := raw.find(mark, 0, _MAX_HEAD + 4)) >= 0]
    return min(ends) if ends else (len(raw) if len(raw) <= _MAX_HEAD else -1)


def _tag(value: bytes, name: bytes) -> str:
    try:
        return str(parse_tag_value(value).get(name, b"").decode("ascii").strip().lower())
    except (dkim.InvalidTagValueList, UnicodeDecodeError):
        return ""


def _signed_fields(tags: dict[bytes, bytes]) -> set[bytes]:
    return {field.strip().lower() for field in tags.get(b"h", b"").split(b":")}
