"""Tries a pack: every example beside a rule, every case of the case files. What is right is known; this tells what came instead, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rules.decide import decide
from rules.explain import explain, verdict_in_words
from rules.language import ReceivedIs, Sample
from rules.rulebook import RuleBook
from rules.samples import candidates_of, petition_of
from rules.workbench.cases import Case
from rules.workbench.coverage import Seen, Watch
from rules.workbench.logic import conjuncts
from rules.workbench.pool import Kit, run_all
from store.model.decision import Decision, Verdict

_TRACE_LINES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One thing to try: an example of the rule `rule`, or a case."""

    name: str
    sample: Sample
    rule: str = ""
    fires: bool = True  # with a rule: whether it must
    case: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it: what was expected and what came, in Chinese, and the decision line by line where they differ."""

    name: str
    place: str
    passed: bool
    expected: str
    got: str
    trace: tuple[str, ...] = ()


def trials(book: RuleBook, cases: Sequence[Case]) -> list[Trial]:
    """Return everything there is to try: the examples in the order of the rules, then *cases*."""
    examples = [
        Trial(name=f"规则 {rule.name} 的例子 {number}", sample=example.sample, rule=rule.name, fires=example.fires)
        for rule in book.rules.values()
        for number, example in enumerate(rule.examples, 1)
    ]
    return [*examples, *(Trial(name=f"用例 {case.name}", sample=case.sample, case=case) for case in cases)]


def try_all(book: RuleBook, cases: Sequence[Case], *, now: datetime) -> Iterator[tuple[list[Tried], Seen]]:
    """Yield, some at a time and in order, what came of every example and case, and what of the rules it touched.

    *now* is when they all came in.
    """
    everything = [(trial, _moment(book, trial, now)) for trial in trials(book, cases)]
    return run_all([(book.district.id, book.files)], _try_some, everything)


def _moment(book: RuleBook, trial: Trial, now: datetime) -> datetime:
    """Return when the sample of *trial* comes in: at *now*, but an example of a rule not yet or no longer in force on a day when it is."""
    if not trial.rule:
        return now
    bounds = [part for part in conjuncts(book.rules[trial.rule].when) if isinstance(part, ReceivedIs)]
    first = max((part.since for part in bounds if part.since is not None), default=0)
    last = min((part.until for part in bounds if part.until is not None), default=99_999_999)
    zone = ZoneInfo(book.district.timezone)
    today = int(f"{now.astimezone(zone):%Y%m%d}")
    day = min(max(today, first), last)
    return now if day == today else datetime.strptime(f"{day} 12", "%Y%m%d %H").replace(tzinfo=zone)


def _try_some(kit: Kit, chunk: list[tuple[Trial, datetime]]) -> tuple[list[Tried], Seen]:
    (book,) = kit.books
    watch = Watch(book)
    return [_judge(trial, _decide(trial.sample, kit, watch, now), book) for trial, now in chunk], watch.seen


def _decide(sample: Sample, kit: Kit, watch: Watch, now: datetime) -> Decision:
    return decide(
        petition_of(sample),
        candidates_of(sample, now),
        rulebook=kit.books[0],
        calendar=kit.calendar,
        infer=watch.infer,
        now=now,
        engine="reference",
    )


def _judge(trial: Trial, decision: Decision, book: RuleBook) -> Tried:
    if trial.case is not None:
        expected, got, passed = _of_case(trial.case, decision)
    else:
        expected, got, passed = _of_example(trial, decision)
    return Tried(
        name=trial.name,
        place=trial.sample.place,
        passed=passed,
        expected=expected,
        got=got,
        trace=() if passed else tuple(explain(decision, book.district)[:_TRACE_LINES]),
    )


def _of_example(trial: Trial, decision: Decision) -> tuple[str, str, bool]:
    hit = next((hit for hit in decision.hits if hit.rule == trial.rule), None)
    missed = next((miss.missing for miss in decision.near_misses if miss.rule == trial.rule), "")
    if hit is None:
        got = f"不成立{f'，只差“{missed}”' if missed else ''}"
    else:
        got = f"被 [{hit.overridden_by}] 覆盖" if hit.overridden_by else "成立"
    return "成立" if trial.fires else "不成立", got, (got == "成立") is trial.fires


def _of_case(case: Case, decision: Decision) -> tuple[str, str, bool]:
    verdict = Verdict(case.verdict)
    passed = (
        decision.verdict is verdict
        and case.ground in {None, decision.ground}
        and (not case.departments or decision.department in case.departments)
    )
    expected, got = verdict_in_words(verdict, case.ground), verdict_in_words(decision.verdict, decision.ground)
    if case.departments:
        expected += f"，承办 {' 或 '.join(case.departments)}"
        got += f"，承办 {decision.department or '没有'}"
    return expected, got, passed
