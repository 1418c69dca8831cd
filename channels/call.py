"""A call as it was written down: the words that the readers of its shapes and of its fields share, and what one call may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from store.model.petition import Speaker, Turn

MAX_TURNS = 5_000  # a call of an hour has some 600
MAX_WORDS = 200_000  # code points of all turns together
_MAX_FIELD = 200

_AGENTS = """坐席 座席 话务员 话务 客服 客服人员 客服代表 接线员 接线 接听 接听人 接听员 受理员 受理 值班员 值班 值守 热线 热线员 专线 工号 政务 工作人员 agent operator staff service"""
_CALLERS = (
    """来电人 来电者 来电 主叫 呼入 市民 客户 用户 群众 企业 企业方 诉求人 反映人 投诉人 咨询人 访客 caller customer client user guest"""
)
_ROLES = {
    **dict.fromkeys(_AGENTS.split(), Speaker.AGENT),
    **dict.fromkeys(_CALLERS.split(), Speaker.CALLER),
    **dict.fromkeys(["系统", "语音", "语音提示", "彩铃", "旁白", "背景", "背景音", "旁人", "system", "ivr"], Speaker.OTHER),
}
_NUMBERED = re.compile(r"[\s_\-#0-9０-９A-Da-d（）()]+$")
_ANSWERS = re.compile(r"热线|专线|[您你]好.{0,16}(?:请讲|请说|帮您|帮到您|反映)|请问.{0,8}(?:反映|帮)|为您服务|工号")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One turn as a file has it: who in the file's own words, when (seconds, None if not told), and what."""

    who: str
    at_s: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `doubts` are notes in Chinese on what had to be guessed or left out; `note` is what the agent wrote down beside it."""

    call_id: str
    line: str
    caller_number: str
    started_at: datetime | None
    note: str
    turns: tuple[Turn, ...]
    doubts: tuple[str, ...] = ()


def field(text: object) -> str:
    """Return a value of a record as one line of at most 200 characters; "" for what is no text and no number."""
    if not isinstance(text, str | int | float) or isinstance(text, bool):
        return ""
    return " ".join(str(text).split())[:_MAX_FIELD]


def role_of(who: str, roles: dict[str, Speaker]) -> Speaker | None:
    """Return who *who* is; *roles* are a shape's own words, which go before ours. None where none of them is known."""
    plain = who.strip().strip("【】[]<>").lower()
    for word in (plain, _NUMBERED.sub("", plain)):
        if role := roles.get(word) or _ROLES.get(word):
            return role
    return None


def turns_of(spoken: Iterable[Spoken], roles: dict[str, Speaker], doubts: list[str]) -> tuple[Turn, ...]:
    """Return the turns with their speakers, empty ones left out and at most as many as a call may have; notes go to *doubts*."""
    kept, is_whole = _capped(one for one in spoken if one.text.strip())
    if not is_whole:
        doubts.append(f"通话记录太长，只读前 {len(kept)} 句，其余请看原件")
    known = {one.who: role_of(one.who, roles) for one in kept}
    known |= _guessed(kept, [who for who, role in known.items() if role is None], set(known.values()), doubts)
    return tuple(
        Turn(number=number, speaker=known[one.who] or Speaker.OTHER, at_s=one.at_s, text=one.text.strip())
        for number, one in enumerate(kept, start=1)
    )


def _capped(spoken: Iterator[Spoken]) -> tuple[list[Spoken], bool]:
    """Return the first turns, as many as a call may have, and whether that is all; what stands behind costs nothing."""
    kept: list[Spoken] = []
    left = MAX_WORDS
    for one in spoken:
        if len(kept) >= MAX_TURNS or left <= 0:
            return kept, False
        kept.append(Spoken(who=one.who, at_s=one.at_s, text=one.text[:left]))
        left -= len(one.text)
    return kept, left >= 0


def _guessed(spoken: list[Spoken], unknown: list[str], found: set[Speaker | None], doubts: list[str]) -> dict[str, Speaker | None]:
    """Return who the *unknown* voices are: who answers the telephone is the agent, and where nobody does, the one who speaks first."""
    if not unknown:
        return {}
    if unknown == [""] and found == {None}:
        doubts.append("通话记录没有区分坐席与来电人，全部按来电人的话分析，请核对")
        return {"": Speaker.CALLER}
    if Speaker.AGENT in found:
        doubts.append(
            f"通话记录里的“{unknown[0][:12]}”不知是谁，按来电人的话分析，请核对"
            if Speaker.CALLER not in found
            else "通话记录里有不知是谁的话，未作依据"
        )
        return {unknown[0]: Speaker.OTHER if Speaker.CALLER in found else Speaker.CALLER}
    answering = next((one.who for one in spoken[:6] if one.who in unknown and _ANSWERS.search(one.text)), spoken[0].who)
    doubts.append(f"通话记录没有写明谁是坐席，按“{answering[:12] or '（未标明）'}”为坐席分析，请核对")
    return {who: Speaker.AGENT if who == answering else Speaker.CALLER for who in unknown}
