"""A call prepared for reading: turns in plain signs, which agent's question each answers, and what the caller agreed to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels import spoken
from channels.passage import Passage, any_of, shadow
from store.model.petition import Found, Speaker, Turn

_NAME_ASKED = re.compile(
    any_of(
        """哪家 哪个公司 哪个企业 哪个单位 什么公司 什么企业 什么单位 哪样公司 企业名称 公司名称 单位名称 企业全称 公司全称 单位全称 全称 名称 叫什么 公司叫 企业叫 店叫 厂叫 施工单位呢
        您是施工单位 您单位 贵公司 贵单位 您公司 您企业 您的公司 您的企业 公司是 企业是 店名 什么店 哪个店 哪个厂 报一下 哪个hong 公司呢 企业呢 单位呢 哪里的企业"""
    )
)
_PERSON_ASKED = re.compile(
    any_of("贵姓 姓什么 怎么称呼 怎么称乎 如何称呼 怎样称呼 您叫 您的名字 姓名 名字 联系人 您姓 咋个称呼 称呼您 尊姓 哪位")
)
_PLACE_ASKED = re.compile(any_of("地址 在哪 哪一栋 哪栋 哪个位置 什么位置 位置 哪条路 哪个村 哪个园区 哪个街道 什么地方 哪点 具体在"))
_PHONE_ASKED = re.compile(any_of("电话 手机 号码 联系方式 这个号 怎么联系"))
_MATTER_ASKED = re.compile(any_of("反映 什么问题 什么事 请讲 您说 请说 您讲 诉求 什么情况 具体 怎么了 帮您 什么事情 详细 说一下 讲一下"))
# 业主是哪家？ 是哪家公司欠的？: the name of somebody else is asked for
_OTHERS_ASKED = re.compile(any_of("欠 对方 业主是 甲方 代建 总包 银行 中标 哪家承建 谁承建 投诉哪 哪家物业 房东 供货 老公司 哪家收 收的"))
QUESTIONS = {
    "other": _OTHERS_ASKED,
    "name": _NAME_ASKED,
    "person": _PERSON_ASKED,
    "place": _PLACE_ASKED,
    "phone": _PHONE_ASKED,
    "matter": _MATTER_ASKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One turn in plain signs. `passage` calls it by its source; `digits` is the same with spoken digits as digits.

    `asked` names what the agent's turn before asks for (a caller's turn), `answer` is the caller's turn that follows (an agent's turn).
    """

    turn: Turn
    passage: Passage
    digits: str
    asked: frozenset[str] = frozenset()
    answer: str = ""

    @property
    def plain(self) -> str:
        """The words in plain signs."""
        return self.passage.plain

    @property
    def is_caller(self) -> bool:
        """Whether the caller says it."""
        return self.turn.speaker is Speaker.CALLER

    @property
    def is_agreed(self) -> bool:
        """Whether it is an agent's turn that the caller answers with yes."""
        return bool(self.answer) and spoken.is_yes(self.answer)

    @property
    def is_denied(self) -> bool:
        """Whether it is an agent's turn that the caller denies."""
        return bool(self.answer) and spoken.is_no(self.answer)

    def found(self, start: int, end: int) -> Found | None:
        """Return [start, end) as a value: said by the caller, or read back by the agent."""
        return self.passage.found(start, end, "said" if self.is_caller else "read_back")


def view_of(turns: tuple[Turn, ...]) -> list[Said]:
    """Return the turns of a call prepared for reading, without those of others."""
    spoken_by = [turn for turn in turns if turn.speaker is not Speaker.OTHER]
    return list(_prepared(spoken_by))


def _prepared(turns: list[Turn]) -> Iterator[Said]:
    question = ""
    for index, turn in enumerate(turns):
        passage = Passage.of(turn.source, turn.text)
        is_caller = turn.speaker is Speaker.CALLER
        following = turns[index + 1] if index + 1 < len(turns) else None
        answer = shadow(following.text) if following is not None and following.speaker is Speaker.CALLER and not is_caller else ""
        asked = frozenset(name for name, pattern in QUESTIONS.items() if pattern.search(question)) if is_caller else frozenset()
        yield Said(turn=turn, passage=passage, digits=spoken.digits(passage.plain), asked=asked, answer=answer)
        question = passage.plain if not is_caller else ""
