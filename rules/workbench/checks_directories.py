"""Checks on departments, grounds, articles, dates and wording: ZZ301 to ZZ315, ZZ318 and ZZ319."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from rules.deadlines import VerificationRule
from rules.lexicon import shadow
from rules.packfiles import meant
from rules.rulebook import product_wording
from rules.workbench.lint import Found, Severity, Subject, check

_BOOKING = ("booking_window_working_days", "booking_opens_at", "booking_closes_at")
_SHORT_ALIAS = 1
_OTHER_BODY = {"txt": "html", "html": "txt"}  # a notice says the same in both
_GENEROUS = 0.3


@check("ZZ301", "部门没有邮箱", Severity.WARNING, needs="mailboxes", summed=True)
def _no_mailbox(subject: Subject) -> Iterator[Found]:
    if subject.mailboxes is None:
        return
    for id_, department in subject.book.district.departments.items():
        if id_ not in subject.mailboxes:
            yield (
                subject.places.entry(id_, "departments.yaml"),
                id_,
                f"{department.name}没有邮箱，交办件只能寄给统筹部门",
                "在部门邮箱文件里写上",
            )


@check("ZZ302", "部门没有规则", Severity.WARNING)
def _no_rule(subject: Subject) -> Iterator[Found]:
    routed = {rule.then.route for rule in subject.book.rules.values()}
    for id_, department in subject.book.district.departments.items():
        if id_ not in routed:
            yield subject.places.entry(id_, "departments.yaml"), id_, f"没有规则把件交给{department.name}", "写一条 route 到它的规则"


@check("ZZ303", "别名太短", Severity.WARNING)
def _short_alias(subject: Subject) -> Iterator[Found]:
    for id_, department in subject.book.district.departments.items():
        for alias in department.aliases:
            if len(alias) <= _SHORT_ALIAS:
                yield subject.places.entry(id_, "departments.yaml"), id_, f"别名“{alias}”只有一个字", "去掉它，或写完整"


@check("ZZ304", "别名在另一个部门的名称里", Severity.WARNING)
def _nested_alias(subject: Subject) -> Iterator[Found]:
    for one, other in permutations(subject.book.district.departments.values(), 2):
        names = [other.name, *other.aliases]
        for alias in one.aliases:
            inside = next((name for name in names if shadow(alias).text in shadow(name).text), None)
            if inside is not None:
                message = f"{one.name}的别名“{alias}”在{other.name}的“{inside}”里，会点错名"
                yield subject.places.entry(one.id, "departments.yaml"), one.id, message, "把别名写得更长"


@check("ZZ305", "补正项没有人用", Severity.WARNING)
def _idle_supplement(subject: Subject) -> Iterator[Found]:
    used = {item for rule in subject.book.rules.values() for item in rule.then.supplement}
    for name in subject.book.settings.supplements:
        if name not in used:
            yield subject.places.setting(f"supplements.{name}"), name, "没有规则要求补正这一项", "去掉它，或写上要求它的规则"


@check("ZZ306", "条款没有人引用", Severity.HINT)
def _idle_article(subject: Subject) -> Iterator[Found]:
    cited = {rule.basis for rule in subject.book.rules.values()} | {subject.book.settings.verification.basis}
    for name in subject.book.settings.articles:
        if name not in cited:
            yield subject.places.setting(f"articles.{name}"), name, "没有规则引用这一条款", "留着无妨；不再有效的去掉"


@check("ZZ307", "情形没有规则", Severity.WARNING)
def _idle_ground(subject: Subject) -> Iterator[Found]:
    refused = {rule.then.refuse for rule in subject.book.rules.values()}
    for number, ground in subject.book.district.grounds.items():
        if number not in refused:
            yield (
                subject.places.entry(str(number), "grounds.yaml"),
                str(number),
                f"没有规则按 {ground.article} 不予受理",
                "写上规则；本就只由人判断的，写明理由忽略这条提示",
            )


@check("ZZ308", "时限没有条款", Severity.HINT)
def _no_due_basis(subject: Subject) -> Iterator[Found]:
    if subject.book.settings.verification.basis == VerificationRule().basis:
        yield subject.places.setting("deadlines.verification"), "verification", "时限没有写条款，通知里显示为本区设定", "写上 basis"


@check("ZZ309", "时限里没有用的键", Severity.WARNING)
def _idle_deadline_key(subject: Subject) -> Iterator[Found]:
    if subject.book.settings.verification.start != "received":
        return
    for key in _BOOKING:
        path = f"deadlines.verification.{key}"
        if subject.places.has_setting(path):
            yield subject.places.setting(path), key, "从来件当天起算时，挂号的键不起作用", "去掉它，或改 start: booking_close"


@check("ZZ310", "挂号开放与截止颠倒", Severity.WARNING)
def _closed_before_open(subject: Subject) -> Iterator[Found]:
    rule = subject.book.settings.verification
    if rule.booking_window_working_days == 1 and rule.booking_closes_at <= rule.booking_opens_at:
        yield subject.places.setting("deadlines.verification"), "verification", "只开放一天，而截止不晚于开放", "改 booking_closes_at"


@check("ZZ311", "分量接近从不提请人工", Severity.WARNING)
def _no_margin(subject: Subject) -> Iterator[Found]:
    if subject.book.settings.routing.margin == 0:
        yield subject.places.setting("routing.margin"), "routing", "margin 为 0，两个部门分量一样也直接交办", "改为 0.5 以上"


@check("ZZ312", "陪诊的门槛太低", Severity.HINT)
def _generous_share(subject: Subject) -> Iterator[Found]:
    share = subject.book.settings.routing.accompany_share
    if share < _GENEROUS:
        yield (
            subject.places.setting("routing.accompany_share"),
            "routing",
            f"分量只有第一名 {share:.0%} 的部门也列为陪诊",
            f"改为 {_GENEROUS:g} 以上",
        )


@check("ZZ313", "通知只改了一种写法", Severity.WARNING)
def _half_wording(subject: Subject) -> Iterator[Found]:
    own = {name.removeprefix("wording/") for name in subject.book.files if name.startswith("wording/")}
    for name in sorted(own):
        stem, _, part = name.rpartition(".")
        other = f"{stem}.{_OTHER_BODY.get(part, '')}"
        if other in subject.book.district.wording and other not in own:
            message = f"{other} 仍是随产品的：收件人看到的是哪一种，由他的邮件软件定"
            yield f"{subject.label}/wording/{name}", name, message, f"把随产品的 rules/wording/{other} 也复制来一并改"


@check("ZZ318", "没有用到的共用段落", Severity.WARNING)
def _unused_part(subject: Subject) -> Iterator[Found]:
    wording = subject.book.district.wording
    for name in sorted(wording.keys() - product_wording().keys()):
        if not any(f'"{name}"' in text or f"'{name}'" in text for text in wording.values()):
            yield f"{subject.label}/wording/{name}", name, "没有通知用到它，写在里面的话发不出去", meant(name, product_wording())


@check("ZZ314", "告知转向自己管不了的部门", Severity.HINT)
def _advice_routes(subject: Subject) -> Iterator[Found]:
    for rule in subject.book.rules.values():
        if rule.then.advice is not None and rule.then.advice == rule.then.route:
            message = f"一面说不予受理，请找 {rule.then.advice}，一面又给它加分交办"
            yield rule.place, rule.name, message, "留下 advice 或 route 中的一个"


@check("ZZ315", "职责没有写", Severity.HINT)
def _no_duty(subject: Subject) -> Iterator[Found]:
    for id_, department in subject.book.district.departments.items():
        if department.duty == department.name or len(department.duty) <= _SHORT_ALIAS:
            yield subject.places.entry(id_, "departments.yaml"), id_, "职责写的就是名称，审核的人看不出它管什么", "照三定方案写一句"


@check("ZZ319", "类题不算的词表并不存在", Severity.WARNING)
def _unknown_left_out(subject: Subject) -> Iterator[Found]:
    for name in subject.book.settings.problems.leave_out:
        known = subject.book.lists
        if not (any(one.startswith(name[:-1]) for one in known) if name.endswith("*") else name in known):
            place = subject.places.setting("problems.leave_out")
            yield place, name, f"problems.leave_out 里的“{name}”不是词表，也没有以它开头的", "改正名称，或去掉它"
