"""The table of a case's life: every state can be reached and left, and nobody does what is not his."""

from collections.abc import Iterable

import pytest

from store.errors import UsageError
from store.life import BY_NAME, FINISHED, ROLE_WORDS, STATE_WORDS, STEPS, Role, possible, require, step_for
from store.model.case import CaseState

OPENING = {CaseState.UNDER_REVIEW, CaseState.ASSIGNED, CaseState.AWAITING_SUPPLEMENT, CaseState.REFUSED}  # by the rules


def reachable(start: Iterable[CaseState]) -> set[CaseState]:
    """Return every state to which some chain of steps leads from *start*."""
    found = set(start)
    while more := {state for step in STEPS if step.sources & found for state in step.to} - found:
        found |= more
    return found


def test_every_state_is_reached_and_named() -> None:
    """From the states in which a case may open, every other can come about, and each has its Chinese name."""
    assert reachable(OPENING) == set(CaseState)
    assert set(STATE_WORDS) == set(CaseState)
    assert set(ROLE_WORDS) == set(Role)


@pytest.mark.parametrize("state", set(CaseState) - FINISHED)
def test_nothing_open_is_stuck(state: CaseState) -> None:
    """From every open state the case can be brought to an end."""
    assert reachable({state}) & FINISHED


@pytest.mark.parametrize("state", FINISHED)
def test_the_end_is_an_end_for_departments(state: CaseState) -> None:
    """Once a case is finished only the coordinator can move it again."""
    assert all(step.roles == (Role.COORDINATOR,) for step in possible(state))


def test_only_the_coordinator_closes() -> None:
    """销号 is the coordinator's (CG-3.7): neither the department nor the enterprise can do it."""
    for role in (Role.DEPARTMENT, Role.ENTERPRISE):
        with pytest.raises(UsageError, match="销号只能由统筹部门（--as coordinator）来做"):
            step_for("close", CaseState.RATED, role, "CG-1")


def test_departments_do_not_rate_themselves() -> None:
    """The rating is the enterprise's own word (附件5); the coordinator may enter it, the department may not."""
    with pytest.raises(UsageError, match="企业评价只能由"):
        step_for("rate", CaseState.ANSWERED, Role.DEPARTMENT, "CG-1")


def test_what_is_not_possible_says_what_is() -> None:
    """The error names the state in Chinese and lists what can be done instead; a finished case says so."""
    with pytest.raises(UsageError, match=r"CG-1 现为“已交办”，不能销号；现在可以：.*acknowledge（签收）"):
        step_for("close", CaseState.ASSIGNED, Role.COORDINATOR, "CG-1")
    with pytest.raises(UsageError, match="现在可以：没有（此件已办结"):
        step_for("answer", CaseState.MERGED, Role.DEPARTMENT, "CG-1")
    with pytest.raises(UsageError, match="没有名为 clsoe 的事件；有：confirm"):
        step_for("clsoe", CaseState.ASSIGNED, Role.COORDINATOR, "CG-1")


@pytest.mark.parametrize("old", CaseState)
@pytest.mark.parametrize("new", CaseState)
def test_the_store_lets_through_exactly_the_table(old: CaseState, new: CaseState) -> None:
    """For every pair of states and every event, what the table has is allowed and what it lacks is refused."""
    for step in STEPS:
        allowed = old is new or (old in step.sources and new in step.to)
        try:
            require(step.kind, old, new, "CG-1")
        except UsageError:
            assert not allowed, (step.name, old, new)
        else:
            assert allowed, (step.name, old, new)


def test_an_event_outside_the_table_changes_no_state() -> None:
    """A note or a notice sent leaves the state alone, and cannot be used to change it."""
    require("case.noted", CaseState.ASSIGNED, CaseState.ASSIGNED, "CG-1")
    with pytest.raises(UsageError, match=r"不能case[.]noted"):
        require("case.noted", CaseState.ASSIGNED, CaseState.CLOSED, "CG-1")


def test_names_and_kinds_are_unique() -> None:
    """No two steps share a name or the kind under which they stand in the history."""
    assert len(BY_NAME) == len(STEPS) == len({step.kind for step in STEPS})
