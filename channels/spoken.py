"""Speech is not writing: the only module that knows how people say digits and amounts, correct themselves, fill gaps and spell characters.

Works on the shadow of a passage (`channels.passage`) and keeps its length, so that every place stays a place in what was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pypinyin import lazy_pinyin

from channels.passage import HAN, any_of

_DIGIT_OF = {
    **dict(zip("零〇洞", "000", strict=True)),
    **dict(zip("一幺妖", "111", strict=True)),
    **dict(zip("二两", "22", strict=True)),
    **dict(zip("三四五六七八九", "3456789", strict=True)),
    **dict(zip("拐勾", "79", strict=True)),
}
_SAID_DIGIT = "".join(_DIGIT_OF)
_ONE_DIGIT = rf"[{_SAID_DIGIT}0-9](?![十百千万亿])"
_READ_OUT = re.compile(rf"{_ONE_DIGIT}(?:[ ,、.-]{{0,2}}{_ONE_DIGIT}){{6,}}")
_APART = re.compile(r"[,、.]")

_UNITS = {"十": 10.0, "百": 100.0, "千": 1_000.0}
_MYRIADS = {"万": 10_000.0, "亿": 100_000_000.0}
_PIECE = re.compile(rf"[0-9]+(?:\.[0-9]+)?|[{_SAID_DIGIT}十百千万亿]")
_WORTH_NOTING = 100
_AMOUNT = re.compile(
    r"(?:[0-9]+(?:\.[0-9]+)?|[零〇一二两三四五六七八九])?(?:[零〇一二两三四五六七八九十百千万亿0-9]|点(?=[一二三四五六七八九零0-9])){1,16}"
)

_DATE = re.compile(r"(?:[0-9]{4}年)?(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})月(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})[号日]")

_MEASURE = re.compile(any_of("个月 个工作日 个 天 年 台 家 人 次 趟 元 块 吨 亩 公里 度 张 份 号 栋 间"))

_FILLER = any_of(
    "嗯 呃 额 哦 喔 噢 哎 唉 诶 欸 喂 啊 哈 嘞 那个 这个 就是说 就是那个 怎么说呢 怎么说 咋个说呢 咋个说 你听我说 我跟你说 我跟你讲 我给你讲 说白了 反正"
)
_FILLERS = re.compile(rf"(?:^|(?<=[,。!?;… ]))(?:{_FILLER}(?:[,。…~ ]+|(?={_FILLER}))+)+")
_BACKGROUND = re.compile(
    r"\([^()]{0,30}(?:声|音|背景|旁边|插话|对旁人|咳|笑|挂断|停顿|嘈杂|听不清)[^()]{0,30}\)|\[[^\[\]]{0,12}(?:听不清|噪音|停顿|笑)[^\[\]]{0,12}\]"
)
_YES = re.compile(
    rf"(?:{_FILLER}[, ]*)*(?:对|是|嗯|没错|没有错|正确|就是|要得|好嘛|好的|可以|行|得)(?:对|的|是|嘞|呢|嘛|啊|了|咯|没错|就是|个|，)*"
)
_NO = re.compile(rf"(?:{_FILLER}[, ]*)*(?:不是|不对|错了|不不|没有没有|不叫|哪样|克是|说错)")

_NOT_BUT = re.compile(r"不是(?P<old>[^,。!?;]{1,16}?)[,。]?(?:而是|应该是|是|改成|要)(?P<new>[^,。!?;的]{1,16})")
_SLIP = re.compile(
    r"(?P<old>[^,。!?;…]{1,16})[,。…]{1,3}(?:哦|呃|啊|嗯|不)?[,]?(?:不对|不是|说错了?|讲错了?|错了|口误|我记错了?)[,。]{1,2}(?:应该)?(?:是)?(?P<new>[^,。!?;]{1,16})"
)

_OF = re.compile(rf"(?P<word>[{HAN}]{{2,4}}?)(?:里面|里头|里)?的(?:那个)?(?P<char>[{HAN}])(?![{HAN}]{{0,2}}(?:公司|企业|厂|店))")
_DENIED = re.compile(rf"不是[{HAN}]{{1,4}}的[{HAN}]$")
_BUILT = {
    "双木林": "林", "木子李": "李", "十八子李": "李", "弓长张": "张", "立早章": "章", "草头黄": "黄", "草字头黄": "黄", "三横一竖王": "王", "三横王": "王",
    "口天吴": "吴", "耳东陈": "陈", "言午许": "许", "古月胡": "胡", "人可何": "何", "单人何": "何", "走肖赵": "赵", "双人徐": "徐", "双人余": "徐", "木易杨": "杨",
    "卯金刀刘": "刘", "文刀刘": "刘", "口天吕": "吕", "双口吕": "吕", "工长张": "张", "禾呈程": "程", "言射谢": "谢", "言身寸谢": "谢", "马各骆": "骆", "竹付符": "符",
    "水可河": "河", "三点水江": "江", "雨田雷": "雷", "白水泉": "泉", "古文敬": "敬", "日月明": "明", "木土杜": "杜", "人则侧": "侧", "美女姜": "姜", "女字底姜": "姜",
    "西土": "垔", "人未余": "余", "人禾余": "余", "车干轩": "轩", "山风岚": "岚", "立羽翊": "翊", "女良娘": "娘", "日斤昕": "昕", "三金鑫": "鑫", "三个金": "鑫", "三个水": "淼",
    "三个石": "磊", "三个木": "森", "三个日": "晶",
}  # fmt: skip
_BUILDING = re.compile(any_of(" ".join(_BUILT)))
_ASKED = re.compile(rf"(?P<word>[{HAN}]{{2,4}}?)的(?P<char>[{HAN}])(?:吗|么|吧|嘛|是吧|对吧)?[?,。]?")
_NEAR_SOUNDS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("l", "n"), ("h", "f"))


@dataclass(frozen=True, slots=True)
class Correction:
    """Somebody took back what he had said: the places of the old and the new words in one turn."""

    old: tuple[int, int]
    new: tuple[int, int]


def digits(plain: str) -> str:
    """Return *plain* with numbers read out digit by digit (幺三八…, 一三八 0000, 1三8) in digits, as many characters."""
    return _READ_OUT.sub(lambda run: _APART.sub(" ", "".join(_DIGIT_OF.get(char, char) for char in run[0])), plain)


def amount(words: str) -> float | None:
    """Return the value of an amount as it is said: 三十八万六 is 386000, 两百 200, 一百零三万 1030000, 9.6万 96000; None for what is none."""
    text = words.strip().rstrip("元块左右多来").replace("点", ".").replace(",", "")
    total = section = number = 0.0
    last = 1.0  # the unit said last: 三十八万六 ends in thousands
    if not text or _PIECE.sub("", text):
        return None
    for piece in _PIECE.findall(text):
        if piece in _UNITS:
            section, number, last = section + (number or 1.0) * _UNITS[piece], 0.0, _UNITS[piece]
        elif piece in _MYRIADS:
            unit = _MYRIADS[piece]
            if not total + section + number:  # 万一
                return None
            total = (total + section + number) * unit if unit > total else total + (section + number) * unit
            section, number, last = 0.0, 0.0, unit
        elif piece in "零〇":
            number, last = 0.0, 10.0
        else:
            number = float(_DIGIT_OF.get(piece, piece))
    is_short = last > 10 and 0 < number < 10  # noqa: PLR2004 - one digit behind a unit counts in the place below it
    return total + section + (number * last / 10 if is_short else number)


def amounts(plain: str) -> Iterator[tuple[str, float]]:
    """Yield the amounts in *plain* of a hundred and more, as said and by value."""
    for match in _AMOUNT.finditer(plain):
        value = amount(match[0])
        if value is not None and value >= _WORTH_NOTING and not re.match(r"年|号|月|[0-9]", plain[match.end() :]):
            yield match[0], value


def corrections(plain: str) -> Iterator[Correction]:
    """Yield where the speaker takes back a value and gives another of its kind: 不是三十万，是三十八万."""
    for pattern in (_NOT_BUT, _SLIP):
        for match in pattern.finditer(plain):
            old, new = _value_at(match, "old", last=pattern is _SLIP), _value_at(match, "new", last=False)
            if old and new and plain[slice(*old)] != plain[slice(*new)]:
                yield Correction(old, new)


def _value_at(match: re.Match[str], group: str, *, last: bool) -> tuple[int, int] | None:
    found = [*_DATE.finditer(match[group])] or [item for item in _AMOUNT.finditer(match[group]) if amount(item[0]) is not None]
    if not found:
        return None
    item = found[-1 if last else 0]
    measure = _MEASURE.match(match[group], item.end())
    return match.start(group) + item.start(), match.start(group) + (measure.end() if measure else item.end())


def without_fillers(text: str) -> str:
    """Return *text* without the sounds that fill gaps at the head of a clause, and without what a transcriber noted of noises."""
    plain = text.replace("，", ",").replace("（", "(").replace("）", ")")  # for the patterns only: as long as the text
    kept = _BACKGROUND.sub(lambda match: "\0" * len(match[0]), plain)
    kept = _FILLERS.sub(lambda match: "\0" * len(match[0]), kept)
    return "".join(char for char, mark in zip(text, kept, strict=True) if mark != "\0").strip(" ,，…")


def is_yes(plain: str) -> bool:
    """Whether a turn begins with assent."""
    return _YES.match(plain) is not None and not is_no(plain)


def is_no(plain: str) -> bool:
    """Whether a turn begins by denying."""
    return _NO.match(plain) is not None


def says_little(plain: str) -> bool:
    """Whether a turn is nothing but assent, thanks or a sound."""
    rest = _YES.sub("", _BACKGROUND.sub("", plain), count=1).strip(",。!?;… ")
    return len(rest) <= 1 or re.fullmatch(r"(?:好|谢|多谢|辛苦|再见|拜拜|知道|晓得|麻烦|[了您你吧嘛的啊哈,。!? ])*", rest) is not None


def spelled(plain: str) -> Iterator[tuple[str, int, int]]:
    """Yield the characters somebody explains (橙子的橙, 双木林), each with where the explanation stands."""
    for match in _OF.finditer(plain):
        if _DENIED.search(plain, max(0, match.start() - 2), match.end()):
            continue
        for start in range(len(match["word"]) - 1):
            if match["char"] in match["word"][start:]:
                yield match["char"], match.start(), match.end()
                break
    for match in _BUILDING.finditer(plain):
        yield _BUILT[match[0]], match.start(), match.end()


def explained(plain: str) -> Iterator[str]:
    """Yield the characters that words around them name, whoever says it and whether it is right: 城市的城？ 不是一二三的一."""
    for match in _ASKED.finditer(plain):
        if match["char"] in match["word"]:
            yield match["char"]


@cache
def sound(char: str) -> str:
    """Return how *char* sounds to recognition, which does not tell zh from z, n from ng, n from l."""
    (syllable,) = lazy_pinyin(char, errors=lambda text: text) or [char]
    for one, other in _NEAR_SOUNDS:
        syllable = syllable.replace(one, other)
    return str(syllable)


def sounds(text: str) -> tuple[str, ...]:
    """Return the sounds of *text*, one for each character."""
    return tuple(sound(char) for char in text)
