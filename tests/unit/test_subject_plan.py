"""Deadlines without a case: what the packs declare for sessions, activities and periods, and how their dates come about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar_folder import load_calendar
from rules.deadline_kinds import Every, Kind
from rules.planner import plans
from rules.rulebook import builtin_pack, builtin_packs, load_pack
from rules.subject_plan import due_in, periods, span_of
from store.owing import Happening, Subject, SubjectSort

CALENDAR = load_calendar()
ZONE = ZoneInfo("Asia/Shanghai")
EVERY: tuple[Every, ...] = ("half_month", "month", "quarter", "half_year", "year")
days = st.dates(min_value=date(2018, 1, 1), max_value=date(2030, 12, 31))


def kind_of(pack: str, id_: str) -> Kind:
    """Return one kind of a pack that comes with the product."""
    return load_pack(builtin_pack(pack)).settings.kinds.by_id[id_]


def begun(pack: str, happening: Happening, of: str = "") -> dict[str, tuple[date, str]]:
    """Return the dates, with the articles, of what *happening* begins."""
    assert happening.sort is not None
    assert happening.day is not None
    subject = Subject(
        id=1,
        district=pack,
        sort=happening.sort,
        of=of,
        key=happening.key,
        title="",
        department="",
        day=happening.day,
        until=happening.day,
    )
    at = datetime(2024, 1, 2, 9, tzinfo=ZONE)
    owing = plans(load_pack(builtin_pack(pack)), CALENDAR).owing_of(subject, happening, at)
    return {deadline.kind: (deadline.due.due, deadline.due.basis) for deadline in owing.begins}


@given(st.sampled_from(EVERY), days)
def test_periods_cover_every_day_once(every: Every, day: date) -> None:
    """A day lies in its period, and the next one begins on the morrow of its end."""
    kind = Kind(id="x", label="x", every=every)
    span = span_of(kind, day)
    assert span.first <= day <= span.last
    assert span_of(kind, span.first) == span_of(kind, span.last) == span
    assert span_of(kind, span.last + timedelta(days=1)).first == span.last + timedelta(days=1)


@pytest.mark.parametrize(
    ("every", "name", "last"),
    [
        ("half_month", "2024年2月下半月", date(2024, 2, 29)),
        ("month", "2024年2月", date(2024, 2, 29)),
        ("quarter", "2024年第1季度", date(2024, 3, 31)),
        ("half_year", "2024年上半年", date(2024, 6, 30)),
        ("year", "2024年", date(2024, 12, 31)),
    ],
)
def test_a_period_has_a_name_and_an_end(every: Every, name: str, last: date) -> None:
    """As people call it; in a leap year February ends on the 29th."""
    span = span_of(Kind(id="x", label="x", every=every), date(2024, 2, 29))
    assert (span.name, span.last) == (name, last)


def test_fixed_dates_of_jinning_do_not_roll_forward() -> None:
    """JN-6: by the 15th of each month and the 13th of each quarter's last month, also where that is a rest day, unless the pack says so."""
    ground = plans(load_pack(builtin_pack("jinning")), CALENDAR).ground
    monthly, quarterly = kind_of("jinning", "monthly"), kind_of("jinning", "quarterly")
    saturday = due_in(monthly, span_of(monthly, date(2023, 4, 1)), ground)
    assert (saturday.due, saturday.basis) == (date(2023, 4, 15), "三（二）")
    assert "遇休息日不顺延" in saturday.notes[0]
    ends = [due_in(quarterly, span_of(quarterly, date(2023, month, 1)), ground).due for month in (1, 4, 7, 10)]
    assert ends == [date(2023, 3, 13), date(2023, 6, 13), date(2023, 9, 13), date(2023, 12, 13)]
    rolls = Kind(id="x", label="x", every="month", day=15, roll_forward=True)
    rolled = due_in(rolls, span_of(rolls, date(2023, 4, 1)), ground)
    assert rolled.due == date(2023, 4, 17)
    assert "4月15日" in "".join(rolled.notes)


def test_the_whole_session_of_wuhua_is_in_the_middle_of_the_last_month() -> None:
    """WH-1: 11th to 20th of March, June, September, December."""
    ground = plans(load_pack(builtin_pack("wuhua")), CALENDAR).ground
    session = kind_of("wuhua", "session")
    assert [due_in(session, span_of(session, date(2026, month, 1)), ground).due for month in (4, 7, 10)] == [
        date(2026, 6, 20),
        date(2026, 9, 20),
        date(2026, 12, 20),
    ]


def test_a_session_of_chenggong() -> None:
    """CG-3.5 three calendar days back; CG-3.4 five working days from the close of booking; CG-3.7 three working days after the session."""
    named: dict[str, object] = {"key": "2024年第2期", "sort": SubjectSort.SESSION}
    announced = begun("chenggong", Happening(event="announced", day=date(2024, 10, 10), **named))  # type: ignore[arg-type]  # by keyword
    assert announced == {"call_up": (date(2024, 10, 7), "三（五）")}
    closed = begun("chenggong", Happening(event="booking_closed", day=date(2024, 9, 30), **named))  # type: ignore[arg-type]  # likewise
    assert closed == {"service_list": (date(2024, 10, 12), "三（四）")}
    ended = begun("chenggong", Happening(event="ended", day=date(2024, 9, 27), **named))  # type: ignore[arg-type]  # likewise
    assert ended == {"receipt": (date(2024, 10, 8), "三（七）")}  # Sunday 29 and Monday 30 are worked


def test_a_round_of_wuhua_counts_back_and_forth_in_working_days() -> None:
    """WH-2: the plan three working days before the round, report and list three working days after it."""
    named: dict[str, object] = {"key": "花卉链巡诊", "sort": SubjectSort.ACTIVITY}
    day = date(2026, 6, 22)  # the Monday behind the Dragon Boat holiday of 19 to 21 June
    assert begun("wuhua", Happening(event="announced", day=day, **named), "链式巡诊") == {  # type: ignore[arg-type]  # by keyword
        "round_plan": (date(2026, 6, 16), "一（二）3")
    }
    assert begun("wuhua", Happening(event="ended", day=date(2026, 6, 17), **named), "链式巡诊") == {  # type: ignore[arg-type]  # likewise
        "round_report": (date(2026, 6, 23), "一（二）3"),
        "round_list": (date(2026, 6, 23), "一（二）3"),
    }
    assert begun("wuhua", Happening(event="ended", day=day, **named), "上门问诊") == {}  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize("of", ["企业接待日", "政企同心谈", "营商会客厅"])
def test_each_activity_of_jinning_is_reported_in_two_working_days(of: str) -> None:
    """JN-3: a written report of each of the three kinds."""
    happening = Happening(event="ended", key="x", sort=SubjectSort.ACTIVITY, day=date(2024, 9, 30))
    assert begun("jinning", happening, of) == {"activity_report": (date(2024, 10, 9), "二（二）1")}


def test_nobody_is_late_for_a_period_that_began_before_the_system_did() -> None:
    """Installed on the 20th, the monthly return of this month is not asked for; the next month it is, by every department but the coordinator."""
    book = load_pack(builtin_pack("jinning"))
    ground = plans(book, CALENDAR).ground
    first = {(period.subject.of, period.subject.department) for period in periods(ground, datetime(2023, 5, 20, 9, tzinfo=ZONE), {})}
    assert ("monthly", "tzfw") not in first
    assert ("quarterly", "tzfw") in first
    assert {department for of, department in first if of == "quarterly"} == set(book.district.departments) - {"yshjb"}
    assert ("parlour", "") in first
    seen = {("monthly", "tzfw"): date(2023, 5, 1), ("monthly", "zxqy"): date(2023, 5, 1)}
    later = [
        period for period in periods(ground, datetime(2023, 8, 1, 9, tzinfo=ZONE), seen) if ("monthly", period.subject.department) in seen
    ]
    later = [period for period in later if period.subject.of == "monthly"]
    assert [(one.subject.department, one.deadline.due.due.month) for one in later] == [
        (department, month) for department in ("tzfw", "zxqy") for month in (6, 7, 8)
    ]


@pytest.mark.parametrize("pack", builtin_packs())
def test_every_article_of_a_kind_stands_in_the_pack(pack: str) -> None:
    """A kind that names an article names one whose words the pack quotes; what no document states is marked as a setting."""
    book = load_pack(builtin_pack(pack))
    known = {*book.settings.articles, *(ground.article for ground in book.district.grounds.values()), "policy"}
    assert {kind.id: kind.basis for kind in book.settings.kinds.by_id.values() if kind.basis not in known} == {}
