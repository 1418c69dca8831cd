"""Checks on the kinds of deadlines: ZZ316 and ZZ317."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rules.deadline_kinds import RANK_WORDS
from rules.workbench.lint import Found, Severity, Subject, check


@check("ZZ316", "两级督促在同一天", Severity.ERROR)
def _rungs_of_one_day(subject: Subject) -> Iterator[Found]:
    for kind in subject.book.settings.kinds.by_id.values():
        for after, count in Counter(rung.after for rung in kind.ladder).items():
            if count > 1:
                ranks = "、".join(RANK_WORDS[rung.to] for rung in kind.ladder if rung.after == after)
                message = f"逾期 {after} 个工作日写了 {count} 级（{ranks}），同一时刻只发得出一级"
                yield subject.places.setting(f"deadlines.kinds.{kind.id}.ladder"), kind.id, message, "改成不同的 after，或只留一级"


@check("ZZ317", "场次没有承诺的天数", Severity.ERROR)
def _days_of_no_case(subject: Subject) -> Iterator[Found]:
    for kind in subject.book.settings.kinds.by_id.values():
        if not kind.of_a_case and isinstance(kind.days, str):
            message = f"场次、活动没有 {kind.days}，会当作 0 天，当天就到期"
            yield subject.places.setting(f"deadlines.kinds.{kind.id}.days"), kind.id, message, "days 写天数"
