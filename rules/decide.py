"""What the rules make of one petition: understand → admit → match → route → grade, pure but for the engine it is given.

What the engine cannot do is done here, in plain sight: conclusions of one stage become facts of the next, exceptions set rules aside,
weights are summed, a narrow lead goes to a person. The same call serves the daemon, the command line and the tests of a pack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from rules.calendar import Calendar
from rules.casefacts import CaseFacts
from rules.clauses import describe
from rules.deadlines import verification_due
from rules.explain import basis_in_words, compared_in_words, effect_in_words, weight_in_words
from rules.facts import Facts, facts_from
from rules.language import CLASSES, LEVELS, Firing, Infer, Mention, Rule, Then, leaves
from rules.reference import NearMisses
from rules.rulebook import RuleBook
from rules.settings import Routing
from store.errors import MalformedMessageError
from store.model.decision import Compared, Decision, Hit, NearMiss, Quote, Verdict
from store.model.district import District
from store.model.due import Due
from store.model.matching import Candidate
from store.model.petition import Petition


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fired:
    """A rule that fired, what it rests on, and the name of the exception that set it aside ("" if none)."""

    rule: Rule
    quotes: tuple[Quote, ...]
    matched: tuple[str, ...]  # ids of facts
    because: tuple[str, ...]  # what is no quotation, in Chinese
    aside: str = ""


@dataclass(slots=True)
class _Trace:
    """What the engine said so far. `problem` is why it had to stop before the last stage, "" if it did not."""

    facts: CaseFacts
    evidence: dict[str, tuple[Quote, ...]]
    compared: Mapping[str, Compared]  # by id of the fact
    fired: dict[str, _Fired] = field(default_factory=dict)
    problem: str = ""

    def active(self) -> list[_Fired]:
        """Return what fired and was not set aside, in the order of stages and pack."""
        return [fired for fired in self.fired.values() if not fired.aside]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admission:
    """The verdict and what goes with it."""

    verdict: Verdict
    proposed: bool = False
    ground: int | None = None
    topic: str = ""
    advice: str | None = None
    missing: tuple[str, ...] = ()
    related: Candidate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """Which department leads, which accompany, how they weigh, and why a person should look."""

    department: str | None = None
    accompanying: tuple[str, ...] = ()
    scores: tuple[tuple[str, float], ...] = ()
    doubts: tuple[str, ...] = ()


def decide(  # noqa: PLR0913 - what a decision rests on is named here, one by one
    petition: Petition,
    candidates: Sequence[Candidate],
    *,
    rulebook: RuleBook,
    calendar: Calendar,
    infer: Infer,
    now: datetime,
    engine: str = "durable-rules",
    near_misses: bool = True,
) -> Decision:
    """Decide what *petition* is, whether it is admissible, where it belongs and by when the first answer is owed.

    *now* (aware) is when it came in; *engine* is the name of what stands behind *infer*. Raises what *infer* raises, but for too many
    facts: those go to a person, with whatever the rules have said up to there. Without *near_misses* none are looked for: they explain a
    decision and never change it.
    """
    known = facts_from(petition, candidates, rulebook=rulebook, now=now)  # understand
    trace = _infer(known, rulebook, infer)
    admission = _asked_of_a_person(_admit(trace.active(), known), petition)
    route = _route(trace.active(), admission, rulebook)
    return Decision(
        verdict=admission.verdict,
        proposed=admission.proposed,
        ground=admission.ground,
        topic=admission.topic or _topic(trace.active(), route.department),
        department=route.department,
        accompanying=route.accompanying,
        advice=admission.advice,
        missing=admission.missing,
        related_case=admission.related.case_id if admission.related else None,
        urgent=any(fired.rule.then.urgent for fired in trace.active()),
        review=(*_review(trace, known, route), *_unsure(admission, petition)),
        named_departments=known.named,
        scores=route.scores,
        hits=tuple(_hit(fired, rulebook.district) for fired in trace.fired.values()),
        near_misses=_near_misses(trace, rulebook) if near_misses else (),
        due=_due(admission, rulebook, calendar, now),
        rulebook=rulebook.digest,
        engine=engine,
        compared=tuple({(one.case_id, one.record_id): one for one in trace.compared.values()}.values()),
        related_record=admission.related.elsewhere.record_id if admission.related and admission.related.elsewhere else None,
        level=_level(trace.active()),
        classes=_classes(trace.active()),
    )


# ---------------------------------------------------------------- what the rules say


def _infer(known: Facts, rulebook: RuleBook, infer: Infer) -> _Trace:
    """Run the stages one after another; what one concludes, and no exception sets aside, is a fact for the next."""
    trace = _Trace(facts=CaseFacts(known.facts), evidence=dict(known.evidence), compared=_compared(known))
    for number in range(len(rulebook.stages)):
        try:
            firings = infer(number, trace.facts)
        except MalformedMessageError as error:
            trace.problem = str(error)
            break
        for firing in firings:
            trace.fired[firing.rule] = _fired(firing, rulebook.rules[firing.rule], trace)
        _set_aside(trace)
        _conclude(trace)
    return trace


def _fired(firing: Firing, rule: Rule, trace: _Trace) -> _Fired:
    matched = tuple(firing.matched.values())
    quotes = dict.fromkeys(quote for identity in matched for quote in trace.evidence.get(identity, ()))
    return _Fired(rule=rule, quotes=tuple(quotes), matched=matched, because=_because(firing, rule, trace))


def _because(firing: Firing, rule: Rule, trace: _Trace) -> tuple[str, ...]:
    """Return what *rule* rests on besides words that can be quoted."""
    unquoted = [leaf for leaf in leaves(rule.when) if leaf.alias in firing.matched and not isinstance(leaf, Mention)]
    earlier = [trace.compared.get(firing.matched[leaf.alias]) for leaf in unquoted]
    return tuple(compared_in_words(one) if one else describe(leaf) for leaf, one in zip(unquoted, earlier, strict=True))


def _compared(known: Facts) -> dict[str, Compared]:
    """Return the earlier cases by the id of their fact, in the order in which a rule takes them."""
    facts = [fact for fact in known.facts if fact["k"] in {"candidate", "elsewhere"}]
    cases = [known.candidates[str(fact["id"])] for fact in facts]
    return {
        str(fact["id"]): Compared(
            case_id=case.case_id,
            number=case.number,
            keys=case.keys,
            likeness=float(str(fact["likeness"])),
            days=int(str(fact["days"])),
            record_id=case.elsewhere.record_id if case.elsewhere else None,
            enterprise=str(fact["enterprise"]),
            details=str(fact["details"]),
        )
        for fact, case in zip(facts, cases, strict=True)
    }


def _set_aside(trace: _Trace) -> None:
    """Mark every rule that an exception sets aside; an exception that is itself set aside sets nothing aside."""
    authors: dict[str, list[str]] = {}
    for name, fired in trace.fired.items():
        for other in fired.rule.overrides:
            authors.setdefault(other, []).append(name)
    settled: dict[str, str] = {}

    def exception_to(name: str) -> str:  # the load refuses circles, so this ends
        if name not in settled:
            settled[name] = next((author for author in authors.get(name, ()) if not exception_to(author)), "")
        return settled[name]

    for name, fired in trace.fired.items():
        if fired.aside != (aside := exception_to(name)):
            trace.fired[name] = replace(fired, aside=aside)


def _conclude(trace: _Trace) -> None:
    """Add what the active rules conclude to the facts, each conclusion once, with the quotations of the first rule that drew it."""
    known = {name for kind, name in trace.facts.subjects() if kind == "derived"}
    for fired in trace.active():
        for name in fired.rule.then.conclude:
            if name in known:
                continue
            known.add(name)
            identity = f"d{len(known)}"
            trace.facts.add({"id": identity, "k": "derived", "name": name})
            trace.evidence[identity] = fired.quotes


# ---------------------------------------------------------------- admit and match


def _admit(active: Sequence[_Fired], known: Facts) -> _Admission:
    """Return the verdict by precedence: not a case, follow-up, supplement, refusal, else acceptance. The first rule of the pack speaks."""
    if rule := _first(active, lambda then: then.not_a_case):
        topic = rule.rule.then.not_a_case or ""
        final = any(fired.rule.then.final for fired in active if fired.rule.then.not_a_case)
        return _Admission(verdict=Verdict.NOT_A_CASE, proposed=not final, topic=topic)
    if rule := _first(active, lambda then: then.follow_up):
        return _Admission(verdict=Verdict.FOLLOW_UP, topic=_name(rule.rule), related=_related(rule, known))
    duplicate = _first(active, lambda then: then.duplicate)
    related = _related(duplicate, known) if duplicate else None
    if rule := _first(active, lambda then: then.supplement):
        missing = dict.fromkeys(item for fired in active for item in fired.rule.then.supplement)
        return _Admission(verdict=Verdict.SUPPLEMENT, topic=_name(rule.rule), missing=tuple(missing), related=related)
    if rule := _first(active, lambda then: then.refuse):
        return replace(_refusal(rule, active), related=related or _related(rule, known))
    return _Admission(verdict=Verdict.ACCEPT, related=related)


def _asked_of_a_person(admission: _Admission, petition: Petition) -> _Admission:
    """Return *admission*, only proposed where it takes a right away on words that a machine read off a page and may have misread."""
    takes_away = admission.verdict in {Verdict.REFUSE, Verdict.NOT_A_CASE}
    return replace(admission, proposed=True) if takes_away and petition.recognition is not None else admission


def _unsure(admission: _Admission, petition: Petition) -> tuple[str, ...]:
    """Return why a person must compare the page with what was read off it, where its words decide against the enterprise."""
    about = petition.recognition
    if about is None or admission.verdict not in {Verdict.REFUSE, Verdict.NOT_A_CASE, Verdict.SUPPLEMENT}:
        return ()
    sure = f"（平均把握 {about.confidence:.1%}）" if about.confidence is not None else ""
    return (f"文字是机器从传真或扫描件上认出的{sure}，请对照原件核对后再定",)


def _first(active: Iterable[_Fired], effect: Callable[[Then], object]) -> _Fired | None:
    return next((fired for fired in active if effect(fired.rule.then)), None)


def _refusal(rule: _Fired, active: Iterable[_Fired]) -> _Admission:
    ground = rule.rule.then.refuse
    final = any(fired.rule.then.final for fired in active if fired.rule.then.refuse == ground)
    return _Admission(verdict=Verdict.REFUSE, proposed=not final, ground=ground, topic=_name(rule.rule), advice=rule.rule.then.advice)


def _related(rule: _Fired, known: Facts) -> Candidate | None:
    return next((known.candidates[identity] for identity in rule.matched if identity in known.candidates), None)


# ---------------------------------------------------------------- route and grade


def _route(active: Sequence[_Fired], admission: _Admission, rulebook: RuleBook) -> _Route:
    """Weigh the departments; name one only where somebody is to handle the matter."""
    scores = _scores(active, rulebook.district.departments)
    if admission.verdict not in {Verdict.ACCEPT, Verdict.SUPPLEMENT}:
        return _Route(scores=scores)
    if not scores:
        doubts = ("没有规则指向承办部门，请人工确定",) if admission.verdict is Verdict.ACCEPT else ()
        return _Route(doubts=doubts)
    lead, highest = scores[0]
    named = dict.fromkeys(other for fired in active for other in fired.rule.then.accompany)
    strong = [other for other, score in scores if score >= rulebook.settings.routing.accompany_share * highest]
    accompanying = tuple(other for other in dict.fromkeys((*named, *strong)) if other != lead)
    return _Route(
        department=lead, accompanying=accompanying, scores=scores, doubts=_narrow(scores, rulebook.settings.routing, rulebook.district)
    )


def _scores(active: Iterable[_Fired], directory: Collection[str]) -> tuple[tuple[str, float], ...]:
    """Return the summed weights, highest first, in the order of the directory where they are equal; each rule counts once."""
    sums: dict[str, float] = {}
    for fired in active:
        if fired.rule.then.route is not None:
            sums[fired.rule.then.route] = sums.get(fired.rule.then.route, 0.0) + fired.rule.then.weight
    order = {identity: place for place, identity in enumerate(directory)}
    return tuple(sorted(((identity, round(score, 6)) for identity, score in sums.items()), key=lambda pair: (-pair[1], order[pair[0]])))


def _narrow(scores: Sequence[tuple[str, float]], routing: Routing, district: District) -> tuple[str, ...]:
    if len(scores) < 2 or scores[0][1] - scores[1][1] >= routing.margin:  # noqa: PLR2004 - a lead needs a second
        return ()
    (first, high), (second, low) = scores[:2]
    names = district.departments[first].name, district.departments[second].name
    return (f"{names[0]}（{weight_in_words(high)}）与{names[1]}（{weight_in_words(low)}）分量接近，请确认承办部门",)


def _name(rule: Rule) -> str:
    return rule.about or rule.name


def _level(active: Iterable[_Fired]) -> str:
    """Return the gravest level any rule names, "" where none does."""
    return max((fired.rule.then.level for fired in active if fired.rule.then.level), key=LEVELS.index, default="")


def _classes(active: Iterable[_Fired]) -> tuple[str, ...]:
    """Return the classes the rules name, of each pair the one that the first rule names."""
    named = list(dict.fromkeys(name for fired in active for name in fired.rule.then.classes))
    return tuple(first for pair in CLASSES if (first := next((name for name in named if name in pair), None)))


def _topic(active: Sequence[_Fired], department: str | None) -> str:
    """Return the name of the matter: the one a rule gives it, else what the weightiest rule for the lead calls it, "" where none does."""
    if named := next((fired.rule.then.topic for fired in active if fired.rule.then.topic), None):
        return named
    routes = [fired.rule for fired in active if department is not None and fired.rule.then.route == department]
    return _name(max(routes, key=lambda rule: rule.then.weight)) if routes else ""


def _review(trace: _Trace, known: Facts, route: _Route) -> tuple[str, ...]:
    said = (fired.rule.then.review for fired in trace.active() if fired.rule.then.review)
    problem = (trace.problem,) if trace.problem else ()
    return tuple(dict.fromkeys((*said, *route.doubts, *known.notes, *problem)))


def _due(admission: _Admission, rulebook: RuleBook, calendar: Calendar, now: datetime) -> Due | None:
    """Return by when the enterprise must be contacted (CG-3.4), where the matter is accepted."""
    if admission.verdict is not Verdict.ACCEPT:
        return None
    return verification_due(now, settings=rulebook.settings.verification, calendar=calendar, timezone=rulebook.district.timezone)


# ---------------------------------------------------------------- the trace for a person


def _hit(fired: _Fired, district: District) -> Hit:
    then = fired.rule.then
    return Hit(
        rule=fired.rule.name,
        effect=effect_in_words(then, district),
        basis=basis_in_words(fired.rule.basis),
        quotes=fired.quotes,
        department=then.route,
        weight=then.weight if then.route is not None else 0.0,
        overridden_by=fired.aside,
        about=fired.rule.about,
        because=fired.because,
    )


def _near_misses(trace: _Trace, rulebook: RuleBook) -> tuple[NearMiss, ...]:
    """Return the rules on a verdict that one condition kept from firing.

    Rules on departments would only be noise, and so would those on supplements, which nearly every complete petition misses by one.
    """
    return () if trace.problem else tuple(_on_verdicts(rulebook).of(trace.facts))


@lru_cache(maxsize=8)
def _on_verdicts(rulebook: RuleBook) -> NearMisses:
    return NearMisses(rule for stage in rulebook.stages for rule in stage.rules if _is_worth_telling(rule.then))


def _is_worth_telling(then: Then) -> bool:
    return bool(then.not_a_case or then.follow_up or then.refuse)
