"""Whose word counts about where a mail comes from: the configured server's uppermost, for the domain in From, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mime import read_letter
from store.model.letter import Authentication

SERVER = "mx.gov.example"
PASS = f"{SERVER}; spf=pass smtp.mailfrom=a@enterprise.example; dkim=pass header.d=enterprise.example; dmarc=pass header.from=enterprise.example"


def found(*fields: str, server: str = SERVER, sender: str = "沈 <boss@enterprise.example>") -> Authentication | None:
    """Return what is taken from a mail with these Authentication-Results, the uppermost first."""
    head = "".join(f"Authentication-Results: {field}\r\n" for field in fields)
    raw = f"{head}From: {sender}\r\nSubject: x\r\n\r\n签收\r\n".encode()
    return read_letter(raw, server=server).letter.authentication


def test_what_the_server_found() -> None:
    """Each method's result, by the server's name, whatever stands in comments, quotes, case and folds."""
    assert found(PASS) == Authentication(spf="pass", dkim="pass", dmarc="pass", by=SERVER)
    spoken = (
        'MX.gov.example 1;\r\n dkim=FAIL (bad; signature (x)) header.i=@mail.enterprise.example header.s="a;b";\r\n'
        " spf=softfail smtp.mailfrom=enterprise.example;\r\n\tdmarc=fail (p=NONE; (nested)) header.from=enterprise.example; arc=none"
    )
    assert found(spoken) == Authentication(spf="softfail", dkim="fail", dmarc="fail", arc="none", by=SERVER)


def test_others_are_ignored() -> None:
    """What the sender wrote himself counts for nothing: under another name, or below the server's own."""
    assert found("evil.example; dmarc=pass") is None
    assert found(PASS, server="") is None
    forged = found(f"{SERVER}; dmarc=fail header.from=enterprise.example", PASS)
    assert forged is not None
    assert forged.dmarc == "fail"
    assert forged.is_refuted
    behind = found("relay.example; dmarc=pass", PASS)
    assert behind is not None
    assert behind.by == SERVER


@pytest.mark.parametrize(
    ("field", "spf", "dkim"),
    [
        ("dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=x@evil.example", "", ""),
        ("dkim=fail header.d=enterprise.example; dkim=pass header.d=enterprise.example", "", "pass"),
        ("dkim=pass header.d=mail.enterprise.example; spf=fail smtp.mailfrom=enterprise.example", "fail", "pass"),
        ("dkim=pass header.d=example", "", ""),
        ("dkim=pass", "", ""),
        ("dmarc=pass header.from=evil.example; spf=fail", "fail", ""),
        ("spf=fail", "fail", ""),
        ("spf=wonderful; dkim=pass(header.d=enterprise.example)", "", ""),
    ],
)
def test_only_the_domain_in_from(field: str, spf: str, dkim: str) -> None:
    """A signature or an envelope of another domain says nothing about From."""
    authentication = found(f"{SERVER}; {field}")
    assert authentication is not None
    assert (authentication.spf, authentication.dkim, authentication.dmarc) == (spf, dkim, "")


@pytest.mark.parametrize(
    ("results", "refuted", "confirmed"),
    [
        ({"dmarc": "pass", "spf": "fail"}, False, True),
        ({"dmarc": "fail", "dkim": "pass"}, True, False),
        ({"spf": "fail"}, True, False),
        ({"spf": "fail", "dkim": "pass"}, False, False),
        ({"dkim": "fail", "spf": "softfail"}, True, False),
        ({"spf": "none", "dkim": "none", "dmarc": "none"}, False, False),
        ({"dmarc": "temperror"}, False, False),
        ({}, False, False),
    ],
)
def test_refuted_or_confirmed(results: dict[str, str], *, refuted: bool, confirmed: bool) -> None:
    """DMARC decides where it was looked at; else one failure without any success refutes. Nothing found is neither."""
    authentication = Authentication(**results)
    assert (authentication.is_refuted, authentication.is_confirmed) == (refuted, confirmed)


@given(field=st.text(alphabet=st.sampled_from('();="\\ a.dkimspf@\t'), max_size=300))
def test_hostile_fields(field: str) -> None:
    """No field breaks the reading."""
    authentication = found(f"{SERVER}; {field}")
    assert authentication is None or authentication.by == SERVER
