"""What is written about a session: to its host and those who accompany, and to each enterprise about its place. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING

from notifier.dates import days_in_words, hours_in_words, in_full, plain_date
from notifier.plain import line
from notifier.session_files import invitation, lists_of, notice_of, rows_of_notice
from notifier.view import department, of_subject
from store.life import FINISHED
from store.model.booking import Booking
from store.model.case import Case
from store.model.enclosure import Enclosure
from store.model.form import Form
from store.model.letter import Address
from store.model.notice import Notice, Purpose
from store.owing import Subject

if TYPE_CHECKING:
    from notifier.compose import Composer
    from store.model.district import District

_FIELD, _TITLE = 60, 80  # code points
Placed = tuple[Booking, Case]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One session: when bookings are taken, where and when it sits. `earlier` is the session whose booking an enterprise came too late for."""

    subject: Subject
    opens: datetime  # of booking, in the district's time zone, as …
    closes: datetime
    drafted: datetime  # when its notice is
    hours: tuple[time, time] | None
    place: str
    early_minutes: int
    forms: Mapping[str, Sequence[str]]  # the files that go with a step's letters, by step
    mailbox: str = ""  # to which enterprises write, a channel of booking
    draft: Form | None = None  # the form of the notice (附件1), where the pack sends one
    earlier: str = ""
    left: Placed | None = None  # who has given his place up since the call list went out


class SessionLetters:
    """Writes the letters about the sessions of one district."""

    def __init__(self, composer: Composer, district: District, now: datetime) -> None:
        """Write at *now* with *composer*, whose templates `booking` and `session` these are."""
        self._composer, self._district, self._now = composer, district, now

    def to_enterprise(self, event: str, sitting: Sitting, booking: Booking, case: Case, ahead: int, round_: str) -> list[Notice]:
        """Return the mail to an enterprise about its place: "booked", "early", "late", "called", "moved_up" or "cancelled"."""
        place = {"number": booking.number, "ahead": ahead}
        files = (invitation(sitting, self._district, self._now),) if event == "called" else ()
        view = {**self._view(event, sitting, files), **place}
        written = self._composer.to_enterprise(case, Purpose.BOOKING, round_, {"sitting": view, "may_unbook": event != "cancelled"})
        return [replace(notice, enclosures=files) for notice in written]

    def to_offices(self, event: str, sitting: Sitting, placed: Sequence[Placed], round_: str) -> list[Notice]:
        """Return the mail of a step ("notice", "service_list", "call_list"; "left", "undated") to the host, to the coordinator, with the service list to those who accompany, with the notice to its publishers."""
        subject = sitting.subject
        invited = accompanying(subject, placed, self._district) if event == "service_list" else []
        rows = [self._row(booking, case) for booking, case in by_type(placed)]
        files = self._files(event, sitting, placed)
        view = {**self._view(event, sitting, files), "rows": rows, "accompanying": "、".join(self._name(id_) for id_ in invited)}
        found: dict[str, Notice] = {}
        for to, names in self._readers(event, subject, invited):
            notice = self._notice(sitting, to, names, {**view, "publishes": "publishes" in names}, files, round_)
            found.setdefault(to.address.lower(), notice)
        return list(found.values())

    def to_office(
        self, event: str, sitting: Sitting, owner: str, files: tuple[Enclosure, ...], more: Mapping[str, object], round_: str
    ) -> Iterator[Notice]:
        """Yield the mail *event* to the department *owner* alone (id, "" for the coordinator); its templates know *more* of the session."""
        for to, names in self._of_office(owner, is_invited=False):
            yield self._notice(sitting, to, names, {**self._view(event, sitting, files), **more}, files, round_)

    def _notice(
        self, sitting: Sitting, to: Address, names: Mapping[str, str], view: Mapping[str, object], files: tuple[Enclosure, ...], round_: str
    ) -> Notice:
        written = self._composer.wording.write(
            Purpose.SESSION, {**of_subject(sitting.subject.key, self._district), **names, "sitting": view}
        )
        return Notice(
            purpose=Purpose.SESSION,
            to=to,
            subject=written.subject,
            text=written.text,
            html=written.html,
            attach_original=False,
            enclosures=files,
            round=round_,
        )

    def _readers(self, event: str, subject: Subject, invited: Sequence[str]) -> Iterator[tuple[Address, dict[str, str]]]:
        """Yield who gets the mail of a step, and what it says of him: the host, the coordinator, those *invited*, and of a notice its publishers."""
        for owner in (subject.department, "", *invited):
            yield from self._of_office(owner, is_invited=owner in invited)
        for to in self._composer.recipients.publishers if event == "notice" else ():
            yield to, {"addressee": to.name, "publishes": "1"}

    def _of_office(self, owner: str, *, is_invited: bool) -> Iterator[tuple[Address, dict[str, str]]]:
        addressee = self._name(owner) if owner else self._district.coordinator
        for to, _ in self._composer.recipients.concerned(owner, "department" if owner else "coordinator", "handler", copies=False):
            yield replace(to, name=to.name or addressee), {"addressee": addressee, "invited": addressee if is_invited else ""}

    def _files(self, event: str, sitting: Sitting, placed: Sequence[Placed]) -> tuple[Enclosure, ...]:
        if event == "notice":
            return notice_of(sitting, self._district)
        entry = (invitation(sitting, self._district, self._now),) if event == "service_list" else ()
        step = "call_list" if event == "left" else event  # the list as it is now
        return (*lists_of(step, sitting, by_type(placed), self._district), *entry)

    def _view(self, event: str, sitting: Sitting, files: Sequence[Enclosure]) -> dict[str, object]:
        subject = sitting.subject
        return {
            "event": event,
            "key": line(subject.key, _FIELD),
            "theme": line(subject.title, _TITLE),
            "host": self._name(subject.department) if subject.department else self._district.coordinator,
            "accompanying": "",
            "day": in_full(subject.day) if subject.day == subject.until else days_in_words(subject.day, subject.until),
            "hours": hours_in_words(sitting.hours) if sitting.hours else "",
            "place": sitting.place,
            "opens": _moment(sitting.opens),
            "closes": _moment(sitting.closes),
            "drafted": plain_date(sitting.drafted.date()),
            "is_late": sitting.drafted <= self._now,
            "earlier": line(sitting.earlier, _FIELD),
            "early_minutes": sitting.early_minutes,
            "files": "、".join(one.name for one in files),
            "number": 0,
            "ahead": 0,
            "rows": (),
            "draft": [{"label": label, "lines": lines} for label, lines in rows_of_notice(sitting, self._district)]
            if event == "notice"
            else (),
            "publishers": "、".join(one.name for one in self._composer.recipients.publishers),
            **self._left(sitting),
        }

    def _left(self, sitting: Sitting) -> dict[str, object]:
        if sitting.left is None:
            return {}
        booking, case = sitting.left
        row = self._row(booking, case)
        return {"left": f"第{row['number']}号　{row['name']}（{row['case']}）", "left_goes_on": case.state not in FINISHED}

    def _row(self, booking: Booking, case: Case) -> dict[str, object]:
        petition = case.petition
        found = {name: getattr(petition, name) for name in ("name", "address", "contact", "phone")}
        return {
            "number": booking.number,
            "case": case.number,
            "type": type_of(case, self._district),
            "title": line(petition.title, _TITLE) or "（无标题）",
            "call": line(booking.call, _TITLE),
            **{name: line(one.value, _FIELD) if one else "（未写明）" for name, one in found.items()},
        }

    def _name(self, id_: str) -> str:
        return department(id_, self._district).name


def accompanying(subject: Subject, placed: Sequence[Placed], district: District) -> list[str]:
    """Return the departments that the booked matters concern by the rules, but for the host, in the order of the directory."""
    concerned = {id_ for _, case in placed for id_ in (case.department, *case.accompanying) if id_}
    return [id_ for id_ in district.departments if id_ in concerned and id_ != subject.department]


def type_of(case: Case, district: District) -> str:
    """Return the type of problem by which a session is ordered: what the rules call it, else whose matter it is."""
    topic = case.decision.topic.replace("_", "·")
    return topic or (department(case.department, district).name if case.department else "未分类")


def by_type(placed: Sequence[Placed]) -> list[Placed]:
    """Return *placed* by type of problem, types in the order of their first number, and by number within (三（五）)."""
    first: dict[str, int] = {}
    for booking, case in sorted(placed, key=lambda one: one[0].number):
        first.setdefault(case.decision.topic or case.department or "", booking.number)
    return sorted(placed, key=lambda one: (first[one[1].decision.topic or one[1].department or ""], one[0].number))


def _moment(at: datetime) -> str:
    return f"{plain_date(at.date())}{at.hour}:{at:%M}"
