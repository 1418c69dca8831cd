"""Our own check of senders: real keys and signatures, the names of DNS in a dict."""

from __future__ import annotations

import pytest

from channels.name_service import Names, UnansweredError, Values
from channels.sender_check import Envelope, check
from store.model.letter import Authentication
from tests.servers.names import Zone, key_record, private_key, sealed, short_key, signed, zone

FIRM, AUTHOR, PEER = "firm.com.cn", "boss@firm.com.cn", "192.0.2.7"
REJECT = "v=DMARC1; p=reject"
MAIL = (
    b"From: =?utf-8?b?5rKI?= <boss@firm.com.cn>\r\nTo: zuozhen@cg.example\r\nSubject: Re: 1\r\nMessage-ID: <1@firm.com.cn>\r\n"
    b"Date: Wed, 09 Oct 2024 09:30:00 +0800\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"\xe6\xbb\xa1\xe6\x84\x8f\r\n"
)


class Dict:
    """A resolver that reads a zone; names in *mute* get no answer."""

    def __init__(self, records: Zone, mute: tuple[str, ...] = ()) -> None:
        """Answer from *records*."""
        self.records, self.mute, self.asked = records, mute, list[str]()

    def ask(self, name: str, kind: str, seconds: float) -> Values:
        """Answer one question."""
        assert seconds > 0
        self.asked.append(name)
        if name in self.mute:
            raise UnansweredError(name)
        return [one.rstrip(".") for one in self.records.get((name, kind), [])]


def found(  # noqa: PLR0913 - what a case of the table may change
    raw: bytes,
    records: Zone,
    *,
    sender: str = "bounce@elsewhere.example",
    peer: str = PEER,
    author: str = AUTHOR,
    mute: tuple[str, ...] = (),
    sealers: tuple[str, ...] = (),
) -> Authentication:
    """Return what is found about *raw*."""
    envelope = Envelope(peer=peer, sender=sender, author=author)
    return check(raw, envelope, Names(Dict(records, mute), seconds=5, clock=lambda: 0.0), sealers=sealers).authentication


def test_a_signature_of_the_author_passes() -> None:
    """A mail that its author's domain signed is confirmed, wherever it came from; what was seen in DNS is kept."""
    names = Names(Dict(zone({FIRM: REJECT})), seconds=5, clock=lambda: 0.0)
    seen = check(signed(MAIL, FIRM), Envelope(peer=PEER, sender="bounce@elsewhere.example", author=AUTHOR), names)
    assert seen.authentication == Authentication(dkim="pass", dmarc="pass", by="本系统")
    assert seen.authentication.is_confirmed
    assert any(line == f"TXT _dmarc.{FIRM}: {REJECT}" for line in seen.saw)
    assert any(line.startswith(f"TXT mail._domainkey.{FIRM}: v=DKIM1; k=rsa; p=") for line in seen.saw)


SIGNED = signed(MAIL, FIRM)


@pytest.mark.parametrize(
    ("raw", "dkim_result"),
    [
        (MAIL, "none"),
        (SIGNED.replace("满意".encode(), "不满".encode()), "fail"),
        (signed(MAIL, "evil.example"), "none"),
        (signed(MAIL, FIRM, key=private_key(2048, "stolen")), "fail"),
        (signed(MAIL, FIRM, length=True) + "不满意".encode(), "policy"),
        (signed(MAIL, FIRM, signature_algorithm=b"rsa-sha256").replace(b"a=rsa-sha256", b"a=rsa-sha1"), "policy"),
        (signed(MAIL, FIRM).replace(b"s=mail", b"s=gone"), "permerror"),
        (b"From: boss@firm.com.cn\r\n" + SIGNED, ""),
        (SIGNED.replace(b"boss@firm.com.cn>\r\n", b"boss@firm.com.cn>, thief@evil.example\r\n"), ""),
        (SIGNED.replace(b"From:", b"X-From:"), ""),
        (b" folded\r\n" + SIGNED, ""),
        (b"\xff\xfe: x\r\n" + SIGNED, ""),
    ],
    ids=[
        "unsigned",
        "altered",
        "stranger's",
        "wrong key",
        "length",
        "sha1",
        "no key",
        "two From",
        "two authors",
        "no From",
        "folded",
        "junk",
    ],
)
def test_what_does_not_pass_is_refuted(raw: bytes, dkim_result: str) -> None:
    """Where the domain publishes a policy, whatever is not shown to be the author's is refuted; no fault of a mail counts as trouble of DNS."""
    authentication = found(raw, zone({FIRM: REJECT, "evil.example": ""}))
    assert (authentication.dkim, authentication.dmarc) == (dkim_result, "fail")
    assert authentication.is_refuted


def test_a_key_too_short_proves_nothing() -> None:
    """A key that can be broken in a day (RFC 8301) is not a signature; one of 1024 bits still is."""
    place = ("mail._domainkey." + FIRM, "TXT")
    usual = zone({FIRM: REJECT}) | {place: [key_record(1024, "small")]}
    assert found(signed(MAIL, FIRM, key=private_key(1024, "small")), usual).dkim == "pass"
    pem, record = short_key()
    short = found(signed(MAIL, FIRM, key=pem), zone({FIRM: REJECT}) | {place: [record]})
    assert (short.dkim, short.dmarc) == ("policy", "fail")


@pytest.mark.parametrize(
    ("record", "sender", "spf_result", "dmarc"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", f"a@{FIRM}", "pass", "pass"),
        ("v=spf1 ip4:198.51.100.1 -all", f"a@{FIRM}", "fail", "fail"),
        ("v=spf1 mx -all", f"a@{FIRM}", "pass", "pass"),
        ("v=spf1 include:loop.example -all", f"a@{FIRM}", "permerror", "fail"),
        ("v=spf1 ip4:192.0.2.7 -all", "a@elsewhere.example", "", "fail"),
        ("v=spf1 ip4:192.0.2.7 -all", "", "", "fail"),
    ],
)
def test_spf(record: str, sender: str, spf_result: str, dmarc: str) -> None:
    """SPF speaks of the peer and the envelope, and counts where that is the author's organisation."""
    records = zone({FIRM: REJECT}, spf={FIRM: record, "elsewhere.example": record, "loop.example": "v=spf1 include:loop.example -all"})
    records["mx." + FIRM, "A"] = [PEER]
    authentication = found(MAIL, records, sender=sender)
    assert (authentication.spf, authentication.dmarc) == (spf_result, dmarc)


def test_alignment() -> None:
    """A subdomain is as good as its organisation unless the policy says strict; two firms under com.cn are never one."""
    strict = zone({FIRM: "v=DMARC1; p=reject; adkim=s; aspf=s", "news." + FIRM: ""})
    relaxed = zone({FIRM: REJECT, "news." + FIRM: "", "com.cn": "", "other.com.cn": ""})
    assert found(signed(MAIL, "news." + FIRM), relaxed).dmarc == "pass"
    assert found(signed(MAIL, "news." + FIRM), strict).dmarc == "fail"
    assert found(signed(MAIL, "com.cn"), relaxed).dmarc == "fail"
    assert found(signed(MAIL, "other.com.cn"), relaxed).dmarc == "fail"


def test_the_policy_of_the_organisation_holds_for_its_parts() -> None:
    """A subdomain without a record of its own is under that of its organisation."""
    raw = MAIL.replace(b"boss@firm.com.cn", b"boss@sales.firm.com.cn")
    assert found(raw, zone({FIRM: REJECT}), author="boss@sales.firm.com.cn").dmarc == "fail"


def test_without_policy_spf_alone_may_refute() -> None:
    """A domain that publishes no DMARC is refuted by its own SPF only; with nothing published nothing is known."""
    nothing = found(MAIL, {}, sender=AUTHOR)
    assert nothing == Authentication(spf="none", dkim="none", dmarc="none", by="本系统")
    assert not nothing.is_refuted
    forbidden = found(MAIL, zone({}, spf={FIRM: "v=spf1 -all"}), sender=AUTHOR)
    assert (forbidden.spf, forbidden.dmarc, forbidden.is_refuted) == ("fail", "none", True)
    signed_too = found(SIGNED, zone({FIRM: ""}, spf={FIRM: "v=spf1 -all"}), sender=AUTHOR)
    assert (signed_too.dkim, signed_too.is_refuted) == ("pass", False)


def test_dns_that_does_not_answer_refutes_nothing() -> None:
    """Silence of DNS is "temperror" and holds no mail; but a mute subdomain that a forger names in his envelope or signature excuses nothing."""
    records = zone({FIRM: REJECT})
    assert found(SIGNED, records, mute=("_dmarc." + FIRM,)).dmarc == "temperror"
    assert found(SIGNED, records, mute=("mail._domainkey." + FIRM,)) == Authentication(dkim="temperror", dmarc="temperror", by="本系统")
    assert not found(SIGNED, records, mute=("mail._domainkey." + FIRM,)).is_refuted
    lame = found(signed(MAIL, "lame." + FIRM), records, sender="a@lame." + FIRM, mute=("lame." + FIRM, "mail._domainkey.lame." + FIRM))
    assert (lame.spf, lame.dkim, lame.dmarc) == ("temperror", "temperror", "fail")


def test_no_more_is_asked_than_may_be() -> None:
    """A record that sends us from name to name ends, and so does a mail with thousands of signatures: few are looked at."""
    names = Dict(zone({FIRM: REJECT}, spf={FIRM: "v=spf1 " + " ".join(f"include:s{n}.example" for n in range(200)) + " -all"}))
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=firm.com.cn; s=s%d; h=from; bh=YQ==; b=YQ==\r\n"
    raw = b"".join(field % number for number in range(3_000)) + MAIL
    authentication = check(
        raw, Envelope(peer=PEER, sender=AUTHOR, author=AUTHOR), Names(names, seconds=5, clock=lambda: 0.0)
    ).authentication
    assert (authentication.dkim, authentication.dmarc) == ("permerror", "fail")
    assert len(names.asked) < 20
    huge = b"DKIM-Signature: v=1; d=firm.com.cn; b=" + b"A" * (2 << 20) + b"\r\n" + SIGNED
    assert found(huge, zone({FIRM: REJECT})).dmarc == "fail"


def test_time_is_up() -> None:
    """After its seconds nothing more is asked, and what is missing counts as unanswered."""
    moments = iter((0.0, *[9.0] * 50))
    resolver = Dict(zone({FIRM: REJECT}))
    names = Names(resolver, seconds=5, clock=lambda: next(moments))
    authentication = check(SIGNED, Envelope(peer=PEER, sender=AUTHOR, author=AUTHOR), names).authentication
    assert (authentication.dkim, authentication.spf, authentication.dmarc) == ("temperror", "temperror", "temperror")
    assert resolver.asked == []


LIST = "lists.example"
SEEN = "dkim=pass header.d=firm.com.cn; dmarc=pass header.from=firm.com.cn"


def passed_on(results: str = SEEN, *, domain: str = LIST) -> bytes:
    """Return the mail as a list passes it on: a line added below, its signature broken, sealed by *domain*."""
    return sealed(SIGNED + "-- \r\n请勿转发\r\n".encode(), domain, results, server="mx." + domain)


def test_arc_of_a_trusted_sealer_only() -> None:
    """A list that broke the signature is believed where its seal is trusted, holds, and says that the mail had passed."""
    records = zone({FIRM: REJECT, LIST: "", "evil.example": ""})
    good = found(passed_on(), records, sealers=(LIST,))
    assert (good.dkim, good.arc, good.dmarc) == ("fail", "pass", "pass")
    refused = [
        found(passed_on(), records),
        found(passed_on(domain="evil.example"), records, sealers=(LIST,)),
        found(passed_on().replace("请勿".encode(), "务必".encode()), records, sealers=(LIST,)),
        found(passed_on("dmarc=fail header.from=firm.com.cn"), records, sealers=(LIST,)),
        found(passed_on("dmarc=pass header.from=evil.example"), records, sealers=(LIST,)),
        found(sealed(passed_on(domain="evil.example"), LIST, "arc=pass", server="mx." + LIST), records, sealers=(LIST,)),
    ]
    assert [one.dmarc for one in refused] == ["fail"] * len(refused)
