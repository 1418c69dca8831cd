"""Which enterprise calls: the only module that knows how one says one's own name on the telephone, and how a misheard one is put right.

A registered name the caller says goes before a short one, what answers the question for it before what is said in passing. Where the agent
asks which character is meant (城市的城？) and the caller denies or spells another, names with the wrong one give way to those with the right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from channels import enterprises, persons, sender_name, spoken
from channels.call_view import Said
from channels.passage import HAN, any_of
from channels.sender_name import PLAIN_TRADES, TRADES
from channels.view import View
from store.enterprise_names import REGIONS
from store.model.petition import Found

_LEAST = 20
_REGISTERED, _SHORT, _READ_BACK = 45, 24, 30
_ANSWERS_QUESTION, _SPELLED, _MISHEARD = 30, 15, 60
_EARLY_TURNS = 4  # of the caller, in which he says who he is
_REACH = 24  # characters before a trade in which its name begins
_SHORTEST, _LONGEST = 2, 14  # characters of a short name
_ALIKE = 0.6  # share of sounds that two names have in common

_CLAUSE = re.compile(rf"[{HAN}A-Za-z0-9·&()]+")
_TRADE = re.compile(
    any_of(
        f"{TRADES} {PLAIN_TRADES} 集团 控股 劳务 园艺 工坊 商行 经营部 超市 客栈 民宿 幼儿园 汽修厂 修理厂 洗衣厂 合作社 门诊 口腔门诊 诊所 医院 药店 宾馆 餐厅 饭店 酒楼 茶楼 商店 花店 书店 学校 农场 养殖场 加油站 加气站 搅拌站 药房 面馆 火锅 烧烤 造纸 纸制品 防水 洗衣 洗涤 数字 智造 培训中心 事务所 财税"
    )
)
_ENDS_NAME = re.compile(rf"$|[的]|我姓|姓[{HAN}]|我叫|这边|这里|公司|有限|[,。;!?、 )]|呢|嘛|啊|哈|嘞|我是|我们")
_OPENS = re.compile(
    any_of(
        """我们这边是 我这边是 我这里是 我们这里是 我们是 我是 我们公司是 我公司是 我们公司叫 我们叫 公司叫 店叫 厂叫 叫做 叫 就是 名称是 单位是 公司是 企业是 全称是 我们单位是 我们 我
        是 的 这边 那边 做 跑 搞 开 家 这里 属于 来自 老板 单位 公司 企业"""
    )
)
_LEAD = re.compile(
    rf"(?:{any_of('嗯 呃 哦 额 啊 哎 那个 就 就是 我们是 我是 我们叫 叫 是 我们 我 我们公司 公司 公司叫 公司名称 名称 单位 单位是 公司是 全称是 全称 企业 我们公司叫 我们公司是 我们家 我家 对 这边是 我这边是')}[,: ]*)+"
)
_NO_ENTERPRISE = re.compile(any_of("小区 家园 花园 公寓 村 社区 学校 小学 中学 幼儿园门口"))
_OTHERS = re.compile(any_of("帮 替 给 在 去 找 跟 和 与 向 对 欠 那个 那家 隔壁 一家 哪家 这家 被 从 由 问 到 买 叫的 是叫 请的 代表 委托"))
_OTHERS_CORE = re.compile(any_of("帮 替 那个 那家 隔壁 一家 哪家 这家 被 从 找 欠 委托"))
_NO_NAME = re.compile(
    rf"{any_of('我们 你们 他们 这个 那个 什么 怎么 没有 不是 就是 可以 一家 两家 几家 自己 政府 热线 坐诊 问题 反映 电话 老板 员工 房东 物业公司 一个 哪个 有点 已经 现在 企业 公司 做的 本地 外地 今年 去年 还是 也是 都是 里面 的事 这种 回头 再打 再说 再来 等下 等一下 等会 稍后 稍等 方便 开车 打错 打过 打给 打电话 听不 听得 在忙')}|[吗呢吧了着过很也都还就给我你他她不没说要想来去]"
)
_GENERIC = re.compile(
    rf"(?:{any_of('搞 做 小 大 本地 民营 专业 花卉 建筑 装修 物流 国际 大型 中小 传统 现代 绿色 新能源 农业 生物 老 家')})*"
)
_PLACE_NAME = re.compile(rf"{any_of(' '.join(REGIONS))}[省市区县]?[{HAN}]{{2,6}}")


@dataclass(frozen=True, slots=True)
class _Candidate:
    said: Said
    start: int
    end: int
    points: int
    is_registered: bool

    @property
    def text(self) -> str:
        return self.said.plain[self.start : self.end]


def caller_name(call: Sequence[Said]) -> Found | None:
    """Return the name of the caller's enterprise as it was said best; None where he does not say one."""
    own = list(_said(call))
    candidates = [*own, *_read_back(call, own)]
    right, wrong = _characters(call)
    best: _Candidate | None = None
    for candidate in (_weighed(candidate, right, wrong, candidates) for candidate in candidates):
        if candidate.points >= _LEAST and (best is None or _worth(candidate) > _worth(best)):
            best = candidate
    return best.said.found(best.start, best.end) if best else None


def _worth(candidate: _Candidate) -> tuple[int, int, int]:
    """Of equals the longer, then the later: who says his name again says it better."""
    return candidate.points, candidate.end - candidate.start, candidate.said.turn.number


# ---------------------------------------------------------------- what the caller says


def _said(call: Sequence[Said]) -> Iterator[_Candidate]:
    earlier = 0
    for said in call:
        if said.is_caller:
            earlier += 1
            bonus = 8 * (earlier <= _EARLY_TURNS)
            bonus += -_MISHEARD if "other" in said.asked else _ANSWERS_QUESTION * ("name" in said.asked)
            yield from (replace(found, points=found.points + bonus) for found in _named(said))


def _named(said: Said) -> Iterator[_Candidate]:
    view = View.of(said.passage)
    taken: list[tuple[int, int]] = []
    for name in view.names:
        points = sender_name.points_of(view, name)
        if name.end - name.start > _SHORTEST:
            taken.append((name.start, name.end))
            yield _Candidate(
                said, name.start, name.end, (_REGISTERED if name.is_registered else _SHORT) + min(points, 20), name.is_registered
            )
    for clause in _CLAUSE.finditer(said.plain):
        for start, end, points in _short(said, clause):
            if not any(low < end and start < high for low, high in taken):
                yield _Candidate(said, start, end, points, is_registered=False)


def _short(said: Said, clause: re.Match[str]) -> Iterator[tuple[int, int, int]]:
    """Yield short names of one clause: those that end with a trade (蓝秀数据), and all of it where it answers the question (鸿泽)."""
    words = clause[0]
    for trade in _TRADE.finditer(words):
        if not (_ENDS_NAME.match(words, trade.end()) or persons.person_at(words, trade.end())):
            continue
        low = max(0, trade.start() - _REACH)
        opening = max((match.end() for match in _OPENS.finditer(words, low, trade.start())), default=low)
        before = words[low:opening]
        core = words[opening : trade.start()]
        if core and len(core) + len(trade[0]) <= _LONGEST and not _is_generic(core):
            is_own = opening == 0 or before.endswith(("我们是", "我是", "我", "我们", "叫", "的", "是"))
            yield clause.start() + opening, clause.start() + trade.end(), _SHORT - 4 + 10 * is_own - 40 * bool(_OTHERS.search(before))
    if (place := _PLACE_NAME.fullmatch(words)) and not _NO_NAME.search(words[2:]):
        yield clause.start(), clause.start() + place.end(), _SHORT - 2
    if "name" in said.asked and "other" not in said.asked and clause.start() < _LONGEST:
        lead = _LEAD.match(words)
        start = lead.end() if lead else 0
        rest = words[start:]
        if (
            _SHORTEST <= len(rest) <= _LONGEST
            and not _NO_NAME.search(rest)
            and not _NO_ENTERPRISE.search(rest)
            and not persons.is_surely_name(rest)
            and not spoken.says_little(rest)
        ):
            yield clause.start() + start, clause.end(), _SHORT - 20


def _is_generic(core: str) -> bool:
    return (
        _GENERIC.fullmatch(core) is not None
        or _OTHERS_CORE.search(core) is not None
        or _NO_NAME.search(core) is not None
        or enterprises.is_office(core)
        or enterprises.is_place(core)
    )


# ---------------------------------------------------------------- what the agent reads back


def _read_back(call: Sequence[Said], own: Sequence[_Candidate]) -> Iterator[_Candidate]:
    """Yield names in the agent's words that sound like one the caller said, or that he agrees to; nothing that he denies."""
    for said in call:
        if said.is_caller or said.is_denied:
            continue
        agreed = said.is_agreed
        for candidate in _named(said):
            if agreed or any(_is_alike(candidate.text, other.text) for other in own if other.points > 0):
                base = _READ_BACK + 10 * agreed + 5 * candidate.is_registered
                yield replace(candidate, points=base)


def _is_alike(one: str, other: str) -> bool:
    """Whether two names share most of their sounds, in order or not; the shorter counts."""
    first, second = spoken.sounds(one), list(spoken.sounds(other))
    shared = 0
    for item in first:
        if item in second:
            second.remove(item)
            shared += 1
    return shared >= _ALIKE * min(len(one), len(other)) and shared > 1


# ---------------------------------------------------------------- which character is meant


def _characters(call: Sequence[Said]) -> tuple[set[str], set[str]]:
    """Return the characters that were spelled, and those that an agent asked about or wrote in vain."""
    right: set[str] = set()
    wrong: set[str] = set()
    for said in call:
        if said.is_caller:
            right |= {char for char, _, _ in spoken.spelled(said.plain)}
            wrong |= {char for char in spoken.explained(said.plain) if f"不是{char}" in said.plain or _denied(said.plain, char)}
        elif said.answer:
            asked = set(spoken.explained(said.plain))
            told = {char for char, _, _ in spoken.spelled(said.answer)}
            if spoken.is_no(said.answer) or (told and not told & asked):
                wrong |= asked - told - set(said.answer)  # what he repeats himself was right
            else:
                right |= asked
    return right, wrong - right


def _denied(plain: str, char: str) -> bool:
    return re.search(rf"不是[{HAN}]{{1,4}}的{re.escape(char)}", plain) is not None


def _weighed(candidate: _Candidate, right: set[str], wrong: set[str], others: Iterable[_Candidate]) -> _Candidate:
    text = candidate.text
    points = candidate.points + _SPELLED * bool(right & set(text))
    is_misheard = bool(wrong & set(text)) and any(_is_alike(text, other.text) and not wrong & set(other.text) for other in others)
    return replace(candidate, points=points - _MISHEARD * is_misheard)
