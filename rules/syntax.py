"""Reads rule files: from YAML nodes to the values of `rules.language`, with every mistake and where it stands.

Names that other files give (word lists, departments, articles …) are checked against `Known`; what other rules give (conclusions, names of
overridden rules) is noted in `References` and checked once all rules are read. A name is not checked where its file could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from rules.directories import NAME, NAME_RULE, Register
from rules.effects import Known, document_article, known_name, read_day, read_then
from rules.language import (
    AUTHENTICATION_KINDS,
    AUTOMATIC_KINDS,
    CANDIDATE_KEYS,
    CASE_VERDICTS,
    DEFAULT_PLACES,
    DETAILS,
    ENTERPRISES,
    FIELDS,
    MEASURED_FIELDS,
    ORIGINS,
    PLACES,
    PLATFORM_STATUSES,
    POLICY,
    CandidateIs,
    ChannelIs,
    Concluded,
    Condition,
    FieldIs,
    FieldLength,
    Group,
    Leaf,
    LetterIs,
    Mention,
    Negation,
    ReceivedIs,
    Rule,
    Scope,
    SenderIs,
    State,
    Then,
)
from rules.packfiles import Node, Reader, Scalar, Table, meant
from rules.samples import read_examples
from store.model.arrival import Channel

GROUPS = ("all", "any", "none")
_MENTION_KEYS = ("mention", "in", "negated", "same_sentence", "near", "within", "at_least")
LEAF_KEYS: Mapping[str, tuple[str, ...]] = {
    "mention": _MENTION_KEYS,
    "field": ("field", "is", "shorter_than", "longer_than"),
    "channel": ("channel",),
    "letter": ("letter",),
    "sender": ("sender",),
    "received": ("received",),
    "candidate": ("candidate",),
    "elsewhere": ("elsewhere",),
    "concluded": ("concluded",),
}
_NEGATIONS: Mapping[str, Negation] = {"false": "no", "true": "yes", "any": "any"}
RULE_KEYS = ("rule", "about", "basis", "from", "until", "when", "then", "overrides", "examples")
_COMPARED = ("same", "enterprise", "details", "likeness_at_least", "within_days")
_ADDRESS = re.compile(r"([^\s@]+@)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LONGEST_TEXT = 1_000_000  # code points a field may be compared with


@dataclass(slots=True)
class References:
    """Names that rules use and other rules must give, with the places of use."""

    concluded: list[tuple[str, Node]] = field(default_factory=list)
    overridden: list[tuple[str, str, Node]] = field(default_factory=list)  # overriding rule, overridden rule


def read_rules(roots: list[Node], known: Known, reader: Reader, *, complete: bool = True) -> list[Rule]:
    """Return the rules of all rule files in order; *complete* tells that every rule file could be read."""
    references = References()
    names = Register("规则", reader.problems)
    rules = []
    for root in roots:
        for node in reader.items(root, what="规则"):
            rule = _RuleReader(known, references, reader).read(node)
            if rule is not None and names.take(rule.name, node):
                rules.append(rule)
    if complete:
        _check_references(rules, references, reader)
    return rules


def _check_references(rules: list[Rule], references: References, reader: Reader) -> None:
    concluded = dict.fromkeys(name for rule in rules for name in rule.then.conclude)
    for name, node in references.concluded:
        if name not in concluded:
            remedy = meant(name, concluded) or "在得出它的规则里写 then: {conclude: ……}"
            reader.problems.add(node, f"没有规则得出“{name}”", remedy)
    names = {rule.name: rule for rule in rules}
    for overriding, name, node in references.overridden:
        if name == overriding:
            reader.problems.add(node, "规则不能覆盖自己", "去掉它")
        elif name not in names:
            reader.problems.unknown(node, "规则", name, names)


class _RuleReader:
    """Reads one rule; numbers its conditions c1, c2 … in the order of the file."""

    def __init__(self, known: Known, references: References, reader: Reader) -> None:
        self._known = known
        self._references = references
        self._reader = reader
        self._problems = reader.problems
        self._count = 0

    def read(self, node: Node) -> Rule | None:
        entries = self._reader.table(node, RULE_KEYS, ("rule", "basis", "when", "then"))
        name = self._reader.name(entries["rule"], NAME, NAME_RULE) if "rule" in entries else None
        about = self._reader.text(entries["about"], longest=500) if "about" in entries else None
        basis = self._basis(entries["basis"]) if "basis" in entries else None
        when = self._when(entries["when"]) if "when" in entries else None
        then = read_then(entries["then"], self._known, self._reader) if "then" in entries else Then()
        if when is not None and "then" in entries:
            self._check_candidate(entries["then"], when, then)
        overrides = self._reader.several(entries["overrides"], self._reader.text, what="规则名") if "overrides" in entries else ()
        if name is None:
            return None
        self._references.overridden += [(name, other, entries["overrides"]) for other in overrides]
        return Rule(
            name=name,
            about=about or "",
            basis=basis or POLICY,
            when=self._in_force(entries, when or Group("all", ())),
            then=then,
            overrides=overrides,
            place=node.place,
            examples=read_examples(entries["examples"], self._reader) if "examples" in entries else (),
        )

    def _in_force(self, entries: Mapping[str, Node], when: Group) -> Group:
        """Return *when* with the days on which the rule is in force as conditions like any other."""
        days = self._days({key: entries[key] for key in ("from", "until") if key in entries})
        return Group("all", (when, *days)) if days else when

    def _days(self, entries: Mapping[str, Node]) -> tuple[ReceivedIs, ...]:
        days = {key: read_day(node, self._reader) for key, node in entries.items()}
        first, last = days.get("from"), days.get("until")
        if first is not None and last is not None and last < first:
            self._problems.add(entries["until"], "until 早于 from", "从 from 到 until，两天都算")
        found = []
        for key, day in days.items():
            if day is not None:
                self._count += 1
                alias = f"c{self._count}"
                found.append(ReceivedIs(alias=alias, since=day) if key == "from" else ReceivedIs(alias=alias, until=day))
        return tuple(found)

    def _basis(self, node: Node) -> str | None:
        value = self._document(node) if isinstance(node, Table) else self._reader.text(node)
        if value is None or value == POLICY or self._known.articles is None or value in self._known.articles:
            return value
        remedy = f"{meant(value, (POLICY, *self._known.articles))}条款须写在 grounds.yaml 或 pack.yaml 的 articles 里，没有条款的写 policy"
        self._problems.add(node, f"没有条款“{value}”", remedy)
        return None

    def _document(self, node: Node) -> str | None:
        entries = self._reader.table(node, ("document", "article"), ("document", "article"))
        texts = [self._reader.text(part) for part in entries.values()]
        return document_article(str(texts[0]), str(texts[1])) if len(texts) > 1 and None not in texts else None

    def _list(self, node: Node) -> str | None:
        return known_name(node, self._known.lists, "词表", self._reader)

    # ------------------------------------------------------------ when

    def _when(self, node: Node) -> Group | None:
        """Read the groups under `when`: all of them must hold."""
        groups = self._groups(node)
        if not groups:
            return None
        return groups[0] if len(groups) == 1 else Group("all", tuple(groups))

    def _groups(self, node: Node) -> list[Group]:
        entries = self._reader.table(node, GROUPS)
        if isinstance(node, Table) and not node.entries:
            self._problems.add(node, "没有条件", "写上 all、any 或 none")
        groups = []
        for kind, inner in entries.items():
            conditions = tuple(found for item in self._reader.items(inner, what="条件") if (found := self._condition(item)) is not None)
            if conditions:
                groups.append(Group(cast("Literal['all', 'any', 'none']", kind), conditions))
        return groups

    def _condition(self, node: Node) -> Condition | None:
        if isinstance(node, Table):
            if any(key in GROUPS for key in node.entries):
                return self._when(node)
            for key, keys in LEAF_KEYS.items():
                if key in node.entries:
                    return self._leaf(key, self._reader.table(node, keys), node)
        known = "、".join((*LEAF_KEYS, *GROUPS))
        strange = next(iter(node.entries), "") if isinstance(node, Table) else ""
        self._problems.add(node, "这不是一个条件", meant(strange, (*LEAF_KEYS, *GROUPS)) if strange else f"可以写：{known}")
        return None

    def _leaf(self, key: str, entries: Mapping[str, Node], node: Node) -> Condition | None:
        self._count += 1
        alias = f"c{self._count}"
        readers: Mapping[str, Callable[[str, Mapping[str, Node], Node], Condition | None]] = {
            "mention": self._mention,
            "field": self._field,
            "channel": self._channel,
            "letter": self._letter,
            "sender": self._sender,
            "received": self._received,
            "candidate": self._candidate,
            "elsewhere": self._elsewhere,
            "concluded": self._concluded,
        }
        return readers[key](alias, entries, node)

    def _mention(self, alias: str, entries: Mapping[str, Node], node: Node) -> Mention | None:
        words = self._list(entries["mention"])
        other = self._list(entries["same_sentence"]) if "same_sentence" in entries else None
        near = self._list(entries["near"]) if "near" in entries else None
        within = self._reader.integer(entries["within"], 0, 1_000) if "within" in entries else 0
        at_least = self._reader.integer(entries["at_least"], 2, 100) if "at_least" in entries else 1
        self._check_refinements(entries, node)
        if words is None or within is None or at_least is None:
            return None
        return Mention(
            alias=alias, words=words, scope=self._scope(entries), same_sentence=other, near=near, within=within, at_least=at_least
        )

    def _check_refinements(self, entries: Mapping[str, Node], node: Node) -> None:
        if ("near" in entries) != ("within" in entries):
            self._problems.add(node, "near 和 within 要一起写", "例如 near: 其他企业 与 within: 30")
        for key in ("same_sentence", "near"):
            if (
                isinstance(other := entries.get(key), Scalar)
                and isinstance(words := entries["mention"], Scalar)
                and other.text == words.text
            ):
                self._problems.add(other, f"{key} 要写另一个词表", "同一个词表的两个词，用 at_least: 2")
        refinements = [key for key in ("same_sentence", "near", "at_least") if key in entries]
        if len(refinements) > 1:
            self._problems.add(node, f"{' 和 '.join(refinements)} 不能写在同一个条件里", "分成两个 mention 条件")

    def _scope(self, entries: Mapping[str, Node]) -> Scope:
        places: tuple[str, ...] = DEFAULT_PLACES
        if "in" in entries:
            named = self._reader.several(entries["in"], lambda item: self._reader.choice(item, PLACES, "位置"), what="位置")
            places = tuple(place for place in PLACES if place in named or (place == "caller" and "content" in named))
        negated: Negation = "no"
        if "negated" in entries:
            text = self._reader.choice(entries["negated"], _NEGATIONS, "写法") or "false"
            negated = _NEGATIONS[text]
        return Scope(places, negated)

    def _field(self, alias: str, entries: Mapping[str, Node], node: Node) -> Leaf | None:
        name = self._reader.choice(entries["field"], FIELDS, "栏目")
        tests = [key for key in ("is", "shorter_than", "longer_than") if key in entries]
        if len(tests) != 1:
            self._problems.add(node, "field 条件要有 is、shorter_than、longer_than 中的一个", "两项要求写成两个条件")
            return None
        if tests == ["is"]:
            state = self._reader.choice(entries["is"], ("present", "missing", "valid", "invalid"), "状态")
            if state in {"valid", "invalid"} and name not in {"uscc", None}:
                self._problems.add(entries["is"], f"只有 uscc 能判断 {state}", "写 present 或 missing")
                return None
            return FieldIs(alias=alias, field=name, state=cast("State", state)) if name and state else None
        bound = self._reader.integer(entries[tests[0]], 0, _LONGEST_TEXT)
        if name is not None and name not in MEASURED_FIELDS:
            self._problems.add(entries["field"], f"不能量 {name} 的字数", f"只有 {'、'.join(MEASURED_FIELDS)} 可以")
            return None
        if name is None or bound is None:
            return None
        shorter, longer = (bound, None) if tests == ["shorter_than"] else (None, bound)
        return FieldLength(alias=alias, field=name, shorter_than=shorter, longer_than=longer)

    def _channel(self, alias: str, entries: Mapping[str, Node], _node: Node) -> ChannelIs:
        channels = tuple(channel.value for channel in Channel)
        named = self._reader.several(entries["channel"], lambda item: self._reader.choice(item, channels, "渠道"), what="渠道")
        return ChannelIs(alias=alias, channels=tuple(channel for channel in channels if channel in named))

    def _letter(self, alias: str, entries: Mapping[str, Node], _node: Node) -> LetterIs:
        node = entries["letter"]
        if isinstance(node, Scalar):
            self._reader.choice(node, ("automatic",), "邮件性质")
            return LetterIs(alias=alias, kinds=AUTOMATIC_KINDS)
        about = "authentication" if isinstance(node, Table) and "authentication" in node.entries else "automatic"
        inner = self._reader.table(node, (about,), (about,))
        if "authentication" in inner:
            found = self._reader.several(
                inner["authentication"], lambda item: self._reader.choice(item, AUTHENTICATION_KINDS, "检验结果"), what="检验结果"
            )
            checked = tuple(kind for kind in AUTHENTICATION_KINDS if kind in found)
            return LetterIs(alias=alias, kinds=checked, about="authentication")
        named: tuple[str, ...] = AUTOMATIC_KINDS
        if "automatic" in inner:
            named = self._reader.several(
                inner["automatic"], lambda item: self._reader.choice(item, AUTOMATIC_KINDS, "自动邮件种类"), what="自动邮件种类"
            )
        return LetterIs(alias=alias, kinds=tuple(kind for kind in AUTOMATIC_KINDS if kind in named))

    def _sender(self, alias: str, entries: Mapping[str, Node], _node: Node) -> SenderIs | None:
        senders = self._reader.several(entries["sender"], self._address, what="域名或地址")
        return SenderIs(alias=alias, senders=tuple(dict.fromkeys(senders))) if senders else None

    def _address(self, node: Node) -> str | None:
        value = self._reader.text(node, longest=254)
        if value is None or _ADDRESS.fullmatch(value):
            return value.casefold() if value else None
        self._problems.add(node, f"“{value}”不是域名，也不是邮箱地址", "例如 kmcg.gov.cn 或 office@kmcg.gov.cn")
        return None

    def _received(self, _alias: str, entries: Mapping[str, Node], _node: Node) -> Condition | None:
        inner = self._reader.table(entries["received"], ("from", "until"))
        self._count -= 1  # each of the two days gets an alias of its own
        days = self._days(inner)
        if not inner:
            self._problems.add(entries["received"], "received 没有写日期", "例如 {from: 2025-01-01, until: 2025-03-31}")
        return Group("all", days) if len(days) > 1 else next(iter(days), None)

    def _candidate(self, alias: str, entries: Mapping[str, Node], _node: Node) -> CandidateIs:
        inner = self._reader.table(entries["candidate"], (*_COMPARED, "verdict", "origin"))
        found = self._compared(alias, inner, entries["candidate"], "candidate")
        origins = self._among(inner, "origin", ORIGINS, "来处")
        return replace(found, verdicts=self._among(inner, "verdict", CASE_VERDICTS, "结论"), origins=origins)

    def _elsewhere(self, alias: str, entries: Mapping[str, Node], _node: Node) -> CandidateIs:
        inner = self._reader.table(entries["elsewhere"], (*_COMPARED, "status"))
        found = self._compared(alias, inner, entries["elsewhere"], "elsewhere")
        return replace(found, elsewhere=True, statuses=self._among(inner, "status", PLATFORM_STATUSES, "状态"))

    def _compared(self, alias: str, inner: Mapping[str, Node], node: Node, key: str) -> CandidateIs:
        if not inner:
            self._problems.add(node, f"{key} 没有要求", "例如 {same: [thread]}")
        return CandidateIs(
            alias=alias,
            same=self._among(inner, "same", CANDIDATE_KEYS, "比对项"),
            enterprises=self._among(inner, "enterprise", ENTERPRISES, "企业异同"),
            details=self._among(inner, "details", DETAILS, "细节异同"),
            likeness_at_least=self._reader.number(inner["likeness_at_least"], 0, 1) if "likeness_at_least" in inner else None,
            within_days=self._reader.integer(inner["within_days"], 0, 36_500) if "within_days" in inner else None,
        )

    def _among(self, inner: Mapping[str, Node], key: str, known: Sequence[str], what: str) -> tuple[str, ...]:
        """Return what is listed under *key*, in the order of *known*."""
        if key not in inner:
            return ()
        named = self._reader.several(inner[key], lambda item: self._reader.choice(item, known, what), what=what)
        return tuple(value for value in known if value in named)

    def _concluded(self, alias: str, entries: Mapping[str, Node], _node: Node) -> Concluded | None:
        name = self._reader.name(entries["concluded"], NAME, NAME_RULE)
        if name is None:
            return None
        self._references.concluded.append((name, entries["concluded"]))
        return Concluded(alias=alias, name=name)

    def _check_candidate(self, node: Node, when: Group, then: Then) -> None:
        found = [leaf for leaf in _positive(when) if isinstance(leaf, CandidateIs) and not (then.follow_up and leaf.elsewhere)]
        if (then.follow_up or then.duplicate) and not found:
            key = "follow_up" if then.follow_up else "duplicate"
            wanted = "candidate" if then.follow_up else "candidate 或 elsewhere"
            self._problems.add(node, f"{key} 要有一个 {wanted} 条件，说明属于哪一件", "在 when 里加上 candidate: {same: [...]}")


def _positive(condition: Condition) -> Iterator[Leaf]:
    """Yield the leaves that stand under no `none`."""
    if not isinstance(condition, Group):
        yield condition
    elif condition.kind != "none":
        for inner in condition.conditions:
            yield from _positive(inner)
