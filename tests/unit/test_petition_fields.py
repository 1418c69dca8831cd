"""The fields of form 附件2 read from letters of many kinds (tests/unit/letters.py): the recognisers hold for the kind, not for one example."""

from __future__ import annotations

import pytest

from channels.petition import read_petition
from store.model import Found, Petition
from tests.unit.letters import SAMPLES, Sample, letter_of


def _read(sample: Sample) -> Petition:
    return read_petition(sample.channel, letter_of(sample.text, subject=sample.subject, sender=sample.sender), {})


def _squeezed(value: str | None) -> str | None:
    return None if value is None else "".join(value.split())


def _value(found: Found | None) -> str | None:
    return _squeezed(found.value) if found else None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_fields(sample: Sample) -> None:
    """What a careful clerk would copy is read, and nothing else: no counterparty, no office's number, no word that only looks like a name."""
    petition = _read(sample)

    read = {key: _value(getattr(petition, key)) for key in ("name", "uscc", "contact", "phone")}
    assert read == {key: _squeezed(getattr(sample, key)) for key in read}
    if sample.address != "?":
        assert _value(petition.address) == _squeezed(sample.address)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_value_is_proved_by_its_place(sample: Sample) -> None:
    """A span quotes its source exactly, and the value is those words apart from white space."""
    petition = _read(sample)
    sources = {"body": sample.text, "subject": sample.subject, "from": sample.sender}

    for found in (petition.name, petition.uscc, petition.address, petition.contact, petition.phone):
        if found:
            assert sources[found.span.source][found.span.start : found.span.end] == found.span.text
            assert _squeezed(found.value) == _squeezed(found.span.text)
