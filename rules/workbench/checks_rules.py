"""Checks on single rules and on rules beside each other: ZZ101 to ZZ130."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import combinations

from rules.language import POLICY, CandidateIs, Concluded, Condition, Group, LetterIs, Mention, ReceivedIs, Rule, Then, leaves
from rules.lexicon import shadow
from rules.workbench.lint import Found, Severity, Subject, check
from rules.workbench.logic import bare, conjuncts, contradicts_itself, excludes, implies, same

_WIDE_NEAR = 60  # code points: a long sentence and a half
_HEAVY = 3.0  # times the pack's usual (median) weight
_MANY = 24  # leaves that a person can still overlook


def _rules(subject: Subject) -> list[Rule]:
    return list(subject.book.rules.values())


def verdict_of(then: Then) -> str:
    """Return what *then* says on admission, "" where nothing: two rules with the same answer agree."""
    if then.not_a_case:
        return f"非诉求来件（{then.not_a_case}）"
    if then.follow_up:
        return "续件"
    if then.supplement:
        return f"补正（{'、'.join(then.supplement)}）"
    return f"不予受理（情形 {then.refuse}）" if then.refuse is not None else ""


_PRECEDENCE = ("非诉求来件", "续件", "补正", "不予受理")


def _rank(then: Then) -> int:
    """Return the place of the verdict in the order of precedence, lower first; after all of them where there is none."""
    said = verdict_of(then)
    return next((place for place, name in enumerate(_PRECEDENCE) if said.startswith(name)), len(_PRECEDENCE))


# ---------------------------------------------------------------- what a rule says of itself


@check("ZZ101", "规则没有说明", Severity.WARNING)
def _no_about(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if not rule.about and (verdict_of(rule.then) or rule.then.route or rule.then.review):
            yield rule.place, rule.name, "没有 about，企业和部门会看到规则名", "写一句话说明它管什么"


@check("ZZ102", "不予受理没有条款", Severity.ERROR)
def _no_basis(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if rule.then.refuse is not None and rule.basis == POLICY:
            article = subject.book.district.grounds[rule.then.refuse].article
            yield rule.place, rule.name, "不予受理而依据写的是 policy", f"写上情形 {rule.then.refuse} 的条款 {article}"


@check("ZZ103", "条款与情形不符", Severity.ERROR)
def _other_basis(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if rule.then.refuse is None or rule.basis == POLICY:
            continue
        article = subject.book.district.grounds[rule.then.refuse].article
        if rule.basis != article:
            yield (
                rule.place,
                rule.name,
                f"情形 {rule.then.refuse} 的条款是 {article}，而依据写的是 {rule.basis}",
                f"basis 改为 {article}，或改情形",
            )


@check("ZZ104", "没有成立的例子", Severity.WARNING)
def _no_hit(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if not any(example.fires for example in rule.examples):
            yield rule.place, rule.name, "没有一个应当成立的例子", "在 examples 的 hit 里写一句企业会这样说的话"


@check("ZZ105", "没有相近而不成立的例子", Severity.WARNING)
def _no_near_miss(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        decides = verdict_of(rule.then) or rule.then.final or rule.overrides
        if decides and all(example.fires for example in rule.examples):
            yield rule.place, rule.name, "左右结论，却没有相近而不成立的例子", "在 examples 的 near_miss 里写一句容易混淆的话"


@check("ZZ106", "相近的例子不相近", Severity.WARNING)
def _far_miss(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        lists = [leaf.words for leaf in leaves(rule.when) if isinstance(leaf, Mention)]
        words = [shadow(word).text for name in lists for word in subject.book.lists[name].words]
        for example in rule.examples:
            sample = example.sample
            said = shadow(f"{sample.title}\n{sample.text}\n{sample.attachment}\n{sample.sender}").text
            if not example.fires and words and sample.earlier is None and not any(word in said for word in words):
                yield sample.place, rule.name, "near_miss 里没有这条规则的任何一个词，说明不了什么", "换一句含有这些词、但不该成立的话"


# ---------------------------------------------------------------- conditions


@check("ZZ107", "条件互相矛盾", Severity.ERROR)
def _contradiction(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if contradicts_itself(rule):
            yield rule.place, rule.name, "条件互相矛盾，永远不会成立", "检查 none 里的条件是否把 all 里的也排除了"


@check("ZZ108", "只有否定的条件", Severity.WARNING)
def _only_negative(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        parts = conjuncts(rule.when)
        if parts and all(isinstance(part, Group) and part.kind == "none" for part in parts):
            yield rule.place, rule.name, "只说没有什么，空白来件也会成立", "加上至少一个应当有的条件"


@check("ZZ109", "同一个条件写了两次", Severity.WARNING)
def _twice(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        for group in _groups(rule.when):
            plain = [bare(part) for part in group.conditions if not isinstance(part, Group)]
            if len(set(plain)) < len(plain):
                yield rule.place, rule.name, "同一组里有两个一样的条件", "去掉一个"


@check("ZZ110", "条件被同组更宽的条件盖住", Severity.WARNING)
def _covered(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        for group in _groups(rule.when):
            if _covered_part(group):
                yield (
                    rule.place,
                    rule.name,
                    f"{group.kind} 里有一个条件被另一个盖住，写了等于没写",
                    "去掉较窄（any、none）或较宽（all）的一个",
                )
                break


@check("ZZ111", "相近的距离太宽", Severity.HINT)
def _wide_near(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        widest = max((leaf.within for leaf in leaves(rule.when) if isinstance(leaf, Mention)), default=0)
        if widest > _WIDE_NEAR:
            yield rule.place, rule.name, f"within: {widest} 隔得太远，两个词多半不是一回事", f"改为 {_WIDE_NEAR} 以内，或用 same_sentence"


@check("ZZ112", "条件太多", Severity.HINT)
def _too_many(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        count = len(leaves(rule.when))
        if count > _MANY:
            yield rule.place, rule.name, f"有 {count} 个条件，不好看懂，也不好试", "把一部分拆成另一条规则，用 conclude 得出中间结论"


@check("ZZ113", "至少几个词，而词表没有那么多", Severity.ERROR)
def _too_few_words(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        for leaf in leaves(rule.when):
            if isinstance(leaf, Mention) and leaf.at_least > len(subject.book.lists[leaf.words].words):
                have = len(subject.book.lists[leaf.words].words)
                yield (
                    rule.place,
                    rule.name,
                    f"要 {leaf.at_least} 个不同的词，而词表“{leaf.words}”只有 {have} 个",
                    "减少 at_least，或补充词表",
                )


@check("ZZ114", "例外覆盖不了任何东西", Severity.WARNING)
def _idle_exception(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        for name in rule.overrides:
            other = subject.book.rules[name]
            if excludes(rule.when, other.when) or excludes(other.when, rule.when):
                yield rule.place, rule.name, f"它成立时“{name}”从不成立，没有可覆盖的", "去掉 overrides，或检查两条规则的条件"


@check("ZZ115", "结论没有人用", Severity.WARNING)
def _unused_conclusion(subject: Subject) -> Iterator[Found]:
    used = {leaf.name for rule in _rules(subject) for leaf in leaves(rule.when) if isinstance(leaf, Concluded)}
    for rule in _rules(subject):
        for name in rule.then.conclude:
            if name not in used:
                yield rule.place, rule.name, f"没有规则用到结论“{name}”", "去掉它，或写上用它的规则"


@check("ZZ124", "规则已经过期", Severity.WARNING)
def _expired(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        ends = [part.until for part in conjuncts(rule.when) if isinstance(part, ReceivedIs) and part.until is not None]
        if ends and min(ends) < int(f"{subject.today:%Y%m%d}"):
            day = date.fromisoformat(str(min(ends)))
            yield rule.place, rule.name, f"{day} 以后收到的来件，它不再起作用", "不再需要就删去；旧件仍按当时保存的规则包说明"


# ---------------------------------------------------------------- effects


@check("ZZ116", "凭来件的话就直接生效", Severity.ERROR)
def _final_by_words(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if rule.then.final and not any(isinstance(part, LetterIs) and part.about == "automatic" for part in conjuncts(rule.when)):
            yield rule.place, rule.name, "final 使企业失去办理的机会，而邮件头证明不了这一点", "去掉 final，由人确认"


@check("ZZ117", "主办又陪诊", Severity.WARNING)
def _own_company(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        if rule.then.route in rule.then.accompany:
            yield rule.place, rule.name, f"{rule.then.route} 既是承办又是陪诊", "从 accompany 里去掉它"


@check("ZZ118", "分量过重", Severity.HINT)
def _heavy(subject: Subject) -> Iterator[Found]:
    weights = sorted(rule.then.weight for rule in _rules(subject) if rule.then.route)
    usual = weights[len(weights) // 2] if weights else 0.0
    for rule in _rules(subject):
        if rule.then.route and rule.then.weight > _HEAVY * usual:
            message = f"分量 {rule.then.weight:g} 是一般规则（{usual:g}）的 {_HEAVY:g} 倍以上，会压过其他一切"
            yield rule.place, rule.name, message, "除非这一句话就能定部门，否则改轻"


@check("ZZ119", "重复件没有说明多近", Severity.HINT)
def _loose_duplicate(subject: Subject) -> Iterator[Found]:
    for rule in _rules(subject):
        candidates = [leaf for leaf in leaves(rule.when) if isinstance(leaf, CandidateIs)]
        sure = ({"thread", "number"} >= set(leaf.same) and leaf.same for leaf in candidates)
        bounded = (leaf.likeness_at_least is not None for leaf in candidates)
        if (rule.then.duplicate or rule.then.follow_up) and not any((*sure, *bounded)):
            yield rule.place, rule.name, "同一企业的两件不一定是同一件事", "加上 likeness_at_least，或只比 thread、number"


# ---------------------------------------------------------------- rules beside each other


@check("ZZ120", "两条一样的规则", Severity.WARNING)
def _duplicate(subject: Subject) -> Iterator[Found]:
    for one, other in _alike(subject):
        if one.then == other.then and one.overrides == other.overrides:
            yield other.place, other.name, f"与“{one.name}”（{one.place}）条件和效果都一样", "去掉一条"


@check("ZZ121", "条件一样，结论相反", Severity.ERROR)
def _conflict(subject: Subject) -> Iterator[Found]:
    for one, other in _alike(subject):
        first, second = verdict_of(one.then), verdict_of(other.then)
        if first and second and first != second and not _sets_aside(one, other):
            yield other.place, other.name, f"与“{one.name}”条件一样，一条说{first}，一条说{second}", "去掉一条，或写明各自的条件"


@check("ZZ122", "条件一样，部门不同", Severity.WARNING)
def _two_departments(subject: Subject) -> Iterator[Found]:
    for one, other in _alike(subject):
        if one.then.route and other.then.route and one.then.route != other.then.route and one.then.weight == other.then.weight:
            yield (
                other.place,
                other.name,
                f"与“{one.name}”条件、分量一样，一条交 {one.then.route}，一条交 {other.then.route}",
                "给主要的部门多一点分量",
            )


@check("ZZ123", "永远轮不到的结论", Severity.WARNING)
def _shadowed(subject: Subject) -> Iterator[Found]:
    order = {rule.name: place for place, rule in enumerate(rule for stage in subject.book.stages for rule in stage.rules)}
    speaking = [rule for rule in _rules(subject) if verdict_of(rule.then)]
    for rule in speaking:
        before = next((other for other in speaking if _shadows(other, rule, order)), None)
        if before is not None:
            message = f"它成立时“{before.name}”必定成立，结论总是{verdict_of(before.then)}"
            yield rule.place, rule.name, message, "排到前面，或用 overrides 覆盖那一条，或去掉"


def _shadows(other: Rule, rule: Rule, order: dict[str, int]) -> bool:
    """Tell whether *other* always speaks in the place of *rule*."""
    if other is rule or set(rule.then.conclude) or rule.overrides or rule.then.review or rule.then.route:
        return False
    mine, theirs = (_rank(rule.then), order[rule.name]), (_rank(other.then), order[other.name])
    if theirs >= mine or (mine[0] == theirs[0] == _PRECEDENCE.index("补正")):
        return False
    return not _is_overridden(other, rule) and implies(rule.when, other.when)


def _is_overridden(rule: Rule, by: Rule) -> bool:
    return rule.name in by.overrides


def _sets_aside(one: Rule, other: Rule) -> bool:
    return _is_overridden(one, other) or _is_overridden(other, one)


def _alike(subject: Subject) -> Iterator[tuple[Rule, Rule]]:
    """Yield pairs of rules with the same conditions; compared by what they ask of first, so that a large pack stays quick."""
    groups: dict[frozenset[object], list[Rule]] = {}
    for rule in _rules(subject):
        asked = frozenset(_asked(rule.when))
        groups.setdefault(asked, []).append(rule)
    for group in groups.values():
        yield from ((one, other) for one, other in combinations(group, 2) if same(one.when, other.when))


def _asked(condition: Condition) -> Iterable[object]:
    return (bare(leaf) for leaf in leaves(condition))


def _groups(condition: Condition) -> Iterator[Group]:
    if isinstance(condition, Group):
        yield condition
        for part in condition.conditions:
            yield from _groups(part)


def _covered_part(group: Group) -> bool:
    """Tell whether a condition of *group* says nothing beside another one, equal ones aside."""
    pairs = [(one, other) for one in group.conditions for other in group.conditions if one is not other]
    distinct = [(one, other) for one, other in pairs if _plain(one) != _plain(other)]
    return any(implies(one, other) for one, other in distinct)


def _plain(condition: Condition) -> Condition:
    if isinstance(condition, Group):
        return replace(condition, conditions=tuple(_plain(part) for part in condition.conditions))
    return bare(condition)
