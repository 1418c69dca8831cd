"""Who calls, how he is reached, and where his enterprise is: the only module that knows how these are said on the telephone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from channels import numbers, persons, places, spoken
from channels.call_view import Said
from channels.passage import HAN, any_of, shadow
from store.model.petition import Found, Span

_SURNAME = re.compile(rf"(?:我姓|免贵姓|本人姓|我就?姓|姓|贵姓)(?P<name>[{HAN}]{{1,2}})")
_EXPLAINED = re.compile(rf"[{HAN}]{{1,4}}的[{HAN}]")  # 苏州的苏, 龙王的龙
_CALLED = re.compile(rf"(?:我叫|本人叫|名字叫|名字是|我的名字叫|叫我|我是)(?P<name>[{HAN}]{{2,4}})")
_AFTER_SURNAME = re.compile(r"[,。、 ]{0,3}(?:就是|名字)?(?:叫)?")
_FOLLOWS_NAME = re.compile(
    rf"$|[,。;!?、 (]|{any_of('我 就 是 他 这 电 手 做 管 的 负责 老板 经理 店长 会计 财务 法人 厂长 嘛 啊 哈 嘞 了 呢 号码')}"
)
_LEAD = re.compile(rf"(?:{any_of('嗯 呃 哦 啊 哎 我 免贵 叫 是 我是 我叫 就 写 写我 记 记我 联系人 就写 我的名字')}[,、: ]*)*")
_AGENT_CALLS = re.compile(
    rf"(?:^|[,。;!?、 哦好嗯]|您是|是)(?P<name>[{HAN}]{{1,3}}?(?:{any_of('先生 女士 小姐 总经理 经理 院长 校长 园长 厂长 店长 老板娘 老板 会计 主任 老师 师傅 大姐 大哥 阿姨 工 总')}))(?=$|[,。;!?、 您你]|我|请|吧|吗|对吧)"
)
_TITLES = any_of("先生 女士 小姐 总 工 经理 会计 校长 园长 院长 老师 师傅 老板 厂长 店长 主任")
_HANDED_ON = re.compile(r"(?:写|打|记|留|联系)(?:他|她)的?[,:是 ]{0,2}$")
_NUMBER_OF_OTHERS = re.compile(
    any_of("媳妇 老婆 老公 儿子 姑娘 他 她 对方 房东 物业 业主 客户 员工 同事 老板的 银行 窗口 他们 科 局 中介 代办 以前的 原来的 不是")
)
_OWN_NUMBER = re.compile(any_of("电话 手机 号码 打 联系 记 微信 座机 这个号 我的号"))
_ADDRESS_SIGN = re.compile(
    any_of("区 路 街 镇 村 栋 幢 号 园 厂房 大厦 广场 市场 社区 街道 大学城 那边 这边 旁边 对面 冲 楼 城 店 门口 小区")
)
_ADDRESS_LEAD = re.compile(
    rf"(?:{any_of('对 是 嗯 呃 哦 啊 就 就在 在 我们在 我在 我们就在 地址 地址是 地址在 厂在 店在 公司在 厂子在 位置在 位置 也在 是的 没错')}[,。、: ]*)*"
)
_ADDRESS_CUT = re.compile(r"[。;!?]|,(?=我|就是|专|那|他|这|离|挨|你)|(?:做|搞|开(?!发)|租)(?=[^路街]{2})")
_SAID_PLACE = re.compile(r"地址(?:是|在|就是|:|,)?(?P<place>[^,。;!?]{4,40})")
_ENDS_SURNAME = re.compile(r"$|[,。!]|的|嘛|啊")
_SHORT_ANSWER = 12  # characters
_IN_PASSING = re.compile(rf"(?:我们?)?(?:就)?在(?P<place>[{HAN}A-Za-z0-9]{{2,20}}?)(?:的)?")
_ADDRESS_THERE = re.compile(rf"[{HAN}]{{2,5}}(?:街道|镇|乡|大道|路|村|园区)[{HAN}A-Za-z0-9]{{0,14}}(?:这边|那边)")
_EARLY_TURNS = 5  # of the caller, in which he says where he is
_LEAST_ADDRESS, _LONGEST_ADDRESS = 3, 40


def caller_contact(call: Sequence[Said], name: Found | None) -> tuple[Found | None, str]:
    """Return the person to talk to, and a note in Chinese where his surname was put right by what he spelled ("" where not).

    A full name goes before a surname, what he says himself before how the agent calls him.
    """
    full = next(_full_names(call, name), None)
    found = full or next(_surnames(call), None) or next(_called_by_agent(call), None)
    return _spelled_right(found, call) if found else (None, "")


def _full_names(call: Sequence[Said], name: Found | None) -> Iterator[Found]:
    for said in call:
        if said.is_caller and (place := _full_name(said)):
            yield from _some(said.found(*place))
    if name is not None:
        for said in call:
            if said.is_caller and (place := _beside(said, name.value)):
                yield from _some(said.found(*place))


def _some(found: Found | None) -> Iterator[Found]:
    if found is not None:
        yield found


def _full_name(said: Said) -> tuple[int, int] | None:
    """Where the caller says his full name: 我姓施，施雨晴; 张，弓长张，张有福; 叫杨晓燕; 我姓李绍文; the last where he says it twice."""
    plain = _EXPLAINED.sub(lambda match: " " * len(match[0]), said.plain)
    for match in _CALLED.finditer(plain):
        end = _name_end(plain, match.start("name"), 1)
        is_plain = not match[0].startswith("我是")
        if end and (is_plain or persons.is_surely_name(plain[match.start("name") : end])):
            return match.start("name"), end
    for surname, at in _surnames_in(said, plain):
        places = (match.start() for match in re.finditer(re.escape(surname), plain) if match.start() >= at)
        names = [(place, end) for place in places if (end := _name_end(plain, place, len(surname)))]
        if names:
            return names[-1]
    return None


def _surnames_in(said: Said, plain: str) -> Iterator[tuple[str, int]]:
    """Yield the surnames the caller gives in one turn, as said and as spelled, and from where on his full name may follow."""
    for match in _SURNAME.finditer(plain):
        if (end := _surname_at(plain, match.start("name"))) is not None:
            yield from _ways(plain, match.start("name"), end)
    if "person" in said.asked:
        lead = _LEAD.match(plain)
        at = lead.end() if lead else 0
        if (end := _surname_at(plain, at)) is not None:
            yield from _ways(plain, at, end)
        elif (called := re.search(r"叫(?:做)?", plain)) and (end := _surname_at(plain, called.end())) is not None:
            yield plain[called.end() : end], called.end()


def _ways(plain: str, at: int, end: int) -> Iterator[tuple[str, int]]:
    yield plain[at:end], at
    for char, _, after in spoken.spelled(plain):
        if char != plain[at:end] and spoken.sound(char) == spoken.sound(plain[at:end][:1]):
            yield char, after


def _surname_at(plain: str, at: int) -> int | None:
    """Where the surname ends that begins at *at*."""
    if persons.is_surname(plain[at : at + 2]) and len(plain[at : at + 2]) > 1:
        return at + 2
    return at + 1 if persons.is_surname(plain[at : at + 1]) else None


def _name_end(plain: str, at: int, surname: int) -> int | None:
    """Where the full name ends that begins at *at*; what follows must be able to follow a name."""
    for length in (surname + 2, surname + 1):
        token = plain[at : at + length]
        if (
            len(token) == length
            and persons.is_name(token)
            and _FOLLOWS_NAME.match(plain, at + length)
            and not persons.is_address_form(token)
        ):
            return at + length
    return None


def _beside(said: Said, name: str) -> tuple[int, int] | None:
    """我是屹川电子的卢敏杰, 我佑宁口腔苏佑民: who names himself with his enterprise."""
    at = said.plain.find(shadow(name))
    if at < 0:
        return None
    at += len(name)
    at += said.plain.startswith("的", at)
    role = re.compile(persons.ROLE).match(said.plain, at)
    at = role.end() if role else at
    end = _name_end(said.plain, at, 1)
    return (at, end) if end else None


def _surnames(call: Sequence[Said]) -> Iterator[Found]:
    """Yield bare surnames as said, with the form of address where the caller uses one of himself (我姓洪，洪工)."""
    for said in call:
        if not said.is_caller:
            continue
        yield from _some(_familiar(said))
        for match in _SURNAME.finditer(said.plain):
            end = _surname_at(said.plain, match.start("name"))
            if end is None:
                continue
            own = said.plain[match.start("name") : end]
            called = re.compile(rf"[,。、 ]{{0,2}}({own}{_TITLES})(?![{HAN}]{{2}})").match(said.plain, end)
            yield from _some(said.found(*called.span(1)) if called else said.found(match.start("name"), end))
        if "person" in said.asked and len(said.plain) <= _LONGEST_ADDRESS:
            lead = _LEAD.match(said.plain)
            at = lead.end() if lead else 0
            end = _surname_at(said.plain, at)
            if end is not None and (_ENDS_SURNAME.match(said.plain, end) or said.plain.startswith(said.plain[at:end], end)):  # 龙龙王的龙
                yield from _some(said.found(at, end))


def _familiar(said: Said) -> Found | None:
    """叫我老段就行, 是，李工: a form of address the caller uses of himself."""
    match = re.search(rf"叫我(?P<name>[老小][{HAN}]|[{HAN}]{_TITLES})", said.plain)
    if match is None and len(said.plain) <= _SHORT_ANSWER and spoken.is_yes(said.plain):
        match = re.search(rf"(?:^|[,。])(?P<name>[{HAN}]{_TITLES})[。,]?$", said.plain)
    return said.found(*match.span("name")) if match and persons.is_address_form(match["name"]) else None


def _called_by_agent(call: Sequence[Said]) -> Iterator[Found]:
    for said in call:
        if not said.is_caller:
            for match in _AGENT_CALLS.finditer(said.plain):
                if persons.is_address_form(match["name"]) and persons.is_surname(match["name"][:1]):
                    yield from _some(said.found(*match.span("name")))


def _spelled_right(found: Found, call: Sequence[Said]) -> tuple[Found, str]:
    """Put the surname right where the caller spells another of the same sound (我姓张，立早章)."""
    heard = found.value[:1]
    for said in call:
        if said.is_caller:
            for char, start, end in spoken.spelled(said.plain):
                if (
                    char != heard
                    and persons.is_surname(char)
                    and spoken.sound(char) == spoken.sound(heard)
                    and len(said.plain[start:end]) > 1
                ):
                    note = f"姓氏按来电人说的“{said.plain[start:end]}”记作“{char}”（转写为“{heard}”）"
                    return replace(found, value=char + found.value[1:]), note
    return found, ""


# ---------------------------------------------------------------- telephone


def caller_phone(call: Sequence[Said], caller_number: str) -> Found | None:
    """Return the number to call back: the last one the caller gives as his own or agrees to, else the one he calls from."""
    best: Found | None = None
    for said in call:
        for number in numbers.phones(said.digits):
            if _is_own_number(said, number.start):
                best = _dialled(said, number.start, number.end)
    if best is not None:
        return best
    number_text = caller_number.strip()
    if not any(char.isdigit() for char in number_text):
        return None
    return Found(value=number_text, how="caller_number", span=Span(source="caller_number", start=0, end=len(number_text), text=number_text))


def _is_own_number(said: Said, at: int) -> bool:
    before = said.plain[max(0, at - 14) : at]
    if _NUMBER_OF_OTHERS.search(before) and not _HANDED_ON.search(before) and not re.search(r"不是[^,。]{0,14}[,。]?是?$", before):
        return False
    if before.rstrip(",。 ").endswith("不是"):
        return False
    if said.is_caller:
        return "phone" in said.asked or _OWN_NUMBER.search(said.plain) is not None or len(said.plain) <= _LONGEST_ADDRESS
    return said.is_agreed


def _dialled(said: Said, start: int, end: int) -> Found | None:
    """Return a number in digits however it was said, with the words it was said in."""
    found = said.found(start, end)
    if found is None:
        return None
    kept = "".join(char for char in said.digits[start:end] if char.isdigit())
    if kept.startswith("0"):  # an area code of three digits belongs to the largest cities, 010 and 02x
        area = 3 if kept[1] in "12" else 4
        return replace(found, value=f"{kept[:area]}-{kept[area:]}")
    return replace(found, value=kept.removeprefix("86") if len(kept) == 13 else kept)  # noqa: PLR2004 - +86 and eleven digits


# ---------------------------------------------------------------- address


def caller_address(call: Sequence[Said]) -> Found | None:
    """Return where the enterprise is, in the caller's words: the answer to the agent's question, else what he states; else what he agrees to."""
    answers = (said for said in call if said.is_caller and "place" in said.asked)
    for said in answers:
        if place := _answered_place(said.plain):
            return said.found(*place)
    for said in call:
        match = _SAID_PLACE.search(said.plain) if said.is_caller or said.is_agreed else None
        if match and _ADDRESS_SIGN.search(match["place"]) and not re.search(r"是哪|吗|呢|什么", match["place"]):
            return said.found(*match.span("place"))
    own = [said for said in call if said.is_caller]
    for said in own[:_EARLY_TURNS]:
        for clause in re.finditer(r"[^,。;!?、]+", said.plain):
            match = _IN_PASSING.fullmatch(clause[0])
            if match and _ADDRESS_SIGN.search(match["place"]):
                return said.found(clause.start() + match.start("place"), clause.start() + match.end("place"))
            if places.is_address(clause[0]) or _ADDRESS_THERE.fullmatch(clause[0]):
                return said.found(clause.start(), clause.end())
    stated = ((said, place) for said in own if (place := next(places.stated(said.plain), None)))
    return next((said.found(*place) for said, place in stated), None)


def _answered_place(plain: str) -> tuple[int, int] | None:
    lead = _ADDRESS_LEAD.match(plain)
    start = lead.end() if lead else 0
    cut = _ADDRESS_CUT.search(plain, start)
    end = cut.start() if cut else len(plain)
    text = re.sub(r"(?:[,、 ]+(?:嗯|呃|啊|那个|就是)|[,、 嘛啊哈])+$", "", plain[start:end])
    if _LEAST_ADDRESS <= len(text) <= _LONGEST_ADDRESS and _ADDRESS_SIGN.search(text):
        return start, start + len(text)
    return None
