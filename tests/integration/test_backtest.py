"""A history decided again by another pack: what changes, what the rules saw at the time, and the report of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import daemon.backtest
from daemon.backtest import Asked, _Desk, _Stretch, backtest
from daemon.config import StoreSection
from daemon.past import Span
from rules.rulebook import RuleBook, load_pack
from rules.workbench.backtest import Summary
from rules.workbench.pool import Files, Kit
from rules.workbench.reach import Reach
from rules.workbench.report import Heading, report
from store.history import History, Past, Period
from store.model.decision import Decision
from tests.integration.past import LETTERS, START, history, small_pack

FOLLOWS = (
    "- rule: 同一企业\n  about: 同一企业\n  basis: policy\n"
    "  when: {all: [{candidate: {same: [phone]}}]}\n  then: {duplicate: true, urgent: true}\n"
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the small pack, complete enough to open a house with."""
    return small_pack(tmp_path / "old")


@pytest.fixture
def changed(old: Path) -> Callable[[dict[str, str]], RuleBook]:
    """Return what makes a pack from the small one by replacing texts in its rules on departments."""

    def change(texts: dict[str, str]) -> RuleBook:
        pack = Path(shutil.copytree(old, old.with_name("new")))
        rules = pack / "rules" / "20_routing.yaml"
        whole = rules.read_text(encoding="utf-8")
        for text, other in texts.items():
            assert text in whole
            whole = whole.replace(text, other)
        rules.write_text(whole, encoding="utf-8")
        return load_pack(pack)

    return change


def asked(url: str, old: RuleBook, new: RuleBook) -> Asked:
    """Return the question, every petition re-checked, by one child."""
    return Asked(
        span=Span(store=StoreSection(url=url), period=Period(district=new.district.id)),
        old=("old", old.files),
        old_digest=old.digest,
        new=("new", new.files),
        recorded=False,
        recheck=1,
        processes=1,
    )


def run(question: Asked) -> tuple[Summary, list[tuple[int, int]]]:
    """Return the summary, and what progress was told."""
    told: list[tuple[int, int]] = []
    return backtest(question, lambda finished, total: told.append((finished, total))), told


def run_here(
    packs: Sequence[Files], work: Callable[[Kit, list[_Stretch]], Summary], chunks: Iterable[list[_Stretch]], *, processes: int
) -> Iterator[Summary]:
    """Do what the child would do in this process, where it can be watched, and let go of what a child takes with it when it ends."""
    assert processes
    kit = Kit(packs)
    try:
        yield from (work(kit, chunk) for chunk in chunks)
    finally:
        desk = kit.held["desk"]
        assert isinstance(desk, _Desk)
        desk.reader.close()
        if desk._engine is not None:
            desk._engine.close()


async def summary_of(question: Asked) -> Summary:
    """Return the summary alone."""
    return (await asyncio.to_thread(run, question))[0]


async def test_the_same_pack_changes_nothing(old: Path) -> None:
    """Decided again by the pack that decided first, a history comes out as it was, by both evaluators."""
    book = load_pack(old)
    async with history(old, LETTERS) as (_, url):
        summary, told = await asyncio.to_thread(run, asked(url, book, book))
        recorded, _ = await asyncio.to_thread(run, replace(asked(url, book, book), recorded=True, recheck=0))

    assert (summary.total, summary.changed, summary.rechecked) == (4, 0, 4)
    assert (summary.unlike, summary.failed) == ([], [])
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert (recorded.total, recorded.changed, recorded.rechecked) == (4, 0, 0)


async def test_another_department_is_a_grave_change(old: Path, changed: Callable[[dict[str, str]], RuleBook]) -> None:
    """Each change names the case, both outcomes, the rules that came and went, and both traces; the report shows them escaped."""
    new = changed({"事项_停水\n": "事项_停水改\n", "route: gsj": "route: gdj"})
    async with history(old, LETTERS) as (_, url):
        summary, _ = await asyncio.to_thread(run, asked(url, load_pack(old), new))
    page = report(summary, Heading(district="示例区", old="规则包 a ", new="b", period="全部历史", made="2026-11-27 09:00"))

    assert (summary.total, summary.changed, summary.grave) == (4, 2, 2)
    assert summary.kinds == {"department": 2}
    assert summary.moves == {("受理，区供水局", "受理，区供电局"): 2}
    assert (summary.came, summary.went) == ({"事项_停水改": 2}, {"事项_停水": 2})
    assert [change.number for change in summary.changes] == ["LT-2024-0001", "LT-2024-0003"]
    assert any("[事项_停水]" in line for line in summary.changes[0].trace_before)
    assert any("[事项_停水改]" in line for line in summary.changes[0].trace_after)
    assert "停水&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert '受理，区供水局 → <span class="after">受理，区供电局</span>' in page


@pytest.mark.parametrize(
    ("effect", "kind"), [("level: 重大", "grade"), ("classes: [部门任务]", "grade"), ("urgent: true", "urgent"), ("review: 请看", "review")]
)
async def test_what_changes_beside_verdict_and_lead_is_told(
    old: Path, changed: Callable[[dict[str, str]], RuleBook], effect: str, kind: str
) -> None:
    """Another level, class or haste is a change of the petitions the rule fires on, though no grave one."""
    new = changed({"route: gsj": f"{effect}, route: gsj"})
    async with history(old, LETTERS) as (_, url):
        summary = await summary_of(asked(url, load_pack(old), new))

    assert (summary.changed, summary.grave, summary.kinds) == (2, 0, {kind: 2})


async def test_period_and_limit(old: Path) -> None:
    """Only what came within the period counts, the oldest first, up to the limit."""
    book = load_pack(old)
    async with history(old, LETTERS) as (_, url):
        everything = replace(asked(url, book, book), recheck=0)
        later, earlier, limited, elsewhere = (
            replace(everything, span=replace(everything.span, **change))
            for change in (
                {"period": Period(district="lint", since=START + timedelta(hours=2))},
                {"period": Period(district="lint", until=START + timedelta(hours=1))},
                {"limit": 3},
                {"period": Period(district="other")},
            )
        )
        totals = [(await asyncio.to_thread(run, question))[0].total for question in (later, earlier, limited, elsewhere)]

    assert totals == [2, 1, 3, 0]


async def test_candidates_are_those_of_the_time(old: Path) -> None:
    """A petition sees the cases before it and not those after it, as when it was decided."""
    (old / "rules" / "90.yaml").write_text(FOLLOWS, encoding="utf-8")
    book = load_pack(old)
    letters = tuple(f"{letter}\n\n联系人：沈秋实\n联系电话：13800000001\n" for letter in LETTERS)
    async with history(old, letters) as (house, url):
        past = History(house.stores.database)
        found = await past.with_candidates(book.district, await past.recorded([1, 2, 3, 4]))
        summary, _ = await asyncio.to_thread(run, asked(url, book, book))

    assert [[candidate.case_id for candidate in past.candidates] for past in found] == [[], [1], [2, 1], [3, 2, 1]]
    assert [past.recorded.decision.urgent for past in found] == [False, True, True, True]
    assert (summary.total, summary.changed) == (4, 0)


@pytest.mark.parametrize(
    "texts",
    [
        {"route: gsj": "route: gdj"},
        {"weight: 3": "weight: 2"},
        {"[{mention: 停水}]": "[{mention: 停水}, {mention: 政府}]"},
        {"[{mention: 停电}]": "[{candidate: {same: [phone]}}]"},
    ],
)
async def test_what_is_out_of_reach_is_counted_as_if_it_had_been_decided(
    old: Path, changed: Callable[[dict[str, str]], RuleBook], texts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is the same whether every petition is decided or only those that the change can reach; whichever pack had decided."""
    monkeypatch.setattr(daemon.backtest, "run", run_here)
    new = changed(texts)
    letters = (*(f"{letter}\n\n联系电话：13800000001\n" for letter in LETTERS), *LETTERS[:2])
    async with history(old, letters) as (_, url):
        whole = replace(asked(url, load_pack(old), new), every=True, recheck=0)
        by_every = await summary_of(whole)
        by_reach = await summary_of(replace(whole, every=False))
        sampled = await summary_of(replace(whole, every=False, recheck=2))
        back = replace(whole, old=whole.new, old_digest=new.digest, new=whole.old)
        back_by_every, back_by_reach = await summary_of(back), await summary_of(replace(back, every=False))

    assert by_reach == by_every
    assert replace(sampled, rechecked=0) == by_every
    assert back_by_reach == back_by_every
    assert by_every.total == 6
    assert by_every.changed == back_by_every.changed


async def test_only_what_can_be_reached_is_decided(
    old: Path, changed: Callable[[dict[str, str]], RuleBook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four petitions, a change of the rule on water makes the two that speak of water be decided."""
    decided: list[int] = []
    honest = _Desk.decide

    def decide(desk: _Desk, past: Past, book: RuleBook, *, near_misses: bool = False) -> Decision:
        decided.append(past.recorded.arrival_id)
        return honest(desk, past, book, near_misses=near_misses)

    monkeypatch.setattr(_Desk, "decide", decide)
    monkeypatch.setattr(daemon.backtest, "run", run_here)
    new = changed({"route: gsj": "route: gdj"})
    async with history(old, LETTERS) as (_, url):
        summary, _ = await asyncio.to_thread(run, replace(asked(url, load_pack(old), new), recheck=0))

    assert set(decided) == {1, 3}
    assert (summary.total, summary.changed) == (4, 2)


async def test_a_wrong_proof_is_told(old: Path, changed: Callable[[dict[str, str]], RuleBook], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the petitions said to be out of reach a share is decided nevertheless; where the packs differ on one, the run says so."""
    monkeypatch.setattr(Reach, "may_touch", lambda *_: False)
    monkeypatch.setattr(daemon.backtest, "run", run_here)
    new = changed({"route: gsj": "route: gdj"})
    async with history(old, LETTERS) as (_, url):
        summary, _ = await asyncio.to_thread(run, asked(url, load_pack(old), new))

    assert summary.unlike == [f"来件 {number}：推断新旧规则包判断相同，逐件判断却不同" for number in (1, 3)]
