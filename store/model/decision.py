"""What the rules make of one petition, with the whole trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from store.model.due import Due


class Verdict(StrEnum):
    """The outcome of admission. Precedence when rules disagree: not_a_case > follow_up > supplement > refuse > accept."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SUPPLEMENT = "supplement"
    NOT_A_CASE = "not_a_case"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Words a rule rests on. `source` is "title", "content" or "attachment:NAME"; offsets are in that text; `words` is the list that matched."""

    source: str
    start: int
    end: int
    text: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One rule that fired: its effect in Chinese, its basis (an article, or "本区规则包设定" for policy of the pack), its quotes."""

    rule: str
    effect: str
    basis: str
    quotes: tuple[Quote, ...]
    department: str | None = None
    weight: float = 0.0
    overridden_by: str = ""  # name of the exception that set it aside
    about: str = ""  # what the rule is about, in words for letters; "" where the pack says nothing
    because: tuple[str, ...] = ()  # what it rests on besides quoted words, Chinese: 缺联系人, 已认定“…”, an earlier case and how like it is


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """One rule of which exactly one condition was false, and that condition in Chinese."""

    rule: str
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One earlier report a petition was compared with, as it was then: `keys` as of a `Candidate`, likeness 0 to 1, whole days between them.

    `record_id` is the record of another platform, `case_id` None where that has no case of ours; `enterprise` and `details` as of
    `rules.sameness`, "" where an earlier version compared.
    """

    case_id: int | None
    number: str
    keys: tuple[str, ...]
    likeness: float
    days: int
    record_id: int | None = None
    enterprise: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules make of one petition, with the whole trace. Pure data: the same input gives the same decision.

    `proposed` is True where a person must confirm before the verdict takes effect (refusals, unless the pack says final).
    `review` lists reasons (Chinese) why a person should look although the matter goes on. `scores` weighs the departments, best first.
    """

    verdict: Verdict
    proposed: bool
    ground: int | None
    topic: str  # short Chinese name of the matter, e.g. for not_a_case the kind of mail
    department: str | None
    accompanying: tuple[str, ...]
    advice: str | None  # department id to turn to where refused
    missing: tuple[str, ...]  # for supplement: what to ask for, Chinese
    related_case: int | None  # follow_up: the case it belongs to; else the earlier case of the same matter
    urgent: bool
    review: tuple[str, ...]
    named_departments: tuple[str, ...]
    scores: tuple[tuple[str, float], ...]
    hits: tuple[Hit, ...]
    near_misses: tuple[NearMiss, ...]
    due: Due | None
    rulebook: str  # digest of the pack
    engine: str  # "durable-rules" or "reference"
    compared: tuple[Compared, ...] = ()  # the earlier cases the rules could know of, best first
    level: str = ""  # 一般, 复杂, 重点, 重大 (JN-4); "" where no rule says
    related_record: int | None = None  # the record of another platform that reports the same matter
    classes: tuple[str, ...] = ()  # 全局工作 or 部门任务, 共性需求 or 个性诉求, 政策措施 or 程序规范 (JN-1)


def without_rules(verdict: Verdict, topic: str, rulebook: str, *, related_case: int | None = None, review: Sequence[str] = ()) -> Decision:
    """Return the decision that stands for what no rule was asked about: an answer to a mail of ours, a return, an answer to a survey.

    A person is asked to look where there is something to *review*.
    """
    return Decision(
        verdict=verdict,
        proposed=bool(review),
        ground=None,
        topic=topic,
        department=None,
        accompanying=(),
        advice=None,
        missing=(),
        related_case=related_case,
        urgent=False,
        review=tuple(review),
        named_departments=(),
        scores=(),
        hits=(),
        near_misses=(),
        due=None,
        rulebook=rulebook,
        engine="",
    )
