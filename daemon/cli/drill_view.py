"""How a drill is shown: the calendar of what was sent to whom, planned beside actual for each kind of deadline, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from daemon.cli.output import plain, shorten
from daemon.cli.show import PURPOSES
from daemon.drill.events import NOTE, Deed
from daemon.drill.play import Outcome
from daemon.drill.script import moment_of
from daemon.drill.tallies import KindTally, Line
from daemon.rehearsal import Message
from rules.deadline_kinds import RANK_WORDS
from rules.explain import basis_in_words
from store.life import BY_NAME
from store.model.notice import QueuedNotice
from store.week import weekday

KIND_COLUMNS = ("时限", "依据", "件次", "应发", "已发", "漏发", "重发", "最大偏差")
STEP_COLUMNS = ("计划", "实发", "时限", "件号或名称", "期满", "哪一步", "发给")
_HAPPENINGS = {
    "announced": "登记日期",
    "booking_closed": "挂号截止",
    "ended": "已举行",
    "cancelled": "取消",
    "received": "收到",
    "heeded": "收悉催办",
}
_STEPS = {"remind": "提醒", "late": "期限已过"}
_SUBJECT = 46


def calendar_lines(outcome: Outcome) -> Iterator[str]:
    """Yield the calendar: each day with what came in, what was done and what was sent; days off by notice even where nothing was."""
    by_day: dict[date, list[str]] = {}
    for moment, line in sorted([*_happened(outcome), *_sent(outcome)], key=lambda entry: entry[0]):
        by_day.setdefault(moment.date(), []).append(line)
    day = outcome.first
    while day <= outcome.last:
        if day in by_day or outcome.calendar.is_special(day):
            yield _day(day, outcome)
            yield from by_day.get(day, ())
        day += timedelta(days=1)


def _day(day: date, outcome: Outcome) -> str:
    return f"{day} 周{weekday(day)}　{outcome.calendar.day(day).why}"


def _happened(outcome: Outcome) -> Iterator[tuple[datetime, str]]:
    failed = {id(item): problem for item, problem in outcome.refused}
    for item in outcome.items:
        moment = moment_of(item).astimezone(outcome.zone)
        if isinstance(item, Message):
            words = f"来件　{item.source} → {outcome.numbers.get(item.source) or '（未登记）'}"
        else:
            about = item.happening.key if item.happening else outcome.numbers.get(item.case, item.case)
            words = f"{_event_words(item)}　{about}（{item.by}）"
        problem = failed.get(id(item))
        yield moment, f"    {moment:%H:%M} · {words}{f'　没有发生：{problem}' if problem else ''}"


def _event_words(event: Deed) -> str:
    if event.happening is not None:
        return _HAPPENINGS[event.event]
    step = BY_NAME.get(event.event)
    return step.words if step else "备注" if event.event == NOTE else event.event


def _sent(outcome: Outcome) -> Iterator[tuple[datetime, str]]:
    for queued in outcome.ledger.sent:
        moment = queued.created_at.astimezone(outcome.zone)
        purpose = PURPOSES.get(queued.notice.purpose.value, queued.notice.purpose.value)
        yield moment, f"    {moment:%H:%M} → {_who(queued, outcome)}　{purpose}　{shorten(queued.notice.subject, _SUBJECT)}"


def _who(queued: QueuedNotice, outcome: Outcome) -> str:
    address = queued.notice.to.address
    return f"{outcome.names.get(address.casefold(), '企业')} <{address}>"


def kind_rows(outcome: Outcome) -> list[Sequence[str]]:
    """Return a row for each kind of deadline of the pack."""
    return [_kind_row(tally) for tally in outcome.ledger.kinds]


def _kind_row(tally: KindTally) -> Sequence[str]:
    sent = len(tally.lines) - tally.missed
    numbers = [str(number) for number in (tally.deadlines, len(tally.lines), sent, tally.missed, tally.doubled)]
    basis = basis_in_words(tally.kind.basis) if tally.kind.basis else "规则包 sessions"
    return (tally.kind.label, basis, *numbers, f"{tally.late_s:.0f} 秒" if sent else "—")


def step_rows(outcome: Outcome) -> list[Sequence[str]]:
    """Return a row for each step of each deadline, by the kinds' order and the planned time."""
    labels = {tally.kind.id: tally.kind.label for tally in outcome.ledger.kinds}
    return [_step_row(line, labels[line.kind], outcome) for tally in outcome.ledger.kinds for line in tally.lines]


def _step_row(line: Line, label: str, outcome: Outcome) -> Sequence[str]:
    zone = outcome.zone
    sent = "漏发"
    if line.taken and line.mails:
        sent = "准时" if line.taken == line.planned else f"{line.taken.astimezone(zone):%m-%d %H:%M}"
    step = _STEPS.get(line.what) or ("按时发出" if not line.to else "") or f"逾期→{RANK_WORDS.get(line.to, line.to)}"
    to = "、".join(outcome.names.get(mail.notice.to.address.casefold(), mail.notice.to.address) for mail in line.mails)
    return (f"{line.planned.astimezone(zone):%Y-%m-%d %H:%M}", sent, label, line.about, line.due.isoformat(), step, to)


def summary_line(outcome: Outcome) -> str:
    """Return the figures of the whole drill in one line."""
    tallies = outcome.ledger.kinds
    planned, missed, doubled = (sum(value) for value in zip(*((len(one.lines), one.missed, one.doubled) for one in tallies), strict=True))
    mails = sum(isinstance(item, Message) for item in outcome.items)
    days = (
        f"{outcome.first} 至 {outcome.last}：来件 {mails} 封，经办 {len(outcome.items) - mails} 次，发出邮件 {len(outcome.ledger.sent)} 封"
    )
    skipped = f"；另有 {outcome.skipped} 项不在这段时间内，没有演练" if outcome.skipped else ""
    unsent = f"；未能发出 {len(outcome.ledger.unsent)} 封" if outcome.ledger.unsent else ""
    return f"{days}；应发时限、场次邮件 {planned} 次，漏发 {missed}，重发 {doubled}{unsent}{skipped}"


def refused_lines(outcome: Outcome) -> list[str]:
    """Return what could not happen, and why."""
    return [
        f"{getattr(item, 'place', '') or '来件'}　{moment_of(item).astimezone(outcome.zone):%Y-%m-%d %H:%M}　{plain(problem)}"
        for item, problem in outcome.refused
    ]


def drill_json(outcome: Outcome) -> dict[str, object]:
    """Return the whole outcome as a program reads it."""
    return {
        "from": outcome.first,
        "until": outcome.last,
        "cases": dict(outcome.numbers),
        "sent": [_mail_json(queued, outcome) for queued in outcome.ledger.sent],
        "unsent": [_mail_json(queued, outcome) for queued in outcome.ledger.unsent],
        "kinds": [_kind_json(tally) for tally in outcome.ledger.kinds],
        "refused": [{"at": moment_of(item).isoformat(), "what": _name(item), "problem": problem} for item, problem in outcome.refused],
        "skipped": outcome.skipped,
    }


def _name(item: Message | Deed) -> str:
    return item.source if isinstance(item, Message) else f"{item.happening.key if item.happening else item.case} {item.event}"


def _mail_json(queued: QueuedNotice, outcome: Outcome) -> dict[str, object]:
    at = queued.created_at.astimezone(outcome.zone)
    day = outcome.calendar.day(at.date())
    return {
        "at": at.isoformat(),
        "weekday": at.isoweekday(),
        "working_day": day.counted,
        "day": day.why,
        "to": queued.notice.to.address,
        "who": outcome.names.get(queued.notice.to.address.casefold(), "企业"),
        "purpose": queued.notice.purpose.value,
        "case": queued.case_number,
        "subject": queued.notice.subject,
        "message_id": queued.message_id,
        "state": queued.state.value,
    }


def _kind_json(tally: KindTally) -> dict[str, object]:
    steps = [
        {
            "about": line.about,
            "due": line.due,
            "what": line.what,
            "to": line.to,
            "planned": line.planned.isoformat(),
            "sent": line.taken.isoformat() if line.taken and line.mails else None,
            "message_ids": [mail.message_id for mail in line.mails],
        }
        for line in tally.lines
    ]
    counts = {"deadlines": tally.deadlines, "planned": len(steps), "missed": tally.missed, "doubled": tally.doubled}
    return {"kind": tally.kind.id, "label": tally.kind.label, "basis": tally.kind.basis, **counts, "steps": steps}
