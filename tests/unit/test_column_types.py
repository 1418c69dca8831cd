"""How moments and strangers' texts pass into columns and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from store.model.case import CaseState
from store.tables.columns import PlainText, UtcDateTime, plain

SQLITE = sqlite.dialect()


@settings(max_examples=30)
@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - bounds have no zone
def test_moment_comes_back_aware(moment: datetime) -> None:
    """On SQLite too a moment comes back as the same moment, in UTC."""
    column = UtcDateTime()

    kept = column.process_bind_param(moment, SQLITE)
    back = column.process_result_value(kept, SQLITE)

    assert (kept.tzinfo if kept else UTC) is None
    assert back == moment.astimezone(UTC)
    assert back is not None
    assert back.tzinfo is UTC


def test_earlier_moments_sort_first() -> None:
    """Two moments told by different clocks are kept in their true order."""
    column = UtcDateTime()
    morning_here = datetime(2024, 9, 2, 9, tzinfo=timezone(timedelta(hours=8)))
    later_there = datetime(2024, 9, 2, 2, tzinfo=UTC)

    assert str(column.process_bind_param(morning_here, SQLITE)) < str(column.process_bind_param(later_there, SQLITE))


def test_moment_without_zone_is_refused() -> None:
    """Nobody knows when a naive moment was."""
    with pytest.raises(ValueError, match="without time zone"):
        UtcDateTime().process_bind_param(datetime(2024, 9, 2), SQLITE)  # noqa: DTZ001 - the mistake in question


def test_nothing_stays_nothing() -> None:
    """An empty column is empty both ways."""
    assert UtcDateTime().process_bind_param(None, SQLITE) is None
    assert UtcDateTime().process_result_value(None, SQLITE) is None
    assert PlainText().process_bind_param(None, SQLITE) is None


@given(st.text(st.characters()) | st.just("\ud83d\0"))
def test_plain_text_can_be_kept_anywhere(text: str) -> None:
    """Whatever a stranger wrote, what is bound has no lone surrogate and no NUL; good text is not touched."""
    kept = plain(text)

    assert kept.encode().decode() == kept
    assert "\0" not in kept
    assert kept == text or "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)


def test_enumeration_is_kept_as_its_value() -> None:
    """A state lies in its column as the word, whatever a driver thinks of enumerations."""
    assert type(PlainText().process_bind_param(CaseState.ASSIGNED, SQLITE)) is str
