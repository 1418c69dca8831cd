"""The rule language, version 1: what a rule, a word list and a fact are, as frozen values, and how a condition reads in Chinese.

A rule file is a list of rules; how it is read stands in `rules.syntax`:

| key | meaning |
|---|---|
| rule | unique name: letters (also Chinese), digits, `_` |
| about | one line for people (optional) |
| basis | an article of grounds.yaml or pack.yaml `articles`, or `policy` |
| when | conditions under `all` / `any` / `none`, nestable; several of these keys at once must all hold |
| then | one or more effects, see `Then` |
| overrides | names of rules which this rule, when it fires, sets aside |
| examples | short petitions: `hit`, on which the rule must fire, and `near_miss`, on which it must not (see `rules.samples`) |

Leaves of `when`:

| leaf | true where |
|---|---|
| mention: LIST, in, negated | a word of the list stands in one of the places (default title, content, attachment) and is not negated (`negated: true`: is negated, `any`: either) |
| … same_sentence: OTHER | … and a word of the list OTHER, negated or not, stands in the same sentence |
| … near: OTHER, within: N | … and a word of OTHER, negated or not, stands at most N characters away |
| … at_least: N | … with N different words of the list |
| field: NAME, is: present/missing/valid/invalid | the petition has (not) that field; valid and invalid for uscc only |
| field: title/content, shorter_than/longer_than: N | its length in code points |
| channel: [mail, letter, window] | the petition came that way |
| letter: automatic, or letter: {automatic: [bounce]} | the mail is automatic (of one of these kinds) by its headers |
| candidate: {same: [thread], likeness_at_least: 0.6, within_days: 90} | an earlier case shares one of the keys, is as like, is as young |
| concluded: NAME | a rule concluded that |

Facts are flat dicts with an `id` ([A-Za-z0-9_.:-]{1,64}, unique) and a kind `k`; a property that does not apply is left out:

| k | properties |
|---|---|
| case | exactly one: channel, has_name, has_uscc, has_address, has_contact, has_phone, has_title, has_content, uscc_valid (bool, absent without code), title_length, content_length, automatic (kind, absent if none) |
| mention | list, where, sentence (a number that no two sentences of one text share), negated |
| count | list (the `key` of a `CountAsked`), words: number of different words |
| near | list (the `key` of a `NearAsked`), other, distance: the least number of code points between two such words |
| candidate | same_thread, same_number, same_uscc, same_phone, same_name, same_sender (bool), likeness (0 to 1), days (whole days since) |
| derived | name |

Facts of one kind stand in the order of their worth as evidence: a firing names the first that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

PLACES = ("title", "content", "attachment", "sender")
DEFAULT_PLACES = ("title", "content", "attachment")
FIELDS = ("name", "uscc", "address", "contact", "phone", "title", "content")
MEASURED_FIELDS = ("title", "content")
AUTOMATIC_KINDS = ("auto-reply", "bounce", "list", "own")
CANDIDATE_KEYS = ("thread", "number", "uscc", "phone", "name", "sender")
POLICY = "policy"  # the basis of a rule that no article demands

Negation: TypeAlias = Literal["no", "yes", "any"]
State: TypeAlias = Literal["present", "missing", "valid", "invalid"]
Fact: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One rule that fired: the first facts that made it true, by the alias of the condition (`c1`, `c2` …; `c2_b` is the companion word)."""

    rule: str
    matched: Mapping[str, str]  # alias → id of the fact


Infer: TypeAlias = Callable[[int, Iterable[Fact]], list[Firing]]  # (stage, facts) → firings in the order of the pack


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """One list of words; `exceptions` are longer expressions in which a word does not count (法院路)."""

    name: str
    words: tuple[str, ...]
    exceptions: tuple[str, ...] = ()


# ---------------------------------------------------------------- conditions


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a word must stand (in the order of `PLACES`), and whether it is negated there."""

    places: tuple[str, ...] = DEFAULT_PLACES
    negated: Negation = "no"

    def key(self, words: str) -> str:
        """Return the name under which counts and distances of the list *words* in this scope are asked: just *words* by default."""
        if self.negated == "no" and self.places == DEFAULT_PLACES:
            return words
        return f"{words}@{'+'.join(self.places)}/{self.negated}"

    def holds(self, where: object, negated: object) -> bool:
        """Tell whether a mention at *where*, negated or not, lies in this scope."""
        return where in self.places and (self.negated == "any" or negated is (self.negated == "yes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A word of a list stands in the scope, at most one of the four refinements set."""

    alias: str
    words: str
    scope: Scope = Scope()
    same_sentence: str | None = None
    near: str | None = None
    within: int = 0  # code points, with near only
    at_least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldIs:
    """A field of the petition is there or not, or (uscc) valid or not. `invalid` wants a code that is there."""

    alias: str
    field: str
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLength:
    """The length of title or content in code points, both bounds excluded; None is no bound."""

    alias: str
    field: str
    shorter_than: int | None = None
    longer_than: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelIs:
    """The petition came by one of these channels."""

    alias: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterIs:
    """The mail is automatic, of one of these kinds."""

    alias: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateIs:
    """One earlier case shares one of `same` (empty: any case found) and meets both bounds."""

    alias: str
    same: tuple[str, ...] = ()
    likeness_at_least: float | None = None
    within_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """A rule of an earlier stage concluded this."""

    alias: str
    name: str


Leaf: TypeAlias = Mention | FieldIs | FieldLength | ChannelIs | LetterIs | CandidateIs | Concluded


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all, any or none must hold."""

    kind: Literal["all", "any", "none"]
    conditions: tuple[Condition, ...]


Condition: TypeAlias = Leaf | Group


def leaves(condition: Condition) -> list[Leaf]:
    """Return the leaves of *condition* in the order of the file."""
    if not isinstance(condition, Group):
        return [condition]
    return [leaf for inner in condition.conditions for leaf in leaves(inner)]


# ---------------------------------------------------------------- effects and rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What a rule does when it fires; at most one of not_a_case, follow_up, supplement, refuse."""

    conclude: tuple[str, ...] = ()  # derived facts for later stages
    not_a_case: str | None = None  # kind of mail, Chinese
    final: bool = False  # the refusal or not_a_case needs no person
    follow_up: bool = False  # belongs to the best candidate of this rule's candidate condition
    duplicate: bool = False  # same matter as that candidate
    supplement: tuple[str, ...] = ()  # what is missing: keys of pack.yaml `supplements`
    refuse: int | None = None  # ground
    advice: str | None = None  # department to turn to instead
    route: str | None = None  # department
    weight: float = 1.0  # of the route
    accompany: tuple[str, ...] = ()  # departments
    urgent: bool = False
    review: str | None = None  # why a person should look, Chinese


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The earlier case that a sample may stand beside: the keys it shares with the sample, its words, and its age in days."""

    same: tuple[str, ...]
    title: str = ""
    text: str = ""
    days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A petition written down by hand, with no more said than matters. `fields` are those of the form, by name; `place` is file:line."""

    text: str = ""
    title: str = ""
    attachment: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    uscc_valid: bool | None = None
    sender: str = ""
    channel: str = "letter"
    automatic: str | None = None
    earlier: Earlier | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A sample beside a rule: the rule fires on it and is not set aside (`fires`), or it comes near and does not."""

    sample: Sample
    fires: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a pack. `place` is file:line, for messages about it."""

    name: str
    about: str
    basis: str
    when: Group
    then: Then
    overrides: tuple[str, ...]
    place: str
    examples: tuple[Example, ...] = ()


# ---------------------------------------------------------------- what the rules ask of the texts


@dataclass(frozen=True, slots=True)
class CountAsked:
    """Some rule asks how many different words of the list `words` stand in `scope`."""

    words: str
    scope: Scope

    @property
    def key(self) -> str:
        """What the `count` fact carries as its `list`."""
        return self.scope.key(self.words)


@dataclass(frozen=True, slots=True)
class NearAsked:
    """Some rule asks how far words of `words` in `scope` stand from words of `other` (same text, negated or not), up to `within`."""

    words: str
    scope: Scope
    other: str
    within: int  # the widest any rule asks, code points

    @property
    def key(self) -> str:
        """What the `near` fact carries as its `list`."""
        return self.scope.key(self.words)


# ---------------------------------------------------------------- conditions in Chinese

_PLACE_NAMES = {"title": "标题", "content": "正文", "attachment": "附件", "sender": "发件人名称"}
_FIELD_NAMES = {
    "name": "企业名称",
    "uscc": "统一社会信用代码",
    "address": "地址",
    "contact": "联系人",
    "phone": "电话",
    "title": "标题",
    "content": "诉求内容",
}
_STATE_NAMES = {"present": "有{}", "missing": "缺{}", "valid": "{}有效", "invalid": "{}无效"}
_CHANNEL_NAMES = {"mail": "邮件", "letter": "信函", "window": "窗口"}
_AUTOMATIC_NAMES = {"auto-reply": "自动回复", "bounce": "退信", "list": "群发邮件", "own": "本系统发出的邮件"}
KEY_NAMES = {"thread": "邮件往来", "number": "登记编号", "uscc": "信用代码", "phone": "电话", "name": "企业名称", "sender": "发件地址"}
_JOINTS = {"all": "，且", "any": "，或", "none": "，或"}


def describe(condition: Condition) -> str:
    """Return *condition* as a Chinese clause without a full stop."""
    match condition:
        case Group():
            return _group(condition)
        case Mention():
            return _mention(condition)
        case CandidateIs():
            return _candidate(condition)
        case Concluded():
            return f"已认定“{condition.name}”"
    return _anchor(condition)


def _group(group: Group) -> str:
    inner = _JOINTS[group.kind].join(describe(part) for part in group.conditions)
    whole = f"（{inner}）" if len(group.conditions) > 1 else inner
    return f"没有{whole}" if group.kind == "none" else whole


def _anchor(leaf: FieldIs | FieldLength | ChannelIs | LetterIs) -> str:
    match leaf:
        case FieldIs():
            return _STATE_NAMES[leaf.state].format(_FIELD_NAMES[leaf.field])
        case FieldLength():
            bound = f"少于 {leaf.shorter_than}" if leaf.shorter_than is not None else f"多于 {leaf.longer_than}"
            return f"{_FIELD_NAMES[leaf.field]}{bound} 字"
        case ChannelIs():
            return f"来自{'或'.join(_CHANNEL_NAMES[name] for name in leaf.channels)}"
        case LetterIs():
            return f"是自动邮件（{'、'.join(_AUTOMATIC_NAMES[kind] for kind in leaf.kinds)}）"


def _mention(leaf: Mention) -> str:
    verb = {"no": "提到", "yes": "否定地提到", "any": "不论否定地提到"}[leaf.scope.negated]
    places = "、".join(_PLACE_NAMES[place] for place in leaf.scope.places)
    text = f"{verb}“{leaf.words}”" if leaf.scope.places == DEFAULT_PLACES else f"在{places}里{verb}“{leaf.words}”"
    if leaf.at_least > 1:
        return f"{text}中至少 {leaf.at_least} 个不同的词"
    if leaf.near is not None:
        return f"{text}，{leaf.within} 字以内有“{leaf.near}”"
    return f"{text}，同句有“{leaf.same_sentence}”" if leaf.same_sentence is not None else text


def _candidate(leaf: CandidateIs) -> str:
    parts = ["有以前的事项"]
    if leaf.same:
        parts.append(f"{'或'.join(KEY_NAMES[key] for key in leaf.same)}相同")
    if leaf.likeness_at_least is not None:
        parts.append(f"内容相似度不低于 {leaf.likeness_at_least:g}")
    if leaf.within_days is not None:
        parts.append(f"在 {leaf.within_days} 天以内")
    return "，".join(parts)
