"""Who writes and how he is reached: the only module that tells the sender's own name and telephone from those of others he mentions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels import numbers, persons
from channels.enterprises import Name
from channels.labels import Labelled
from channels.numbers import Number
from channels.passage import HAN, any_of, shadow
from channels.sender_name import WE
from channels.signing import Mark
from channels.view import Candidate, View
from store.model.petition import Found

_INDIVIDUAL = re.compile(
    r"(?:村|社区|小区|小组)的?(?:一名|一个)?(?:村民|居民|业主|住户)|我是(?:一名|一个)?[^,。\n]{0,12}(?:村民|居民|市民|消费者|群众|住户|学生|家长)|"
    r"我家住|我住在|我家(?:小孩|孩子)"
)
_MY_NAME_IS = ("我叫", "本人叫", "我名叫", "我的名字叫")
_SINGULAR = (*_MY_NAME_IS, "我是", "我系", "本人是", "本人系", "本人为", "本人")
_FIRST_PERSON = re.compile(rf"(?:{'|'.join(_MY_NAME_IS)}|{WE})")
_CLAUSE = re.compile(r"[^,。;!?\n]{0,60}")
_NOTES = re.compile(r"\([^()\n]{0,80}\)")
_ROLE_LAST = re.compile(rf"{persons.ROLE}[ :]{{0,3}}$")
_ROLE_THEN = re.compile(rf"{persons.ROLE}[ :,]{{0,3}}")
_REST_OF_SENTENCE = re.compile(r"[^。;!?\n]{0,40}")
_GAP_AFTER_NAME = re.compile(r"(?:\([^()\n]{0,80}\)){0,2}的?[ ,:]{0,2}")
_BEFORE_NAME = re.compile(rf"(?:^|[\s:,;。])([{HAN}]{{2,4}})(?:\([男女][, ]?|[, (]{{1,3}})$")
_VISITOR = re.compile(rf"{any_of('来访人 来访者 来信人 反映人 咨询人 申请人 来人 来访')}[:为是 ]{{0,3}}")
_OPENS_LIKE_SIGNATURE = re.compile(rf"(?:^|\n) {{0,8}}([{HAN}]{{2,4}})(?=[,( ])(?![, ]{{1,2}}[您你]好)")
_NUMBER_LABELS = any_of("联系电话 联系手机 联系方式 电话号码 手机号码 手机号 手机 电话 联系号码 座机 固话 Tel TEL tel 联系")
_NUMBER_LABEL = re.compile(rf"{_NUMBER_LABELS}(?:号码|是|为)?[ :(.,、]{{0,4}}$")
_OWN_NUMBER = re.compile(rf"{any_of('我 我的 本人 本人的 我们 公司 我司')}的?(?:联系)?(?:电话|手机)(?:号码?)?[ :是为]{{0,4}}$")
_OFFICES = any_of(
    """局 窗口 大队 支队 中心 热线 客服 街道 派出所 服务台 税务所 市监所 监管所 科 政府 法院 仲裁院 平台 物业 对方 房东 供货商 开发商 甲方 银行 中介 他 她 经办人员 工作人员"""
)
_OFFICE_NUMBER = re.compile(rf"{_OFFICES}[{HAN}]{{0,6}}[ :(]{{0,3}}[{HAN}]{{0,4}}[ :(]{{0,3}}$")
_GAP = re.compile(r"[ ,(]{1,3}")
_PERSON_BEFORE = re.compile(
    rf"(?:^|[^{HAN}]|{persons.ROLE}|联系)([{HAN}]{{2,4}})[ ,:(]{{0,3}}(?:(?:联系)?(?:电话|手机号?|方式))?[ ,:(]{{0,3}}$"
)
_WORD = re.compile(r"[^\s,、;|/:。+0-9]+(?:\([^()]*\))?")
_SINGLE_WORD = re.compile(rf"[{HAN}A-Za-z·]{{1,8}}(?=$|[\s,(/0-9])")
_TO_BE_CALLED = re.compile(r"联[系络]人|经办|姓名|填表|填报")
_LONGEST_LABELLED = 40  # characters; longer is a sentence
_BESIDE = 16  # characters between a name and the number that is his
_HEAD = 1_200  # characters in which a sender who does not sign says who he is
_FIRST_LINES = 300
_ROUND_NUMBER = 24  # characters before a number that say whose it is


def own_contact(view: View, name: Found | None) -> Found | None:
    """Return the person to talk to, as written (许会计, 郭, Kiki included); None where nobody is named, or a private person speaks for himself."""
    if name is None and _INDIVIDUAL.search(view.plain):
        return None
    return view.choose([*_labelled(view), *_signed(view), *_told(view, name)])


def own_phone(view: View, contact: Found | None) -> Found | None:
    """Return the telephone number of the sender; of several the one beside his name."""
    return view.choose(_rated(view, number, contact, is_labelled=is_labelled) for number, is_labelled in _phones(view))


def person_in(plain: str, start: int, end: int) -> tuple[int, int] | None:
    """Where in a labelled value the person stands: the first word that is one, in front of a number or a note."""
    if latin := persons.latin_first(plain[start:end]):
        return start + latin[0], start + latin[1]
    for word in _WORD.finditer(plain[start:end]):
        if name := persons.inside(word[0]):
            return start + word.start() + name[0], start + word.start() + name[1]
    return None


def _labelled(view: View) -> Iterator[Candidate]:
    for item in view.labelled:
        label = view.plain[item.label : item.start]
        if item.field not in {"contact", "duo", "party"} or (view.is_note and "经办" in label):  # at the window that is the clerk
            continue
        place = person_in(view.plain, item.start, item.end) or _as_written(view.plain, item)
        if place:
            yield Candidate(*place, _labelled_points(item, label), "label")


def _labelled_points(item: Labelled, label: str) -> int:
    """联系人 before 来访人 before 法人, who signs but need not be the one to call."""
    if _TO_BE_CALLED.search(label):
        return 80 if item.is_strong else 65
    if item.field == "party" and item.is_strong:
        return 60
    return 40 if "法" in label else 50 if "代理" in label else 45


def _as_written(plain: str, item: Labelled) -> tuple[int, int] | None:
    """Where a labelled value stands that has not the shape of a name, but is short and one word (a single surname, a nickname)."""
    value = plain[item.start : item.end]
    word = _SINGLE_WORD.match(value)
    if item.field == "party" or not item.is_strong or len(value) > _LONGEST_LABELLED or not word or persons.is_role(word[0]):
        return None
    return item.start, item.start + word.end()


def _signed(view: View) -> Iterator[Candidate]:
    """People in the signature: best beside a number, then beside the enterprise, a bare surname last."""
    marks = view.signature.marks
    with_phone = {mark.line for mark in marks if mark.kind == "phone" or (mark.kind == "label" and _has_phone(view, mark))}
    with_firm = {mark.line for mark in marks if mark.kind == "enterprise"}
    for mark in marks:
        if mark.kind in {"person", "surname"}:
            points = 40 + 10 * (mark.line in with_phone) + 5 * (mark.line in with_firm) - 15 * (mark.kind == "surname")
            yield Candidate(mark.start, mark.end, points, "signature")


def _has_phone(view: View, mark: Mark) -> bool:
    return next(numbers.phones(view.plain[mark.start : mark.end]), None) is not None


def _told(view: View, name: Found | None) -> Iterator[Candidate]:
    yield from _introduced(view.plain)
    yield from _beside_enterprise(view, name)
    yield from _beside_number(view.plain)
    for match in _OPENS_LIKE_SIGNATURE.finditer(view.plain, 0, min(len(view.plain), _FIRST_LINES)):
        if persons.is_surely_name(match[1]) and not persons.is_address_form(match[1]):
            yield Candidate(*match.span(1), 20, "text")
    if view.is_note:
        for match in _VISITOR.finditer(view.plain):
            if end := persons.person_at(view.plain, match.end()):
                yield Candidate(match.end(), end, 50, "text")


def _introduced(plain: str) -> Iterator[Candidate]:
    """我叫李光明, 我是…的会计何姝: the name with which a clause of the first person begins or ends."""
    head = _NOTES.sub(lambda match: " " * len(match[0]), plain[:_HEAD])
    for match in _FIRST_PERSON.finditer(head):
        begins = persons.person_at(head, match.end(), sure=match[0] not in _MY_NAME_IS)
        if begins and match[0] in _SINGULAR:
            yield Candidate(match.end(), begins, 35, "text")
            continue
        clause = _CLAUSE.match(head, match.end())
        text = clause[0].rstrip() if clause else ""
        for length in range(min(6, len(text)), 1, -1):
            if _ends_clause(text[:-length], text[-length:], is_singular=match[0] in _SINGULAR):
                end = match.end() + len(text)
                yield Candidate(end - length, end, 30, "text")
                break


def _ends_clause(before: str, token: str, *, is_singular: bool) -> bool:
    """Whether *token* ends its clause as a person: behind a position (店长何俊), or behind 的 where no other word can stand (…的老葛)."""
    if _ROLE_LAST.search(before):
        return persons.is_name(token) or persons.is_latin_name(token)
    if is_singular and before.endswith("的"):
        return persons.is_address_form(token) or (len(token) > 2 and persons.is_surely_name(token))  # noqa: PLR2004 - two are most often a noun
    return False


def _beside_enterprise(view: View, name: Found | None) -> Iterator[Candidate]:
    """昆明…有限公司总经理汤虹, 何姝(女,…公司会计): a person named with the sender's own enterprise."""
    plain = view.plain
    if name is None or name.span.source != view.passage.source:
        return
    written = shadow(name.span.text)
    for own in view.names:
        if plain[own.start : own.end] != written:
            continue
        for at, is_announced in _after(plain, own):
            if end := persons.person_at(plain, at, sure=not is_announced):
                yield Candidate(at, end, 28, "text")
        low = max(0, own.start - 12)
        before = _BEFORE_NAME.search(plain[low : own.start])
        if before and persons.is_surely_name(before[1]):
            yield Candidate(low + before.start(1), low + before.end(1), 26, "text")


def _after(plain: str, own: Name) -> Iterator[tuple[int, bool]]:
    """Yield the places behind the own enterprise where a person's name can begin, and whether a position announces it."""
    rest = _REST_OF_SENTENCE.match(plain, own.end)
    for role in _ROLE_THEN.finditer(plain, own.end, rest.end() if rest else own.end):
        yield role.end(), True
    gap = _GAP_AFTER_NAME.match(plain, own.end)
    if gap and gap.end() > own.end:
        yield gap.end(), False


def _beside_number(plain: str) -> Iterator[Candidate]:
    """Yield people right before or behind a telephone number: 张三(13…), 电话:13… 王小姐."""
    for number in numbers.phones(plain):
        gap = _GAP.match(plain, number.end)
        end = persons.person_at(plain, gap.end()) if gap else None
        if gap and end and _is_sure(plain[gap.end() : end]):
            yield Candidate(gap.end(), end, 22, "text")
        before = _PERSON_BEFORE.search(plain, max(0, number.start - 20), number.start)
        if before and _is_sure(before[1]):
            yield Candidate(*before.span(1), 24, "text")


def _is_sure(token: str) -> bool:
    return persons.is_surely_name(token) or persons.is_address_form(token)


def _phones(view: View) -> Iterator[tuple[Number, bool]]:
    """Yield all telephone numbers, and whether a label announces each."""
    plain = view.plain
    seen: set[int] = set()
    for item in view.labelled:
        if item.field in {"phone", "duo", "contact", "party"}:
            for number in numbers.phones(plain[item.start : item.end], labelled=item.field in {"phone", "duo"}):
                seen.add(item.start + number.start)
                yield Number(item.start + number.start, item.start + number.end, number.is_mobile), True
    for number in numbers.phones(plain):
        if number.start not in seen:
            yield number, False


def _rated(view: View, number: Number, contact: Found | None, *, is_labelled: bool) -> Candidate:
    before = view.plain[max(0, number.start - _ROUND_NUMBER) : number.start].split("\n")[-1]
    is_labelled = is_labelled or _NUMBER_LABEL.search(before) is not None
    is_signed = view.is_signed(number.start)
    points = 12 + 20 * is_labelled + 15 * is_signed + 4 * number.is_mobile + 10 * bool(_OWN_NUMBER.search(before))
    points += 25 * _stands_beside(view, contact, number) - 60 * bool(not is_signed and _OFFICE_NUMBER.search(before))
    return Candidate(number.start, number.end, points, "label" if is_labelled else "signature" if is_signed else "text")


def _stands_beside(view: View, contact: Found | None, number: Number) -> bool:
    """Whether the contact's name stands right before *number*, in its line."""
    if contact is None or contact.span.source != view.passage.source:
        return False
    end = view.passage.shown(contact.span.end)
    return 0 <= number.start - end <= _BESIDE and "\n" not in view.plain[end : number.start]
