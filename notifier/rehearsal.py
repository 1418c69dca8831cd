"""Fills every template with invented cases before any real one comes: a slip in a pack's wording is found at start-up, not with the mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from notifier.earlier import Earlier
from notifier.reminders import Item, Occasion, due_view, view_of
from notifier.view import EMPTY_SITTING, of_beside, of_case, of_subject
from notifier.wording import Wording
from store.errors import ConfigError, Problem
from store.model.arrival import Channel
from store.model.case import Case, CaseState
from store.model.decision import Decision, Hit, Quote, Verdict
from store.model.district import District
from store.model.due import CountedDay, Due
from store.model.letter import Address, Attachment
from store.model.matching import Beside, BesideRow
from store.model.notice import Purpose
from store.model.petition import Found, Petition, Recognition, Snippet, Span
from store.owing import Subject, SubjectSort

_DAY = date(2024, 10, 31)
_ADVICE = {"name": "示例部门", "duty": "示例职责"}


def rehearse(district: District, wording: Wording) -> None:
    """Write every purpose for a full case and a bare one, reminders for what is no case too; raises ConfigError with each template that cannot be filled."""
    problems: dict[str, Problem] = {}
    tried = [(view, purpose) for view in _views(district) for purpose in Purpose]
    tried += [(view, Purpose.REMINDER) for view in _views_of_a_subject(district)]
    tried += [(view, Purpose.RETURN) for view in _views_of_a_return(district)]
    tried += [(view, Purpose.SURVEY) for view in _views_of_a_survey(district)]
    for view, purpose in [*tried, *_views_of_a_session(district)]:
        try:
            wording.write(purpose, view)
        except ConfigError as error:
            problems |= {problem.place: problem for problem in error.problems}
    if problems:
        raise ConfigError(list(problems.values()))


_REPLIED = {"done": ["示例"], "not_done": ["示例"], "why": "示例", "says": "示例", "replies": ["示例"]}


def _views(district: District) -> Iterator[Mapping[str, object]]:
    bare = _case()
    full = _full(bare, district)
    yield of_case(bare, district)
    yield of_case(full, district)
    words = {"addressee": "示例部门", "stands_in_for": "示例部门", "invited": "示例部门", "reason": "示例", "author": "示例部门"}
    dates = [due_view(_due())]
    yield {
        **of_case(full, district),
        **words,
        "again": True,
        "stranger": True,
        "advice": _ADVICE,
        "event": "promise",
        "dates": dates,
        "beside": _beside(district),
        "earlier": [Earlier(district="示例", number="示例", lines=("示例",))],
        "came_from": {"district": "示例", "number": "示例"},
    }
    yield {**of_case(full, district), **words, "again": True, "anew": True, "order": "示例", "dates": dates}
    if full.due is not None:
        items = [Item(about=full, due=full.due, missed=1, was="示例")]
        for occasion in ("remind", "late", "overdue", "moved"):
            yield {**of_case(full, district), **words, **view_of(Occasion(what=occasion, role="抄报", items=items))}


def _beside(district: District) -> Mapping[str, object] | None:
    row = BesideRow(label="示例", this="【示例】", other="示例", note="示例")
    return of_beside(Beside(standing="示例", received_at=datetime(2024, 10, 11, 3, tzinfo=UTC), rows=(row,), finding="示例"), district)


def _views_of_a_subject(district: District) -> Iterator[Mapping[str, object]]:
    """Yield what a mail about deadlines says of a session, an activity or a period: there is no petition to quote."""
    subject = Subject(id=1, district="", sort=SubjectSort.PERIOD, of="", key="示例", title="示例", department="", day=_DAY, until=_DAY)
    for what in ("remind", "late", "overdue", "moved"):
        items = [Item(about=subject, due=replace(_due(), days=(), notes=("示例",)), missed=1, was="示例")]
        for by_mail in (False, True):
            occasion = Occasion(what=what, role="抄报", items=items, by_mail=by_mail)
            yield {**of_subject("示例", district), "addressee": "示例部门", "returns": "示例", **view_of(occasion)}


def _views_of_a_survey(district: District) -> Iterator[Mapping[str, object]]:
    """Yield what an enterprise is asked: with marks of a department, with marks, and in its own words."""
    survey = {"name": "示例", "of": "示例", "asks": ["示例"], "scale": "示例、示例", "words": ["示例"], "until": "示例"}
    for one in (survey, {**survey, "of": ""}, {**survey, "asks": []}):
        yield {**of_subject("示例", district), "survey": one}


def _views_of_a_session(district: District) -> Iterator[tuple[Mapping[str, object], Purpose]]:
    """Yield what a session's letters say, with two enterprises in its lists, and what an enterprise reads of its place."""
    row = dict.fromkeys(("case", "type", "title", "call", "name", "address", "contact", "phone"), "示例") | {"number": 1}
    names = {**of_subject("示例", district), "addressee": "示例部门", "invited": "示例部门"}
    sitting = {name: "示例" if empty == "" else True if empty is False else empty for name, empty in EMPTY_SITTING.items()}
    more = {"number": 1, "ahead": 1, "rows": [row, row], "draft": [{"label": "示例", "lines": ["示例", "示例"]}]}
    for event in ("notice", "service_list", "call_list", "left", "undated"):
        yield {**names, "sitting": {**sitting, **more, "event": event}}, Purpose.SESSION
    asked = {"due": due_view(_due()), "rows": [{**row, "holder": "示例部门", "outcome": "示例"}], "event": "outcome"}
    yield {**names, "sitting": {**sitting, **asked}}, Purpose.SESSION
    for event in ("booked", "early", "late", "called", "moved_up", "cancelled"):
        yield {**of_case(_case(), district), "sitting": {**sitting, **more, "event": event}}, Purpose.BOOKING


def _views_of_a_return(district: District) -> Iterator[Mapping[str, object]]:
    """Yield what is said of a return that came by mail: received, received before, not known, and to the coordinator."""
    names = {**of_subject("示例", district), "addressee": "示例部门"}
    said = {
        **dict.fromkeys(("arrival", "sender", "subject"), "示例"),
        "received": [{"key": "示例", "words": "“示例”", "lacks": "示例"}],
        "already": ["示例"],
        "visits": [{"day": "示例", "words": "示例"}],
        "counted": [{"key": "示例", "done": 1, "times": 3, "lacking": 2}],
        "doubts": ["示例"],
        "owed": [{"key": "示例", "date": "示例", "late": True}],
        "commands": ["示例"],
        "more": 1,
    }
    nothing = dict.fromkeys(("received", "already", "visits", "counted", "doubts", "owed", "commands"), ())
    for left_out in ({}, nothing, {"received": (), "visits": ()}, {"received": (), "visits": (), "doubts": ()}):
        for event in ("receipt", "review"):
            yield {**names, "returned": {**said, **left_out, "event": event}}


def _case() -> Case:
    """Return a case of which nothing is known."""
    return Case(
        id=1,
        district="",
        number="示例",
        state=CaseState.UNDER_REVIEW,
        opened_at=datetime(2024, 10, 11, 3, tzinfo=UTC),
        arrival_id=1,
        petition=Petition(channel=Channel.LETTER),
        decision=_decision(),
        verdict=Verdict.ACCEPT,
        ground=None,
        department=None,
        accompanying=(),
        due=None,
    )


def _decision() -> Decision:
    return Decision(
        verdict=Verdict.ACCEPT,
        proposed=False,
        ground=None,
        topic="",
        department=None,
        accompanying=(),
        advice=None,
        missing=(),
        related_case=None,
        urgent=False,
        review=(),
        named_departments=(),
        scores=(),
        hits=(),
        near_misses=(),
        due=None,
        rulebook="",
        engine="reference",
    )


def _full(bare: Case, district: District) -> Case:
    """Return *bare* with something in every place."""
    ids = tuple(district.departments)[:2]
    lead = ids[0] if ids else None
    found = Found(value="示例", how="signature", span=Span(source="body", start=0, end=2, text="示例"))
    letter = replace(
        bare.petition.letter,
        sender=Address(name="示例", address="example@example.com"),
        attachments=(Attachment(name="示例.pdf", content_type="application/pdf", size=1, sha256=""),),
        doubts=("示例",),
    )
    petition = replace(
        bare.petition,
        name=found,
        uscc=found,
        uscc_valid=False,
        address=found,
        contact=found,
        phone=found,
        title="示例",
        content="示例" * 2_000,
        recognition=Recognition(pages=0, confidence=0.5, snippets=(Snippet(field="phone", page=1, sha256="0" * 64),)),
    )
    hit = Hit(rule="示例", effect="示例", basis="示例", quotes=(Quote(source="title", start=0, end=2, text="示例", words="示例"),))
    decision = replace(
        bare.decision,
        topic="示例",
        level="示例",
        classes=("示例",),
        missing=("示例",),
        urgent=True,
        review=("示例",),
        named_departments=ids,
        scores=tuple((id_, 1.0) for id_ in ids),
        hits=(hit, replace(hit, department=lead)),
    )
    return replace(
        bare,
        petition=replace(petition, letter=letter),
        decision=decision,
        ground=next(iter(district.grounds), None),
        department=lead,
        accompanying=ids,
        due=_due(),
    )


def _due() -> Due:
    days = tuple(CountedDay(day=_DAY + timedelta(days=n), counted=n != 1, why="示例") for n in (1, 2))
    return Due(
        kind="verification",
        label="示例",
        basis="示例",
        start=_DAY,
        start_label="示例",
        due=days[-1].day,
        provisional=True,
        days=days,
    )
