"""What a reply to one of our mails says, as read: the words that are new, what they order, and the form filled in with it.

Reading knows neither who wrote nor how the case stands: whether the writer may, and whether it is possible now, is decided where it is acted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from store.model.petition import Found, Span

SLIP, RATING = "附件4", "附件5"  # the forms that come back with replies (呈贡, 三（六）（七）)

EVENTS = (
    "acknowledge",
    "verify",
    "promise",
    "ask_extension",
    "extend",
    "supplement",
    "supplemented",
    "answer",
    "rate",
    "return",
    "assign",
    "hand_over",
    "withdraw",
    "unbook",
    "attend",
    "close",
    "reopen",
    "agree",
    "disagree",
    "same",
    "separate",
)
"""What a command may be: events of `store.life`, two words on a place in a session, and four answers to what the coordinator is asked.

`unbook` gives the place up (取消挂号) and leaves the matter alone, `attend` says that somebody comes.
`agree` and `disagree` answer whatever is proposed (a refusal, an extension, a return), `same` and `separate` whether two cases are one.
`supplement` asks the enterprise for something, `supplemented` gives it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that a reply orders. What is not said is None or "".

    `event` is one of `EVENTS`. `limit` is 限期 (附件4 row 6), `days` 承诺时限 (row 7) or an extension, in working days as far as the words
    say (else a doubt tells); `until` the day where a date stands in their place. `department` is the unit in the writer's words (建议交由X,
    改派X, 转交X), `number` the case that is meant (重复于CG-2024-00001). `text` is the reason or the answer in the writer's own words.
    `span` quotes the words that were taken as the command; its source is "body" or "attachment:NAME".
    """

    event: str
    span: Span
    days: int | None = None
    limit: int | None = None
    until: date | None = None
    result: str = ""  # of answer: solved, explained, against_policy
    rating: str = ""  # of rate: satisfied, basically, dissatisfied
    department: str = ""
    number: str = ""
    text: str = ""
    is_form: bool = False  # read from 附件4 or 附件5, not from running text


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledForm:
    """附件4 or 附件5 as it came back: `kind` is `SLIP` or `RATING`, `source` as in a Span.

    `fields` are those filled in: department, leader, post, contact, phone, session, enterprise, enterprise_contact, enterprise_phone, reason
    (无法解决), why (不满意原因), advice (意见建议). `result` is the ticked box: solved, promised or unsolved; `rating` as in `Command`.
    `limit` and `days` as in `Command`; `accepted` is the day from which `days` count.
    """

    kind: str
    source: str
    fields: Mapping[str, Found] = field(default_factory=dict)
    result: str = ""
    rating: str = ""
    limit: int | None = None
    days: int | None = None
    accepted: date | None = None

    @property
    def is_filled(self) -> bool:
        """Say whether what this form is for is ticked: the result in 附件4, in 附件5 the enterprise's own opinion."""
        return bool(self.rating if self.kind == RATING else self.result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply as read. `new_text` is what its writer wrote himself, without quotation, signature and the client's own lines.

    `commands` stand in the order of the text, those of a form last. `doubts` are notes in Chinese on what may have been meant but was not
    taken for a command. `is_empty` where neither new words nor a filled form came.
    """

    new_text: str
    commands: tuple[Command, ...] = ()
    doubts: tuple[str, ...] = ()
    forms: tuple[FilledForm, ...] = ()
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # compared and hashed as the one object that a rule book has
class ReplyWords:
    """The officialese by which replies are read: `acts` maps an event (with its result or rating: answer.solved, rate.satisfied) to phrases.

    In a phrase （甲/乙） is an optional part, 《甲/乙》 one that must be there, `SLOTS` stand for what is read out of it, and other names in <> for
    one of the words of a list of `sets`. `parts` are lists of words by the names in `PARTS`.
    """

    acts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ACTS = (
    *(event for event in EVENTS if event not in {"answer", "rate"}),
    *(f"answer.{result}" for result in ("solved", "explained", "against_policy")),
    "term",  # says by when, of a promise or an extension that stands before
    "propose",  # names the unit that a return, an agreement or a refusal means
    *(f"rate.{rating}" for rating in ("satisfied", "basically", "dissatisfied")),
)
SLOTS = ("天数", "限期", "日期", "起日", "单位", "件号", "问题", "要求", "清单")
"""<天数>, <限期>, <日期>, <单位>, <件号> go into the fields of a `Command`; <起日> is a day passed over, <问题> and <要求> are what a sentence is about,
<清单> is what is asked for."""

PARTS = {
    "subjects": "可以出现在句首、说明是谁或什么事的词",
    "openers": "可以出现在句首的套话",
    "conditions": "同一句里前面有以这些词开头的分句，后面的不是指令",
    "questions": "句中有这些词的，不是指令",
    "reported": "前一个分句以这些词结尾的，是转述别人的话",
    "units": "单位的名称以这些词结尾",
    "others": "句中有这些词的，同意、评价、撤回的是别人",
    "hedges": "分句中有这些词的，不是指令",
    "partial": "句中有这些词的，只说了一部分，请人看",
    "instead": "回信里有这些词的，是想改期或由别人到场，不是取消挂号，请人看",
    "ours": "只有本系统的来信里才有的话",
    "cut": "在此线以上回复",
    "disclaimers": "邮件末尾的免责声明怎样开头",
}
