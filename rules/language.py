"""The rule language, version 1: what a rule, a word list and a fact are, as frozen values.

A rule file is a list of rules; how it is read stands in `rules.syntax`, how a condition reads in Chinese in `rules.clauses`:

| key | meaning |
|---|---|
| rule | unique name: letters (also Chinese), digits, `_` |
| about | one line for people (optional) |
| basis | an article of grounds.yaml or pack.yaml `articles`, or `policy` |
| when | conditions under `all` / `any` / `none`, nestable; several of these keys at once must all hold |
| then | one or more effects, see `Then` |
| from, until | first and last day on which the rule is in force; a petition is decided by the rules in force when it came |
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
| sender: [gov.cn, a@b.cn] | the mail comes from one of these domains (their subdomains too) or addresses |
| received: {from: 2025-01-01, until: 2025-03-31} | it came in on one of these days, both included, as the district counts days |
| letter: automatic, or letter: {automatic: [bounce]} | the mail is automatic (of one of these kinds) by its headers |
| letter: {authentication: [refuted]} | the mail server that we trust found the mail (not) to come from the domain in From |
| candidate: {same: [thread], enterprise: [same, likely], details: [shared], likeness_at_least: 0.6, within_days: 90, verdict: [supplement]} | an earlier case of ours shares one of the keys, is of that enterprise, names that, is as like, is as young, was decided so |
| elsewhere: the same without verdict and origin, and status: [accepted] | a record of another platform does, and stands so there |
| concluded: NAME | a rule concluded that |

Facts are flat dicts with an `id` ([A-Za-z0-9_.:-]{1,64}, unique) and a kind `k`; a property that does not apply is left out:

| k | properties |
|---|---|
| case | exactly one: channel, has_name, has_uscc, has_address, has_contact, has_phone, has_title, has_content, uscc_valid (bool, absent without code), title_length, content_length, automatic (kind, absent if none), authentication (absent if nobody whom we trust could tell), day (yyyymmdd in the district) |
| mention | list, where, sentence (a number that no two sentences of one text share), negated |
| count | list (the `key` of a `CountAsked`), words: number of different words |
| near | list (the `key` of a `NearAsked`), other, distance: the least number of code points between two such words |
| candidate | same_ and each of `CANDIDATE_KEYS` (bool), enterprise, details (see `rules.sameness`), likeness (0 to 1), days (whole days since), verdict, origin |
| elsewhere | the same, and status in place of verdict and origin; a case that such a record opened is there as both |
| sender | list (the `key` of a `SenderIs` that the sender fits) |
| derived | name |

Facts of one kind stand in the order of their worth as evidence: a firing names the first that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

PLACES = ("title", "content", "caller", "attachment", "sender")
DEFAULT_PLACES = ("title", "content", "caller", "attachment")  # caller: what the caller says in a transcript, not the agent
FIELDS = ("name", "uscc", "address", "contact", "phone", "title", "content")
MEASURED_FIELDS = ("title", "content")
AUTOMATIC_KINDS = ("auto-reply", "bounce", "list", "own")
AUTHENTICATION_KINDS = ("confirmed", "refuted")  # what the mail server in front of us found out about the sender
CANDIDATE_KEYS = (
    "thread",
    "number",
    "uscc",
    "document",
    "phone",
    "name",
    "masked",
    "sound",
    "text",
    "amount",
    "sender",
    "contact",
    "place",
)
ENTERPRISES = ("same", "likely", "sounds", "unknown", "other")  # see `rules.sameness`
DETAILS = ("shared", "none", "differ")  # likewise
ORIGINS = ("ours", "platform")  # where a case began
PLATFORM_STATUSES = ("accepted", "pending", "refused", "closed")
CASE_VERDICTS = ("accept", "refuse", "supplement")  # of what opened a case
LEVELS = ("一般", "复杂", "重点", "重大")  # JN-4, the gravest last
CLASSES = (("全局工作", "部门任务"), ("共性需求", "个性诉求"), ("政策措施", "程序规范"))  # JN-1: at most one of each pair
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
    """One list of words; `exceptions` are longer expressions in which a word does not count (法院路).

    `synonyms` are groups of the words that count as one where different words are counted; the first stands for all.
    """

    name: str
    words: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()


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
    """The mail is automatic, or its sender was checked: with one of these outcomes. `about` is the property of the anchor that says so."""

    alias: str
    kinds: tuple[str, ...]
    about: Literal["automatic", "authentication"] = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIs:
    """The mail comes from one of these domains (or below them) or addresses, lower-cased."""

    alias: str
    senders: tuple[str, ...]

    @property
    def key(self) -> str:
        """What the `sender` fact carries as its `list`."""
        return " ".join(self.senders)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedIs:
    """The petition came in on this day of the district (yyyymmdd) or later, or on it or earlier: one bound is None."""

    alias: str
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateIs:
    """One earlier report shares one of `same` (empty: any found), meets both bounds, and is one of what each other list names (empty: any).

    It is a case of ours, or a record of another platform where `elsewhere`: only the one has verdicts and origins, only the other statuses.
    """

    alias: str
    same: tuple[str, ...] = ()
    likeness_at_least: float | None = None
    within_days: int | None = None
    verdicts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    enterprises: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    elsewhere: bool = False
    statuses: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of fact it is about."""
        return "elsewhere" if self.elsewhere else "candidate"

    @property
    def members(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The properties that must have one of some values, each with these."""
        named = (
            ("verdict", self.verdicts),
            ("origin", self.origins),
            ("enterprise", self.enterprises),
            ("details", self.details),
            ("status", self.statuses),
        )
        return tuple((name, values) for name, values in named if values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """A rule of an earlier stage concluded this."""

    alias: str
    name: str


Leaf: TypeAlias = Mention | FieldIs | FieldLength | ChannelIs | LetterIs | SenderIs | ReceivedIs | CandidateIs | Concluded


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
    topic: str | None = None  # what the matter is called, instead of the name of the weightiest rule
    level: str | None = None  # one of LEVELS; the gravest of all rules holds
    classes: tuple[str, ...] = ()  # of CLASSES; of each pair the first rule's holds
    urgent: bool = False
    review: str | None = None  # why a person should look, Chinese


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The earlier report that a sample may stand beside: the keys it shares with the sample, its words, and its age in days.

    With a `status` it is a record of another platform that stands so there; else a case of ours. Without a `name` it has the sample's.
    """

    same: tuple[str, ...]
    name: str = ""
    title: str = ""
    text: str = ""
    days: int = 1
    status: str = ""


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
    authentication: str | None = None
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
