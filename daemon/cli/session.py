"""`zuozhen session`: who has booked a place in a session, the log of telephone calls, cancellations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from daemon.cli import show
from daemon.cli.activity import By, Key, Reason
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, shorten, table
from daemon.cli.place import ConfigOption, DistrictOption, JsonOption, chosen_district, with_stores
from daemon.districts import DistrictFiles
from daemon.session_end import SessionEnd
from daemon.stores import Stores
from daemon.wiring import utc_now
from notifier.session_letters import accompanying, by_type, type_of
from notifier.session_outcome import lacking_of, outcome_of
from store.bookings import Placed
from store.errors import UsageError
from store.model.booking import BookingState
from store.owing import DeadlineState, Subject, SubjectSort, SubjectState

Number = Annotated[str, typer.Argument(metavar="件号", help="挂号的那一件，如 CG-2024-00012")]
_COLUMNS = {"number": "序号", "type": "问题类型", "case": "件号", "enterprise": "企业", "phone": "电话", "state": "挂号"}
_COLUMNS |= {"verification": "核实", "call": "叫号"}
_AFTER = {"outcome": "会后结果", "lacking": "还缺"}
_STATES = {BookingState.BOOKED: "已挂号", BookingState.FREED: "已取消", BookingState.MOVED: "转下一期"}


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    sessions = group(summary)
    for command in (show_, call, cancel):
        sessions.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(sessions, name=name)


def show_(key: Key, config: ConfigOption = None, district: DistrictOption = None, json_: JsonOption = False) -> None:
    """看一个场次：谁挂了号（按问题类型，类型内按序号），涉及哪些部门，核实了没有，电话通知的结果；会后各件的结果，还缺什么。

    例：zuozhen session show 2024年第2期
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        files = districts[chosen_district(districts, district)]
        subject = await stores.subjects.get(files.rulebook.district.id, key)
        if subject.sort is not SubjectSort.SESSION:
            raise UsageError(f"“{key}”不是场次；用 zuozhen activity show {key} 查看")
        placed = await stores.bookings.of_session(subject.id)
        after = await _after(stores, files, subject)
        rows = [{**await _row(stores, files, one), **after.get(one[1].id, {})} for one in by_type(placed)]
        standing = [one for one in placed if one[0].state is BookingState.BOOKED]
        names = files.rulebook.district.departments
        invited = accompanying(subject, standing, files.rulebook.district)
        by_name = "、".join(names[id_].name for id_ in invited)
        if json_:
            about = {"key": subject.key, "title": subject.title, "day": subject.day.isoformat(), "state": subject.state.value}
            as_json({**about, "host": subject.department, "accompanying": invited, "booked": len(standing), "bookings": rows})
            return
        host = show.department_name(subject.department, files.rulebook.district) if subject.department else "（未定）"
        done(f"{subject.key}　{subject.title or '（无主题）'}　{subject.day}　坐诊：{host}　已挂号 {len(standing)} 家")
        done(f"建议陪诊：{by_name or '（无）'}")
        columns = {**_COLUMNS, **(_AFTER if after else {})}
        cells = [tuple(shorten(str(row.get(name, "")), 24) for name in columns) for row in rows]
        table(tuple(columns.values()), cells, empty="还没有企业挂号。")

    with_stores(config, work)


def call(
    key: Key,
    case: Number,
    by: By,
    result: Annotated[str, typer.Option("--result", metavar="结果", help="如 已通知、无人接听、不能到场")],
    config: ConfigOption = None,
    district: DistrictOption = None,
) -> None:
    """登记电话叫号：打了给谁，结果怎样。全部通知后，用 zuozhen activity receive 名称 call_up 登记叫号办结。

    例：zuozhen session call 2024年第2期 CG-2024-00012 --result 已通知，届时到场 --by 李明
    """
    _checked(result, "结果")

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        subject_id, case_id = await _place(stores, districts, district, key, case)
        await stores.bookings.call(subject_id, case_id, by=by, result=result.strip(), now=utc_now())
        done(f"{case} 的叫号结果已登记：{result.strip()}")

    with_stores(config, work)


def cancel(key: Key, case: Number, by: By, reason: Reason = "", config: ConfigOption = None, district: DistrictOption = None) -> None:
    """取消一件的挂号（企业不能到场）；诉求照常办理，序号不再给别人，叫号之后前移的企业会收到通知。

    例：zuozhen session cancel 2024年第2期 CG-2024-00012 --reason 企业来电，当日不在昆明 --by 李明
    """
    _checked(reason or "（未写）", "理由")

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        subject_id, case_id = await _place(stores, districts, district, key, case)
        await stores.bookings.cancel(subject_id, case_id, by=by, reason=reason, now=utc_now())
        done(f"{case} 在“{key}”的挂号已取消，诉求照常办理。")

    with_stores(config, work)


def _checked(text: str, what: str) -> None:
    if not text.strip() or len(text) > 200 or not text.isprintable():  # noqa: PLR2004 - as in the message
        raise UsageError(f"{what}写在一行里，不超过 200 字")


async def _place(stores: Stores, districts: dict[str, DistrictFiles], district: str | None, key: str, number: str) -> tuple[int, int]:
    subject = await stores.subjects.get(chosen_district(districts, district), key)
    return subject.id, (await stores.cases.get(number)).id


async def _row(stores: Stores, files: DistrictFiles, placed: Placed) -> dict[str, object]:
    booking, case = placed
    petition = case.petition
    return {
        "number": booking.number,
        "case": case.number,
        "type": type_of(case, files.rulebook.district),
        "enterprise": petition.name.value if petition.name else "（未写明）",
        "contact": petition.contact.value if petition.contact else "",
        "phone": petition.phone.value if petition.phone else "",
        "title": petition.title,
        "department": case.department,
        "state": _STATES[booking.state],
        "verification": _verified([one.state for one in await stores.deadlines.of_case(case.id) if one.kind == "verification"]),
        "call": booking.call,
    }


async def _after(stores: Stores, files: DistrictFiles, subject: Subject) -> dict[int, dict[str, object]]:
    """Return, by case, what became of it and what has not come in; nothing while the session is still to come."""
    if subject.state is not SubjectState.ENDED:
        return {}
    end = SessionEnd(bookings=stores.bookings, subjects=stores.subjects, hearings=stores.hearings)
    rule = files.rulebook.settings.sessions
    needs = rule.receipt.needs if rule and rule.receipt else ()
    found = await end.heard(subject, files.rulebook.district.timezone)
    return {one.case.id: {"outcome": outcome_of(one) or "还没有", "lacking": "、".join(lacking_of(one, needs)) or "—"} for one in found}


def _verified(states: Sequence[DeadlineState]) -> str:
    if DeadlineState.MET in states:
        return "已核实"
    return "待核实" if states else "—"
