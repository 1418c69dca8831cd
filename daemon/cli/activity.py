"""`zuozhen activity`: sessions, activities and the returns of periods: announce, hold, call off, note what was received, look at them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from daemon.activities import Activities, Told, read_happenings
from daemon.cli import show
from daemon.cli.activity_returns import ArrivalOption, returns, settle, unread
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, local, shorten, table
from daemon.cli.place import ConfigOption, DistrictOption, JsonOption, LimitOption, chosen_district, named, with_stores
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from daemon.wiring import open_desk, utc_now
from store.codec import to_json
from store.errors import UsageError
from store.owing import Deadline, DeadlineState, Happening, Subject, SubjectSort
from store.subjects import SORT_WORDS, SUBJECT_STATE_WORDS

Key = Annotated[str, typer.Argument(metavar="名称", help="场次、活动或定期事项的名称，如 2024年第1期")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人，记入经过", callback=named)]
Reason = Annotated[str, typer.Option("--reason", metavar="理由", help="记入经过")]
DayOption = Annotated[datetime | None, typer.Option("--day", metavar="日期", formats=["%Y-%m-%d"], help="哪一天，如 2024-09-27")]
OfOption = Annotated[str, typer.Option("--of", metavar="活动名称", help="哪一种活动，如 企业接待日；规则包的 of、counts 按它识别")]
DepartmentOption = Annotated[str, typer.Option("--department", metavar="部门代号", help="由谁办")]


class Sort(StrEnum):
    """What a person can announce."""

    SESSION = "session"
    ACTIVITY = "activity"


SortOption = Annotated[Sort, typer.Option("--sort", help="session 场次（坐诊）、activity 活动")]

_EVENTS = {
    "announced": "登记日期",
    "planned": "列入日程",
    "booking_closed": "挂号截止",
    "ended": "已举行",
    "cancelled": "取消",
    "received": "收到",
    "heeded": "收悉催办",
    "began": "开始计时",
    "counted": "计入一天",
    "booked": "挂号",
    "freed": "取消挂号",
    "called": "电话叫号",
    "step": "发出",
}


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    activities = group(summary)
    for command in (list_, show_, announce, close_booking, end, cancel, receive, heed, import_, returns, unread):
        activities.command(command.__name__.strip("_").replace("_", "-"), cls=Command)(command)
    app.add_typer(activities, name=name)


def list_(
    config: ConfigOption = None,
    district: DistrictOption = None,
    sort: Annotated[SubjectSort | None, typer.Option("--sort", help="只列场次、活动或定期事项")] = None,
    limit: LimitOption = 50,
    json_: JsonOption = False,
) -> None:
    """列出最近的场次、活动和定期事项，新的在前，和还欠着的时限。

    例：zuozhen activity list --sort period
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        id_ = chosen_district(districts, district)
        found = await stores.subjects.list(id_, sort=sort, limit=limit)
        owed = [await stores.deadlines.of_subject(subject.id) for subject in found]
        if json_:
            as_json([_json(subject, deadlines) for subject, deadlines in zip(found, owed, strict=True)])
            return
        rows = [_row(subject, deadlines, districts[id_]) for subject, deadlines in zip(found, owed, strict=True)]
        table(("名称", "种类", "部门", "日期", "状态", "还欠"), rows, empty="还没有场次、活动或定期事项。")

    with_stores(config, work)


def show_(key: Key, config: ConfigOption = None, district: DistrictOption = None, json_: JsonOption = False) -> None:
    """看一个场次、活动或定期事项：时限怎样数出来的，经过，核对经过是否完整。

    例：zuozhen activity show 2024年第1期
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        id_ = chosen_district(districts, district)
        subject = await stores.subjects.get(id_, key)
        owed = await stores.deadlines.of_subject(subject.id)
        history, problems = await stores.subjects.history(subject.id), await stores.subjects.verify(subject.id)
        if json_:
            as_json({**_json(subject, owed), "history": [json.loads(to_json(event)) for event in history], "problems": problems})
            return
        done("\n".join(_lines(subject, owed, districts[id_])))
        done("\n【经过】")
        for event in history:
            words = _EVENTS.get(event.kind.removeprefix("subject."), show.EVENTS.get(event.kind, event.kind))
            about = "、".join(
                str(event.data[name]) for name in ("kind", "day", "until", "activity", "number", "case", "step") if name in event.data
            )
            done(
                f"  {local(event.at)}  {words}{f'（{about}）' if about else ''}　{event.actor}{f'：{event.reason}' if event.reason else ''}"
            )
        for problem in problems:
            done(f"  警报：{problem}")

    with_stores(config, work)


def announce(
    key: Key,
    day: DayOption,
    by: By,
    sort: SortOption = Sort.ACTIVITY,
    of: OfOption = "",
    department: DepartmentOption = "",
    title: Annotated[str, typer.Option("--title", metavar="主题", help="主题，如“接诊”主题")] = "",
    reason: Reason = "",
    config: ConfigOption = None,
    district: DistrictOption = None,
) -> None:
    """登记一个场次或活动和它的日期；日期变了，再登记一次，原来的时限作废，按新的日期重新计算。

    例：zuozhen activity announce 2024年第1期 --sort session --day 2024-09-27 --department gsl --title 助推民营经济发展 --by 王芳
    """
    happening = Happening(event="announced", key=key, day=_day(day), sort=SubjectSort(sort), of=of, title=title, department=department)
    _act(config, district, happening, Told(by=by, reason=reason))


def close_booking(
    key: Key, day: DayOption, by: By, reason: Reason = "", config: ConfigOption = None, district: DistrictOption = None
) -> None:
    """登记一个场次的挂号在哪一天截止；从挂号截止起算的时限由此开始。

    例：zuozhen activity close-booking 2024年第1期 --day 2024-09-20 --by 王芳
    """
    _act(config, district, Happening(event="booking_closed", key=key, day=_day(day)), Told(by=by, reason=reason))


def end(
    key: Key,
    by: By,
    day: DayOption = None,
    sort: SortOption = Sort.ACTIVITY,
    of: OfOption = "",
    department: DepartmentOption = "",
    title: Annotated[str, typer.Option("--title", metavar="主题", help="主题")] = "",
    reason: Reason = "",
    arrival: ArrivalOption = "",
    config: ConfigOption = None,
    district: DistrictOption = None,
) -> None:
    """登记一个场次或活动已经举行；事先没有登记的（如一次走访），写明种类、部门和日期，一并登记。

    例：zuozhen activity end 2024年第1期 --by 王芳
    例：zuozhen activity end 走访云南某公司 --of 企业走访 --department swj --day 2024-10-15 --by 李明
    """
    happening = Happening(event="ended", key=key, day=_day(day), sort=SubjectSort(sort), of=of, title=title, department=department)
    _act(config, district, happening, Told(by=by, reason=reason or arrival), arrival)


def cancel(key: Key, by: By, reason: Reason = "", config: ConfigOption = None, district: DistrictOption = None) -> None:
    """登记一个场次或活动取消；它的时限随之作废。

    例：zuozhen activity cancel 2024年第1期 --by 王芳 --reason 改在下月
    """
    _act(config, district, Happening(event="cancelled", key=key), Told(by=by, reason=reason))


def receive(
    key: Key,
    by: By,
    kind: Annotated[str, typer.Argument(metavar="时限代号", help="收到的是哪一样，如 receipt；定期事项只有一样，不写")] = "",
    reason: Reason = "",
    arrival: ArrivalOption = "",
    config: ConfigOption = None,
    district: DistrictOption = None,
) -> None:
    """登记收到了什么（方案、报告、清单、回执单）或办了什么（电话叫号）；这一样的时限就算办到。

    例：zuozhen activity receive 2024年第1期 receipt --by 王芳 --reason 公文交换系统第12号
    例：zuozhen activity receive '2023年10月 报送活动开展情况（月报） 区投资服务中心' --by 王芳 --arrival A-12
    """
    _act(config, district, Happening(event="received", key=key, kind=kind), Told(by=by, reason=reason or arrival), arrival)


def heed(key: Key, by: By, reason: Reason = "", config: ConfigOption = None, district: DistrictOption = None) -> None:
    """登记责任方收悉了催办；逾期的，下一级督促省去一次。

    例：zuozhen activity heed 2024年第1期 --by 李明 --reason 周五前报
    """
    _act(config, district, Happening(event="heeded", key=key), Told(by=by, reason=reason))


def import_(
    file: Annotated[Path, typer.Argument(metavar="文件", help="事件文件（YAML），每件事一行，见 docs/工作日与时限.md")],
    by: By,
    config: ConfigOption = None,
    district: DistrictOption = None,
) -> None:
    """按文件依次登记；同一个文件再读一次不会重复登记。读到哪一件不成立就停下，说明是第几件，以前的已经登记。

    例：zuozhen activity import 九月.yaml --by 王芳
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        id_ = chosen_district(districts, district)
        happenings = read_happenings(file, districts[id_].rulebook.district.timezone)
        activities, new = _activities(stores, districts), 0
        for number, happening in enumerate(happenings, start=1):
            try:
                new += await activities.happen(id_, happening, Told(by=by, reason=f"{file.name}第{number}件"))
            except UsageError as error:
                raise UsageError(f"{file.name} 第{number}件：{error}") from error
        done(f"{len(happenings)} 件事，新登记 {new} 件，其余先前已登记。")

    with_stores(config, work)


def _act(config: Path | None, district: str | None, happening: Happening, told: Told, arrival: str = "") -> None:
    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        id_ = chosen_district(districts, district)
        has_changed = await _activities(stores, districts).happen(id_, happening, told)
        await settle(stores, arrival, told.by)
        if not has_changed:
            done(f"“{happening.key}”没有变化：先前已登记，或没有在等的这一样。")
            return
        subject = await stores.subjects.get(id_, happening.key)
        done("\n".join(_lines(subject, await stores.deadlines.of_subject(subject.id), districts[id_])))

    with_stores(config, work)


def _activities(stores: Stores, districts: dict[str, DistrictFiles]) -> Activities:
    return Activities(offices={id_: open_desk(files) for id_, files in districts.items()}, subjects=stores.subjects, now=utc_now)


def _day(day: datetime | None) -> date | None:
    return day.date() if day else None


def _lines(subject: Subject, owed: Iterable[Deadline], files: DistrictFiles) -> list[str]:
    district = files.rulebook.district
    whose = show.department_name(subject.department, district) if subject.department else district.coordinator
    span = f"{subject.day}" if subject.day == subject.until else f"{subject.day} 至 {subject.until}"
    counted = f"　已计 {len(subject.done)} 天：{'、'.join(map(str, subject.done))}" if subject.done else ""
    return [
        f"{subject.key}　{SORT_WORDS[subject.sort]}　{SUBJECT_STATE_WORDS[subject.state]}",
        f"  {subject.title or subject.of or '（无主题）'}　{whose}　{span}{counted}",
        "【时限】",
        *([line for deadline in owed for line in show.deadline_lines(deadline)] or ["  （没有）"]),
    ]


def _row(subject: Subject, owed: Iterable[Deadline], files: DistrictFiles) -> tuple[str, ...]:
    district = files.rulebook.district
    open_ = [show.due_text(deadline.due) for deadline in owed if deadline.state is DeadlineState.OPEN]
    return (
        shorten(subject.key, 36),
        SORT_WORDS[subject.sort],
        show.department_name(subject.department, district) if subject.department else district.coordinator,
        f"{subject.day}" if subject.day == subject.until else f"{subject.day}—{subject.until}",
        SUBJECT_STATE_WORDS[subject.state],
        "；".join(open_) or "—",
    )


def _json(subject: Subject, owed: Iterable[Deadline]) -> dict[str, object]:
    value: dict[str, object] = json.loads(to_json(subject))
    value["deadlines"] = [json.loads(to_json(deadline)) for deadline in owed]
    return value
