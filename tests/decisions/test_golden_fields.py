"""How well the fields of form 附件2 are read from the golden mails, letters and window notes, and that it does not get worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from channels.mime import read_letter, text_letter
from channels.petition import read_petition
from store.model.arrival import Channel
from store.model.petition import Petition

GOLDEN = Path("tests/golden")
CHANNELS = frozenset({Channel.MAIL, Channel.LETTER, Channel.WINDOW})
# Of the rows whose label says something, the share read exactly (apart from white space); of those whose label is null, how many
# values are read all the same. Measured: name 70 of 71, uscc 35 of 36, contact 70 of 70, phone 55 of 56, address 23 of 30; the misses
# stand in a PDF or are places told in passing.
FLOORS = {"name": 0.98, "uscc": 0.97, "contact": 0.98, "phone": 0.98, "address": 0.75}
FALSE_VALUES = {"name": 0, "uscc": 0, "contact": 1, "phone": 1, "address": 0}


def _rows() -> list[dict[str, Any]]:
    lines = (GOLDEN / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["channel"] in CHANNELS]


def _petition(row: dict[str, Any]) -> Petition:
    raw = (GOLDEN / "inputs" / row["input"]).read_bytes()
    channel = Channel(row["channel"])
    parts = read_letter(raw) if channel is Channel.MAIL else text_letter(raw)
    return read_petition(channel, parts.letter, parts.blobs)


@pytest.fixture(scope="module")
def read() -> list[tuple[dict[str, Any], Petition]]:
    """Every golden row of our channels with the petition read from it."""
    return [(row, _petition(row)) for row in _rows()]


def _squeezed(value: str | None) -> str:
    return "".join((value or "").split())


@pytest.mark.parametrize("field", FLOORS)
def test_share_read_exactly(read: list[tuple[dict[str, Any], Petition]], field: str) -> None:
    """A field that the letter states is read as it stands there, in at least the measured share of the rows."""
    wanted = [(row["input"], _squeezed(row["enterprise"][field]), getattr(petition, field)) for row, petition in read]
    stated = [(name, label, _squeezed(found and found.value)) for name, label, found in wanted if label]
    missed = [item for item in stated if item[1] != item[2]]

    assert 1 - len(missed) / len(stated) >= FLOORS[field], missed


@pytest.mark.parametrize("field", FALSE_VALUES)
def test_nothing_is_read_where_nothing_is_stated(read: list[tuple[dict[str, Any], Petition]], field: str) -> None:
    """A field that the letter does not state stays empty: a wrong value costs as much as a missing one."""
    invented = [
        (row["input"], getattr(petition, field).value)
        for row, petition in read
        if row["enterprise"][field] is None and getattr(petition, field) is not None
    ]

    assert len(invented) <= FALSE_VALUES[field], invented


def test_every_value_is_proved(read: list[tuple[dict[str, Any], Petition]]) -> None:
    """The span of each value quotes its source exactly."""
    for row, petition in read:
        letter = petition.letter
        sources = {"body": letter.text, "subject": letter.subject, "from": letter.sender.name if letter.sender else ""}
        sources |= {f"attachment:{name}": text for name, text in petition.attachment_texts.items()}
        for found in (petition.name, petition.uscc, petition.address, petition.contact, petition.phone):
            if found:
                assert sources[found.span.source][found.span.start : found.span.end] == found.span.text, row["input"]


def test_every_petition_has_a_title_and_its_words(read: list[tuple[dict[str, Any], Petition]]) -> None:
    """No row loses its matter: there is a title, and content wherever the sender wrote more than his signature."""
    assert [row["input"] for row, petition in read if not petition.title] == []
    assert {row["input"] for row, petition in read if not petition.content} <= {"A-034.eml"}  # its words all stand in the subject
