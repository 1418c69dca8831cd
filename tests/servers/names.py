"""A DNS server of the test on loopback, and keys that sign mails as their domains would."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import dkim
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

Zone = dict[tuple[str, str], list[str]]  # (name, kind) → records; of TXT the text without quotes


@dataclass(slots=True)
class NameServer(asyncio.DatagramProtocol):
    """Answers what stands in `zone`; a name in `mute` gets no answer at all, and nothing does where `is_mute`."""

    zone: Zone
    mute: set[str] = field(default_factory=set)
    is_mute: bool = False
    port: int = 0
    asked: list[str] = field(default_factory=list)
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        question = dns.message.from_wire(data)
        asked = question.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append(f"{kind} {name}")
        if self.is_mute or name in self.mute:
            return
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        records = self.zone.get((name, kind), [])
        if records:
            texts = [_quoted(one) if kind == "TXT" else one for one in records]
            answer.answer.append(dns.rrset.from_text_list(asked.name, 60, "IN", kind, texts))
        elif name and not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[NameServer]:
    """Run the server on a free port of loopback."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(lambda: NameServer(zone), local_addr=("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()


@cache
def private_key(bits: int = 2048, name: str = "") -> bytes:
    """Return a new RSA key as PEM, one for each *name* in a test process."""
    return _key(bits, name).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def key_record(bits: int = 2048, name: str = "") -> str:
    """Return what the domain publishes of that key."""
    der = _key(bits, name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()


@cache
def _key(bits: int, name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def signed(raw: bytes, domain: str, *, key: bytes | None = None, **how: object) -> bytes:
    """Return *raw* with a DKIM-Signature of *domain* (selector "mail") above it."""
    return bytes(dkim.sign(raw, b"mail", domain.encode(), key or private_key(), **how)) + raw


def sealed(raw: bytes, domain: str, results: str, *, server: str) -> bytes:
    """Return *raw* as *server* of *domain* passes it on: with its *results*, sealed with ARC."""
    seen = f"Authentication-Results: {server}; {results}\r\n".encode() + raw
    chain: Sequence[bytes] = dkim.arc_sign(seen, b"mail", domain.encode(), private_key(), server.encode())
    return b"".join(chain) + raw


def zone(domains: Mapping[str, str], *, spf: Mapping[str, str] | None = None) -> Zone:
    """Return a zone in which each of *domains* has its key at selector "mail" and the DMARC record given ("" for none)."""
    found: Zone = {}
    for domain, policy in domains.items():
        found["mail._domainkey." + domain, "TXT"] = [key_record()]
        found[domain, "MX"] = [f"10 mx.{domain}."]
        if policy:
            found["_dmarc." + domain, "TXT"] = [policy]
    for domain, record in (spf or {}).items():
        found[domain, "TXT"] = [record]
    return found


def _quoted(text: str) -> str:
    return " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))


def short_key(bits: int = 768) -> tuple[bytes, str]:
    """Return a key as nobody makes it any more (our own libraries refuse), as PEM and as its domain publishes it."""
    half, power = bits // 2, 65_537
    first, second = _prime(half), _prime(half)
    private = pow(power, -1, (first - 1) * (second - 1))
    numbers = [0, first * second, power, private, first, second, private % (first - 1), private % (second - 1), pow(second, -1, first)]
    der, public = _sequence(numbers), _sequence([first * second, power])
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PRIVATE KEY-----\n"
    return pem, "v=DKIM1; p=" + base64.b64encode(public).decode()


def _sequence(numbers: Sequence[int]) -> bytes:
    """Return whole numbers in DER."""
    return _der(0x30, b"".join(_der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers))


def _der(kind: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([kind, size] if size < 128 else [kind, 0x82, *size.to_bytes(2, "big")]) + content


def _prime(bits: int) -> int:
    """Return a number of so many bits that passes for a prime (Fermat), none beside a multiple of 65537."""
    while True:
        found = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if all(pow(base, found - 1, found) == 1 for base in (2, 3, 5, 7)) and found % 65_537 != 1:
            return found
