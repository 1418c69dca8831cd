"""`zuozhen activity returns` and `unread`: who has handed in what, who has not and since when, and what came by mail and was not understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated

import typer

from daemon.cli import show
from daemon.cli.output import as_json, done, local, shorten, table
from daemon.cli.place import ConfigOption, DistrictOption, JsonOption, LimitOption, chosen_district, with_stores
from daemon.districts import DistrictFiles
from daemon.returns import KEPT_FOR
from daemon.review import arrival_named
from daemon.stores import Stores
from daemon.wiring import utc_now
from notifier.dates import local_date
from rules.deadline_kinds import Kind
from store.errors import UsageError
from store.owing import Deadline, DeadlineState, Subject, SubjectSort
from store.returning import RETURN_TOPIC

ArrivalOption = Annotated[str, typer.Option("--arrival", metavar="编号", help="据哪一封来件登记，如 A-12；那一封不再列为待认")]


@dataclass(slots=True)
class _Round:
    """One period of one kind, or one activity: who has handed in, and who has not, by what day."""

    kind: Kind
    name: str
    day: date
    delivered: list[str] = field(default_factory=list)
    missing: list[tuple[str, date]] = field(default_factory=list)


def returns(
    config: ConfigOption = None,
    district: DistrictOption = None,
    kind: Annotated[str, typer.Option("--kind", metavar="时限代号", help="只看哪一样，如 monthly")] = "",
    missing: Annotated[bool, typer.Option("--missing", help="只看还有没报送的")] = False,
    limit: LimitOption = 30,
    json_: JsonOption = False,
) -> None:
    """列出近一年各期、各次活动应报送应办的：谁已经报送，谁还没有，期限是哪一天、逾期几天；新的在前。

    例：zuozhen activity returns --kind monthly --missing
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        id_ = chosen_district(districts, district)
        files = districts[id_]
        kinds = {one.id: one for one in files.rulebook.settings.kinds.by_id.values() if not one.of_a_case}
        if kind and kind not in kinds:
            raise UsageError(f"没有名为 {kind} 的时限；有：{'、'.join(kinds)}")
        today = local_date(utc_now(), files.rulebook.district.timezone)
        standing = await stores.returns.standing(id_, today - KEPT_FOR)
        rounds = [one for one in _rounds(standing, kinds, files) if kind in {"", one.kind.id} and (one.missing or not missing)][:limit]
        if json_:
            as_json([_json(one, today) for one in rounds])
            return
        rows = [(one.kind.label, one.name, "、".join(one.delivered) or "—", _missing(one.missing, today)) for one in rounds]
        table(("哪一样", "期次、活动", "已报送、已办", "还没有"), rows, empty="还没有应报送的。")

    with_stores(config, work)


def unread(config: ConfigOption = None, limit: LimitOption = 50, json_: JsonOption = False) -> None:
    """列出用邮件报送、但没有认出或来信人不明的来件，和用什么命令登记。

    例：zuozhen activity unread
    """

    async def work(stores: Stores, _districts: dict[str, DistrictFiles]) -> None:
        waiting = [one for one in await stores.cases.not_cases() if one.decision.topic == RETURN_TOPIC][:limit]
        letters = [(one, one.petition.letter, one.petition.letter.sender) for one in waiting]
        if json_:
            as_json(
                [
                    {
                        "arrival": f"A-{one.arrival_id}",
                        "received_at": one.received_at.isoformat(),
                        "sender": sender.address if sender else "",
                        "subject": letter.subject,
                        "files": [file.name for file in letter.attachments],
                        "why": list(one.decision.review),
                    }
                    for one, letter, sender in letters
                ]
            )
            return
        for one, letter, sender in letters:
            done(
                f"A-{one.arrival_id}　{local(one.received_at)}　{sender.address if sender else '（无发件人）'}　{shorten(letter.subject, 40)}"
            )
            if letter.attachments:
                done(f"  附件：{'、'.join(shorten(file.name, 40) for file in letter.attachments)}")
            for why in one.decision.review:
                done(f"  {why}")
        if not waiting:
            done("没有待认的报送。")
            return
        done("\n看原信：zuozhen case show A-编号")
        done("登记：　zuozhen activity receive 名称 时限代号 --arrival A-编号 --by 姓名（名称见 zuozhen activity list）")
        done("不是：　zuozhen case confirm A-编号 --by 姓名 --reason 不是应报送的")

    with_stores(config, work)


async def settle(stores: Stores, arrival: str, by: str) -> None:
    """Take *arrival* ("" for none) off the list of what was not understood, now that it is ticked off. Raises UsageError where it is not on it."""
    if not arrival:
        return
    id_ = arrival_named(arrival)
    if id_ is None:
        raise UsageError(f"{arrival} 不是来件编号，应形如 A-12；用 zuozhen activity unread 查看")
    await stores.cases.confirm_not_a_case(id_, actor=by, reason="已登记收到", now=utc_now())


def _rounds(standing: Sequence[tuple[Subject, Deadline]], kinds: Mapping[str, Kind], files: DistrictFiles) -> list[_Round]:
    found: dict[tuple[str, str], _Round] = {}
    district = files.rulebook.district
    for subject, deadline in standing:
        if deadline.kind not in kinds or deadline.state is DeadlineState.VOID:
            continue
        kind = kinds[deadline.kind]
        name = subject.key.split(" ")[0] if subject.sort is SubjectSort.PERIOD else subject.key
        owner = "" if kind.owes == "coordinator" else subject.department
        who = show.department_name(owner, district) if owner else district.coordinator
        one = found.setdefault((kind.id, name), _Round(kind, name, subject.day))
        if deadline.state is DeadlineState.MET:
            one.delivered.append(who)
        else:
            counted = f"（已计{len(subject.done)}天）" if kind.counts and kind.times > 1 else ""
            one.missing.append((f"{who}{counted}", deadline.due.last))
    return sorted(found.values(), key=lambda one: (one.day, one.kind.id), reverse=True)


def _missing(missing: Sequence[tuple[str, date]], today: date) -> str:
    by_day: dict[date, list[str]] = {}
    for who, day in missing:
        by_day.setdefault(day, []).append(who)
    parts = [f"{'、'.join(names)}（{day.month}月{day.day}日前{_late(day, today)}）" for day, names in sorted(by_day.items())]
    return "；".join(parts) or "—"


def _late(day: date, today: date) -> str:
    return f"，逾期{(today - day) // timedelta(days=1)}天" if day < today else ""


def _json(one: _Round, today: date) -> dict[str, object]:
    missing = [{"who": who, "due": day.isoformat(), "late_days": max(0, (today - day).days)} for who, day in one.missing]
    return {"kind": one.kind.id, "label": one.kind.label, "name": one.name, "delivered": one.delivered, "missing": missing}
