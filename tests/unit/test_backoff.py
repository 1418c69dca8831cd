"""When a notice is tried again, and when it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.backoff import PAUSES, next_pause

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("failures", "minutes"), [(0, 0), (1, 7.5), (2, 15), (3, 30), (4, 60), (5, 120), (6, 240), (7, 480), (8, 960)])
def test_the_pauses_double(failures: int, minutes: float) -> None:
    """From seven and a half minutes to sixteen hours, each at most a tenth longer than its figure."""
    pause = next_pause(failures, "id")

    assert pause is not None
    assert minutes * MINUTE <= pause <= minutes * 1.1 * MINUTE


def test_after_nine_tries_it_is_given_up() -> None:
    """A day and a third after the first try nobody waits any more."""
    assert next_pause(9, "id") is None
    assert sum(PAUSES, timedelta()) == timedelta(hours=31, minutes=52.5)


def test_a_number_of_tries_that_cannot_be_is_given_up() -> None:
    """A broken row does not come back for ever."""
    assert next_pause(-1, "id") is None
    assert next_pause(10**9, "id") is None


@given(key=st.text(), failures=st.integers(min_value=1, max_value=8))
def test_the_same_notice_waits_the_same_time(key: str, failures: int) -> None:
    """A restart in between changes nothing, and pauses grow from try to try."""
    pause, before = next_pause(failures, key), next_pause(failures - 1, key)

    assert pause == next_pause(failures, key)
    assert pause is not None
    assert before is not None
    assert pause > before


def test_notices_deferred_together_come_back_apart() -> None:
    """A relay that was down is not met by everything in the same second."""
    assert len({next_pause(3, str(number)) for number in range(50)}) > 40
