"""Who hears of a deadline: whoever owes it, his superiors by rank, the coordinator, and the offices that get a copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.address_book import Addresses
from notifier.compose import Composer
from notifier.recipients import Recipients
from notifier.reminders import Item, Occasion
from store.model.letter import Address
from tests.sample_case import ADDRESSES, CASE, COORDINATOR, DISTRICT, DUE, SENDER
from tests.sample_case import FLOWERS as MAILBOX

NAME = "区斗南花卉产业综合服务中心"
FLOWERS = replace(MAILBOX, name=NAME)  # as the mail is addressed
HEAD = Address(name="", address="head@gov.example")
COPIES = (Address(name="区委办", address="qwb@gov.example"), Address(name="区纪委", address="jw@gov.example"))
BOOK = replace(ADDRESSES, superiors={"dnhh": {"head": HEAD}, "scj": {"deputy": HEAD}}, oversight=COPIES)
FULL = Recipients(DISTRICT, BOOK)
COMPOSER = Composer(DISTRICT, BOOK)
TO_COPIES = [(address, "抄报") for address in COPIES]


@pytest.mark.parametrize(
    ("owes", "rank", "expected"),
    [
        ("department", "handler", [(FLOWERS, "")]),
        ("department", "head", [(replace(HEAD, name=NAME), "主要负责人")]),
        ("department", "deputy", [(FLOWERS, "请呈分管领导阅")]),  # another department's deputy is nobody here
        ("department", "section_head", [(FLOWERS, "请呈科室负责人阅")]),
        ("department", "coordinator", [(FLOWERS, "督办"), (COORDINATOR, "督办情况")]),
        ("coordinator", "handler", [(COORDINATOR, "")]),
        ("enterprise", "handler", [(COORDINATOR, "")]),  # whose deadlines the coordinator watches
    ],
)
def test_each_rank_has_its_reader(owes: str, rank: str, expected: list[tuple[Address, str]]) -> None:
    """A rank with an address of its own is written to; one without is reached through the department's mailbox."""
    assert FULL.concerned(CASE.department, owes, rank, copies=False) == expected


@pytest.mark.parametrize("rank", ["head", "deputy", "coordinator"])
def test_copies_go_to_every_oversight_office(rank: str) -> None:
    """A rung with copies adds each oversight office of the address book, and takes nobody else away."""
    assert FULL.concerned(CASE.department, "department", rank, copies=True) == [
        *FULL.concerned(CASE.department, "department", rank, copies=False),
        *TO_COPIES,
    ]


def test_a_book_without_oversight_offices_has_no_copies() -> None:
    """Where none is filled in, a rung with copies is a rung without."""
    assert Recipients(DISTRICT, ADDRESSES).concerned(CASE.department, "department", "coordinator", copies=True) == [
        (FLOWERS, "督办"),
        (COORDINATOR, "督办情况"),
    ]


def test_a_department_without_a_mailbox_is_left_to_the_coordinator() -> None:
    """A reminder to a department that cannot be mailed reaches the coordinator and the copies, never nobody."""
    recipients = Recipients(DISTRICT, replace(BOOK, departments={}))
    assert recipients.concerned(CASE.department, "department", "section_head", copies=True) == [(COORDINATOR, ""), *TO_COPIES]


def test_nobody_to_write_to_is_no_error() -> None:
    """A book with a sender alone yields nobody, and the clock goes on."""
    assert Recipients(DISTRICT, Addresses(sender=SENDER)).concerned(CASE.department, "department", "coordinator", copies=True) == []


def test_a_superior_is_addressed_by_his_department() -> None:
    """His mail opens with the name of his department and his rank, not with the coordinator's."""
    ((to, role),) = FULL.concerned(CASE.department, "department", "head", copies=False)
    occasion = Occasion(what="overdue", role=role, items=(Item(about=CASE, due=DUE, missed=0),))
    text = COMPOSER.for_deadlines(CASE, to, occasion, "1").text
    assert text.startswith(f"{NAME}：\n\n（主要负责人）\n")


def test_a_reminder_of_several_cases_says_what_an_answer_to_it_counts_for() -> None:
    """An answer is about the case whose token it bears, the first: of one case nothing need be said."""
    ((to, role),) = FULL.concerned(CASE.department, "department", "head", copies=False)
    item = Item(about=CASE, due=DUE, missed=0)
    one, two = (
        COMPOSER.for_deadlines(CASE, to, Occasion(what="overdue", role=role, items=items), "1") for items in ((item,), (item, item))
    )
    told = "直接回复本邮件只算第1件，其余各件请分别回复各自的交办邮件。\n"
    assert told not in one.text
    assert told in two.text
    assert told.strip() in two.html
