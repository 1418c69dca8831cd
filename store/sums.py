"""The sums in what people write and say: 126,540.77元, 12万6千多, 四十六万二, 伍拾陆万贰仟叁佰元. Pure; the only module that reads them.

Who says a sum leaves out what is understood (四十六万二 is 462,000) and what is small (12万6 for 126,540), so that two tellings agree where
the shorter one is the longer one cut off or rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_DIGITS = {char: value for chars in ("零一二三四五六七八九", "〇壹贰叁肆伍陆柒捌玖") for value, char in enumerate(chars)} | {"两": 2}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8}
_UNITS = _TENS | _MYRIADS
_LARGEST_FIRST = sorted(set(_UNITS.values()), reverse=True)
_FIGURES = r"[0-9]{1,3}(?:\s?,\s?[0-9]{3})+(?:\.[0-9]{1,4})?|[0-9]{1,12}(?:\.[0-9]{1,4})?"
_SIGNS = "".join((*_DIGITS, *_UNITS))
_RUN = re.compile(
    rf"(?<![0-9.])(?<![0-9],)(?P<run>(?:(?:{_FIGURES})\s?|[{_SIGNS}]){{1,20}})(?P<about>[多余几来]?)(?P<money>\s?(?:元|块|圆))?"
)
_TOKEN = re.compile(rf"{_FIGURES}|[{_SIGNS}]")
_COUNTED = re.compile(
    r"[人名户家平吨斤公只台个亩张字次枝支件辆株套份棵头条箱盒瓶袋桶度里米升天年月日号栋层间座位倍标期路%％]|多[人名户家平吨斤只台个亩]"
)
# Behind a last digit without its unit (四十六万二没给); behind anything else it belongs to the next word (八万一直没给).
_ENDS = re.compile(r"$|[^\u3400-\u9fff]|[多余元块圆的了没还都到给已未就全左钱审补款才是不也被嘛呢啊吧哦]")
_FEWEST_DIGITS = 2  # of a sum that may stand for a longer one


def sums_in(text: str) -> Iterator[int]:
    """Yield the sums in *text*, in yuan, in order. Bare figures are sums before 元 alone; what counts something (3万人) is none."""
    for match in _RUN.finditer(text):
        tokens = _TOKEN.findall(match["run"])
        is_money = match["money"] is not None
        if not is_money and tokens and _is_digit(tokens[-1]) and len(tokens) > 1 and not _ENDS.match(text, match.end("run")):
            tokens = tokens[:-1]
        elif not is_money and _COUNTED.match(text, match.end("run")):
            continue
        if (is_money or _is_told(tokens)) and (yuan := _value(tokens)) >= 1:
            yield yuan


def agree(one: int, other: int) -> bool:
    """Return whether two sums in yuan may be one: equal, or the one with fewer digits is the other cut off or rounded."""
    short, long = sorted((one, other), key=digits_of)
    return one == other or (digits_of(short) >= _FEWEST_DIGITS and short in as_told(long, digits_of(short)))


def as_told(yuan: int, digits: int) -> tuple[int, int]:
    """Return *yuan* as it is told with so many digits: cut off, and rounded."""
    unit = 10 ** max(len(str(yuan)) - digits, 0)
    return yuan // unit * unit, (yuan + unit // 2) // unit * unit


def digits_of(yuan: int) -> int:
    """Return how many digits *yuan* has up to its last one that is not zero."""
    return len(str(yuan).rstrip("0"))


def _is_told(tokens: Sequence[str]) -> bool:
    """Whether a number is a sum without 元: one of ten thousand and more, or of thousands and hundreds (六千八)."""
    return any(token in _MYRIADS for token in tokens) or ("千" in tokens and tokens[-1] != "千")


def _is_digit(token: str) -> bool:
    return token in _DIGITS or (token.isdigit() and len(token) == 1)


def _value(tokens: Sequence[str]) -> int:
    """Return the number of *tokens*: figures, digits and units; 0 for what is none (千万别, 二〇二四)."""
    return round(_number(tokens))


def _number(tokens: Sequence[str]) -> float:
    """Return the number by its largest unit: how often that is taken, and what is left over."""
    for unit in _LARGEST_FIRST:
        at = next((place for place in reversed(range(len(tokens))) if _UNITS.get(tokens[place]) == unit), None)
        if at is not None:
            times = _number(tokens[:at]) if at else float(unit == _TENS["十"])
            return times * unit + _rest(tokens[at + 1 :], unit) if times else 0
    return _figure(tokens[0]) if len(tokens) == 1 else 0


def _rest(tokens: Sequence[str], unit: int) -> float:
    """Return what stands behind *unit*: a digit alone counts the unit below (四十六万二), unless 零 stands before it."""
    if len(tokens) == 1 and _is_digit(tokens[0]):
        return _figure(tokens[0]) * unit / 10
    return _number([token for token in tokens if _figure(token) or token in _UNITS])


def _figure(token: str) -> float:
    """Return the value of one token; 0 for a unit."""
    if token in _DIGITS:
        return _DIGITS[token]
    return 0 if token in _UNITS else float("".join(token.replace(",", "").split()))
