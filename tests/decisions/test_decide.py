"""How what the rules say becomes one decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from rules.decide import decide
from rules.language import Fact, Firing
from rules.reference import Reference
from rules.rulebook import RuleBook
from store.errors import MalformedMessageError, WorkerFailedError
from store.model.arrival import Channel
from store.model.decision import Decision, Hit, Verdict
from store.model.petition import Recognition
from tests.decisions.material import NOW, automatic, calendar, candidate, decided, petition, small_pack

LISTS = """
水: [停水, 水压, 水表]
电: [停电, 断电]
法: [公证]
欠款: [货款]
起诉: {words: [起诉], except: [不起诉]}
广告: [推广]
空泛: [太难了]
催办: [催办]
例外词: [政府]
反例外: [但是]
"""
RULES = """
- {rule: 水, about: 供水, basis: policy, when: {all: [{mention: 水}]}, then: {route: water, weight: 3}}
- {rule: 电, about: 供电, basis: policy, when: {all: [{mention: 电}]}, then: {route: power, weight: 3}}
- {rule: 电_标题, basis: policy, when: {all: [{mention: 电, in: title}]}, then: {route: power, weight: 0.5}}
- {rule: 法, basis: policy, when: {all: [{mention: 法}]}, then: {route: law, weight: 1}}
- {rule: 要陪, basis: 三（四）, when: {all: [{mention: 水}, {mention: 法}]}, then: {accompany: [law, water]}}
- {rule: 广告, basis: policy, when: {all: [{mention: 广告}]}, then: {not_a_case: 广告}}
- {rule: 自动, basis: policy, when: {all: [{letter: automatic}]}, then: {not_a_case: 自动邮件, final: true}}
- {rule: 催办, basis: policy, when: {all: [{mention: 催办}, {candidate: {same: [name]}}]}, then: {follow_up: true}}
- {rule: 重复, basis: policy, when: {all: [{candidate: {same: [name], likeness_at_least: 0.5}}]}, then: {duplicate: true}}
- {rule: 补请求, basis: policy, when: {all: [{mention: 空泛}]}, then: {supplement: [请求]}}
- {rule: 补事实, basis: policy, when: {all: [{mention: 空泛}, {field: content, shorter_than: 10}]}, then: {supplement: [事实, 请求]}}
- {rule: 起诉, basis: 二3, when: {all: [{mention: 起诉}]}, then: {refuse: 3}}
- {rule: 民事, about: 民事争议, basis: 二2, when: {all: [{concluded: 欠款}]}, then: {refuse: 2, advice: law}}
- {rule: 欠款, basis: 二2, when: {all: [{mention: 欠款}]}, then: {conclude: 欠款}}
- {rule: 例外, basis: 二2, when: {all: [{mention: 例外词}]}, then: {review: 政府欠款}, overrides: [欠款]}
- {rule: 例外的例外, basis: 二2, when: {all: [{mention: 反例外}]}, then: {urgent: true}, overrides: [例外]}
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    """Return a pack with one rule for each thing a rule can do."""
    folder: Path = tmp_path_factory.mktemp("pack")
    return small_pack(folder, lists=LISTS, rules=RULES)


def hits(decision: Decision) -> dict[str, Hit]:
    """Return the hits of *decision* by rule."""
    return {hit.rule: hit for hit in decision.hits}


@pytest.mark.parametrize(
    ("content", "verdict", "ground"),
    [
        ("停水", "accept", None),
        ("没有说到什么", "accept", None),
        ("停水，已起诉", "refuse", 3),
        ("货款", "refuse", 2),
        ("起诉追货款", "refuse", 3),
        ("起诉，太难了", "supplement", None),
        ("起诉，太难了，催办", "follow_up", None),
        ("起诉，太难了，催办，推广", "not_a_case", None),
    ],
)
def test_verdicts_have_a_precedence(pack: RuleBook, content: str, verdict: str, ground: int | None) -> None:
    """Not a case goes before follow-up, before supplement, before refusal, before acceptance; of two grounds the pack's first."""
    decision = decided(pack, petition("", content), [candidate(3)])

    assert (decision.verdict.value, decision.ground) == (verdict, ground)


@pytest.mark.parametrize(
    ("content", "proposed"), [("停水", False), ("货款", True), ("推广", True), ("太难了", False), ("太难了，催办", False)]
)
def test_what_takes_a_right_away_is_only_proposed(pack: RuleBook, content: str, proposed: bool) -> None:  # noqa: FBT001 - a column of the table
    """Refusals and not-a-case wait for a person unless the rule says final."""
    assert decided(pack, petition("", content), [candidate(3)]).proposed is proposed


def test_nothing_final_rests_on_what_a_machine_read_off_a_page(pack: RuleBook) -> None:
    """A rule may say final: of a fax a person is asked all the same, and told why; of a mail nobody is."""
    mail = automatic("auto-reply")
    fax = replace(mail, channel=Channel.FAX, recognition=Recognition(pages=1, confidence=0.93))

    assert (decided(pack, mail).verdict, decided(pack, mail).proposed) == (Verdict.NOT_A_CASE, False)
    assert (decided(pack, fax).verdict, decided(pack, fax).proposed) == (Verdict.NOT_A_CASE, True)
    assert decided(pack, fax).review[-1] == "文字是机器从传真或扫描件上认出的（平均把握 93.0%），请对照原件核对后再定"


def test_exception_keeps_a_conclusion_from_being_drawn(pack: RuleBook) -> None:
    """What is set aside concludes nothing, stays in the trace, and says by what."""
    decision = decided(pack, petition("", "政府欠货款"))

    assert decision.verdict.value == "accept"
    assert decision.review == ("政府欠款", "没有规则指向承办部门，请人工确定")
    assert hits(decision)["欠款"].overridden_by == "例外"
    assert "民事" not in hits(decision)


def test_exception_that_is_set_aside_sets_nothing_aside(pack: RuleBook) -> None:
    """The exception to the exception brings the rule back."""
    decision = decided(pack, petition("", "政府欠货款，但是"))

    assert (decision.verdict.value, decision.ground) == ("refuse", 2)
    assert hits(decision)["例外"].overridden_by == "例外的例外"
    assert hits(decision)["欠款"].overridden_by == ""
    assert "政府欠款" not in decision.review


def test_refusal_quotes_the_words_its_conclusion_rests_on(pack: RuleBook) -> None:
    """A rule that rests on a conclusion quotes what the conclusion was drawn from."""
    asked = petition("", "拖欠货款不还")

    (quote,) = hits(decided(pack, asked))["民事"].quotes

    assert (quote.source, quote.text, quote.words) == ("content", "货款", "欠款")
    assert asked.content[quote.start : quote.end] == "货款"


def test_refusal_names_no_department_but_where_to_turn(pack: RuleBook) -> None:
    """Nobody is assigned a refused matter; the advice and the weights stay for the person who confirms."""
    decision = decided(pack, petition("", "停水，货款"))

    assert (decision.department, decision.advice, decision.accompanying, decision.due) == (None, "law", (), None)
    assert decision.scores == (("water", 3.0),)
    assert decision.topic == "民事争议"


def test_weights_are_summed_each_rule_once(pack: RuleBook) -> None:
    """A word repeated a hundred times weighs no more than once."""
    decision = decided(pack, petition("停电", "停水" * 50 + "停电" * 50))

    assert decision.scores == (("power", 3.5), ("water", 3.0))
    assert decision.department == "power"
    assert decision.topic == "供电"


def test_narrow_lead_goes_on_and_a_person_looks(pack: RuleBook) -> None:
    """A lead under the margin is no doubt kept silent; the second department accompanies."""
    decision = decided(pack, petition("停电", "停水"))

    assert decision.department == "power"
    assert decision.accompanying == ("water",)
    assert decision.review == ("电力局（3.5）与水务局（3）分量接近，请确认承办部门",)


def test_equal_weights_follow_the_directory(pack: RuleBook) -> None:
    """The same letter always goes to the same department."""
    assert decided(pack, petition("", "停水，停电")).scores == (("water", 3.0), ("power", 3.0))


def test_named_companion_accompanies_whatever_it_weighs_but_not_itself(pack: RuleBook) -> None:
    """A rule may ask for a department beside the lead; the lead does not accompany itself."""
    decision = decided(pack, petition("", "停水，公证"))

    assert (decision.department, decision.accompanying) == ("water", ("law",))


def test_accepted_without_department_goes_to_a_person(pack: RuleBook) -> None:
    """No rule on departments: nobody is guessed."""
    decision = decided(pack, petition("", "你好"))

    assert (decision.department, decision.review) == (None, ("没有规则指向承办部门，请人工确定",))


def test_supplement_asks_for_everything_at_once(pack: RuleBook) -> None:
    """What several rules miss is asked for in one letter, each thing once."""
    decision = decided(pack, petition("", "停水太难了"))

    assert decision.missing == ("请求", "事实")
    assert decision.department == "water"


def test_follow_up_names_its_case_and_duplicate_the_first_one(pack: RuleBook) -> None:
    """A follow-up belongs to the best candidate of its rule; a duplicate keeps its own verdict."""
    rows = [candidate(3, title="停电"), candidate(4, title="停水")]

    follow_up = decided(pack, petition("", "停水，催办"), rows)
    duplicate = decided(pack, petition("", "停水"), rows)

    assert (follow_up.verdict.value, follow_up.related_case) == ("follow_up", 4)
    assert (duplicate.verdict.value, duplicate.related_case) == ("accept", 4)


def test_candidate_without_a_rule_changes_nothing(pack: RuleBook) -> None:
    """An earlier case about something else is no duplicate."""
    assert decided(pack, petition("", "停水"), [candidate(3, title="停电")]).related_case is None


def test_accepted_matter_has_its_date(pack: RuleBook) -> None:
    """Five working days after the close of booking (CG-3.4), counted day by day."""
    due = decided(pack, petition("", "停水")).due

    assert due is not None
    assert (due.kind, due.basis, sum(day.counted for day in due.days)) == ("verification", "三（四）", 5)


def test_near_miss_tells_the_one_condition_that_was_missing(pack: RuleBook) -> None:
    """A clerk sees which verdict nearly came, and rules on departments and supplements make no noise."""
    decision = decided(pack, petition("", "催办停水太难了，有很多话要说"))

    assert [(miss.rule, miss.missing) for miss in decision.near_misses] == [("催办", "有以前的事项，企业名称相同")]


def test_departments_named_and_words_are_told(pack: RuleBook) -> None:
    """Whoever was named by the enterprise is shown, without deciding."""
    decision = decided(pack, petition("", "请自来水办处理停电"))

    assert (decision.named_departments, decision.department) == (("water",), "power")


def test_the_same_input_gives_the_same_decision(pack: RuleBook) -> None:
    """Deciding holds no state: a repeated call after a crash says the same."""
    asked, rows = petition("停电", "停水，货款，但是"), [candidate(3, title="停电")]

    assert decided(pack, asked, rows) == decided(pack, asked, rows)


def test_too_many_facts_go_to_a_person_with_what_was_said_before(pack: RuleBook) -> None:
    """A stage that cannot weigh the letter neither refuses nor loses it."""

    def infer(stage: int, facts: Iterable[Fact]) -> list[Firing]:
        if stage:
            raise MalformedMessageError("要权衡的事实太多，请人工处理")
        return Reference(pack.stages).infer(stage, facts)

    decision = decide(petition("", "停水，货款"), [], rulebook=pack, calendar=calendar(), infer=infer, now=NOW)

    assert (decision.verdict.value, decision.department) == ("accept", "water")
    assert decision.review == ("要权衡的事实太多，请人工处理",)


def test_failing_engine_is_the_callers_trouble(pack: RuleBook) -> None:
    """A dead worker is no reason to decide without rules."""

    def infer(stage: int, facts: Iterable[Fact]) -> list[Firing]:
        raise WorkerFailedError("子进程没有回答")

    with pytest.raises(WorkerFailedError):
        decide(petition("", "停水"), [], rulebook=pack, calendar=calendar(), infer=infer, now=NOW)
