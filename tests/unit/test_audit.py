"""The chain of a case's history: intact ones pass, whatever was changed, removed, moved or slipped in is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.audit import Entry, Tail, digest_of, link, verify
from store.model.case import Event

MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]))
TEXTS = st.text(max_size=20)
DATA = st.dictionaries(
    TEXTS, st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3)), max_size=3
)
ENTRIES = st.builds(Entry, kind=TEXTS, at=MOMENTS, actor=TEXTS, reason=TEXTS, data=DATA)


def chain(entries: Sequence[Entry]) -> tuple[list[Event], Tail]:
    """Return the events of *entries* in a row, and where they end."""
    events: list[Event] = []
    tail = Tail()
    for entry in entries:
        events.append(link(tail, entry))
        tail = Tail(events[-1].seq, events[-1].digest)
    return events, tail


HISTORIES = st.lists(ENTRIES, min_size=1, max_size=6).map(chain)


@settings(max_examples=30)
@given(HISTORIES)
def test_intact_history_passes(history: tuple[list[Event], Tail]) -> None:
    """Whatever people write in reasons and data, an untouched chain has nothing wrong with it."""
    events, tail = history

    assert verify(events, tail) == []
    assert verify([], Tail()) == []
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


@settings(max_examples=30)
@given(
    HISTORIES,
    st.data(),
    st.sampled_from(
        [
            {"kind": "case.forged"},
            {"at": datetime(1999, 1, 1, tzinfo=UTC)},
            {"actor": "somebody else"},
            {"reason": "another reason entirely"},
            {"data": {"forged": True}},
            {"seq": 77},
            {"previous": "1" * 64},
            {"digest": "1" * 64},
        ]
    ),
)
def test_changed_event_is_found(history: tuple[list[Event], Tail], data: st.DataObject, forged: dict[str, object]) -> None:
    """Each field of each event is covered: kind, moment, actor, reason, data, place and digests."""
    events, tail = history
    place = data.draw(st.integers(0, len(events) - 1))
    events[place] = replace(events[place], **forged)  # type: ignore[arg-type]  # a table of fields

    assert verify(events, tail) != []


@settings(max_examples=30)
@given(HISTORIES, st.data())
def test_missing_event_is_found(history: tuple[list[Event], Tail], data: st.DataObject) -> None:
    """An event removed anywhere, at the end too, is missed."""
    events, tail = history
    del events[data.draw(st.integers(0, len(events) - 1))]

    assert verify(events, tail) != []


@settings(max_examples=30)
@given(st.lists(ENTRIES, min_size=2, max_size=6).map(chain), st.data())
def test_moved_event_is_found(history: tuple[list[Event], Tail], data: st.DataObject) -> None:
    """Two events that changed places are found, even if they say the same."""
    events, tail = history
    first, second = data.draw(st.lists(st.integers(0, len(events) - 1), min_size=2, max_size=2, unique=True))
    events[first], events[second] = events[second], events[first]

    assert verify(events, tail) != []


@settings(max_examples=30)
@given(HISTORIES, ENTRIES)
def test_added_event_is_found(history: tuple[list[Event], Tail], entry: Entry) -> None:
    """An event appended behind the case's back does not fit what the case remembers, well made as it may be."""
    events, tail = history

    assert verify([*events, link(tail, entry)], tail) != []


def test_changed_event_breaks_all_that_follow() -> None:
    """Somebody who rewrites an event and its digest must rewrite every later one as well."""
    events, _ = chain([Entry(kind=str(i), at=datetime(2024, 9, 2, tzinfo=UTC), actor="rules") for i in range(3)])
    (forged,), _ = chain([Entry(kind="forged", at=datetime(2024, 9, 2, tzinfo=UTC), actor="rules")])

    assert verify([forged, *events[1:]]) == ["第 2 条与第 1 条不衔接：中间的记录缺失、被移动或被替换"]


def test_reason_enters_by_its_digest() -> None:
    """The chain holds the digest of a person's words, not the words: they can be erased one day."""
    event = link(Tail(), Entry(kind="case.noted", at=datetime(2024, 9, 2, tzinfo=UTC), actor="李", reason="已电话联系张某"))

    assert event.data == {"reason_sha256": digest_of("已电话联系张某")}


def test_same_moment_in_another_zone_is_the_same_event() -> None:
    """The digest counts the moment, not the clock on the wall, since a database gives moments back in UTC."""
    at = datetime(2024, 9, 2, 9, 30, tzinfo=timezone(timedelta(hours=8)))

    assert link(Tail(), Entry(kind="k", at=at, actor="a")) == link(Tail(), Entry(kind="k", at=at.astimezone(UTC), actor="a"))


@pytest.mark.parametrize("text", ["\udce4", "\0", "a\udfff\0b"])
def test_text_that_no_database_keeps_is_chained_as_kept(text: str) -> None:
    """Lone surrogates and NUL are replaced before they are chained, so that the history read back still fits."""
    event = link(Tail(), Entry(kind="case.noted", at=datetime(2024, 9, 2, tzinfo=UTC), actor=text, reason=text))

    event.actor.encode()
    assert "\0" not in event.reason
    assert verify([event]) == []
