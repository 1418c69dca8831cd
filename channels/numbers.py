"""Telephone numbers and unified social credit codes in a text: the only module that knows how they are written.

Both are looked for in the shadow of a passage (see `channels.passage`), so digits are ASCII and dashes are "-".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stdnum.cn import uscc

from channels.passage import any_of

_APART = r"(?<![0-9A-Za-z.+*])(?<![0-9A-Za-z]-)"  # not inside an order number, an amount, a code
_CHINA = r"(?:\+86[ -]?)?"
_MOBILE = r"(?:(?:\+|00)86[ -]?)?1 ?[3-9](?:[ -]?[0-9]){9}"
_MASKED = rf"{_CHINA}1[3-9][0-9][ -]?[*Xx]{{3,6}}[ -]?[0-9]{{2,4}}"  # 138****1234, as platforms hand numbers on
_LAND = rf"{_CHINA}(?:\(0[1-9][0-9]{{1,2}}\)|0[1-9][0-9]{{1,2}})[ -]{{0,2}}[2-9][0-9]{{2,3}}[ -]?(?:[0-9]{{4}}|[0-9]?[*]{{3,4}})(?:-[0-9]{{1,6}})?"
_LAND_FROM_ABROAD = r"\+86[ -]?\(?[1-9][0-9]{1,2}\)?[ -]?[2-9][0-9]{2,3}[ -]?[0-9]{4}"
_ABROAD = r"\+(?!86)[1-9][0-9]{0,2}(?:[ -]?[0-9]){6,12}"
_NO_AMOUNT = r"(?![0-9A-Za-z])(?! ?[元万亿美])"
_ANY = f"{_MOBILE}|{_MASKED}|{_LAND}|{_LAND_FROM_ABROAD}|{_ABROAD}"
_PHONE = re.compile(f"{_APART}(?:{_ANY}){_NO_AMOUNT}")
# Behind a label less will do: a local number without area code, a service number.
_LABELLED_PHONE = re.compile(f"{_APART}(?:{_ANY}|[48]00(?:[ -]?[0-9]){{7}}|[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}){_NO_AMOUNT}")
_OTHER_NUMBER = re.compile(rf"{any_of('单号 编号 账号 帐号 卡号 工单 订单 QQ qq 票号 案号 运单 税号 代码 金额')}[号码是为: ]{{0,4}}$")
_IS_MOBILE = re.compile(r"(?:(?:\+|00)86[ -]?)?1 ?[3-9]")

# GB 32100-2015: 18 characters, the first two say who registered it. One too few, one too many or an O for a zero is still what the
# sender gave as his code, so the shape is looser than the standard and `is_valid` tells.
_ENTERPRISE_CODE = re.compile(r"(?<![0-9A-Za-z])(?:9[1-3](?:[ -]?[0-9A-Za-z]){16}(?![0-9A-Za-z])|9[1-3][0-9A-Za-z]{13,18}(?![0-9A-Za-z]))")
_OTHER_CODE = re.compile(r"(?<![0-9A-Za-z])(?:1[129]|5[1-39]|N[1-39]|Y1)[0-9A-Z]{16}(?![0-9A-Za-z])")
_LABELLED_CODE = re.compile(r"[0-9A-Za-z](?:[ -]?[0-9A-Za-z]){17}(?![0-9A-Za-z])|[0-9A-Za-z](?:[ -]?[0-9A-Za-z]){9,21}(?![0-9A-Za-z])")
_DIGIT = re.compile(r"[0-9]")
_LEAST_DIGITS, _LEAST_LABELLED = 8, 6  # an English word behind "91" has none
_LABEL_REACH = 12  # characters between a label and its code


@dataclass(frozen=True, slots=True)
class Number:
    """One number: code points [start, end) of the passage. `is_mobile` is False for land lines and for codes."""

    start: int
    end: int
    is_mobile: bool = False


def phones(plain: str, *, labelled: bool = False) -> Iterator[Number]:
    """Yield the telephone numbers in *plain*, in order; *labelled* also takes local and service numbers, which only a label makes one."""
    for match in (_LABELLED_PHONE if labelled else _PHONE).finditer(plain):
        if not _OTHER_NUMBER.search(plain, max(0, match.start() - 8), match.start()):
            yield Number(match.start(), match.end(), _IS_MOBILE.match(plain, match.start()) is not None)


def codes(plain: str) -> Iterator[Number]:
    """Yield what stands in *plain* as the code of an enterprise (registers 91 to 93), and other registers' codes where they are valid."""
    for match in _ENTERPRISE_CODE.finditer(plain):
        if len(_DIGIT.findall(match[0])) >= _LEAST_DIGITS:
            yield Number(match.start(), match.end())
    for match in _OTHER_CODE.finditer(plain):
        if is_valid(match[0]):  # schools and associations; an identity card has 18 digits too, but not this check digit
            yield Number(match.start(), match.end())


def labelled_code(plain: str, start: int, end: int) -> Number | None:
    """Return the code that a label before *start* announces, right or wrong; None where what follows has not its shape."""
    match = _LABELLED_CODE.search(plain, start, end)
    if match is None or len(_DIGIT.findall(match[0])) < _LEAST_LABELLED or match.start() - start > _LABEL_REACH:
        return None
    return Number(match.start(), match.end())


def is_valid(code: str) -> bool:
    """Whether GB 32100-2015 accepts *code* (spaces, dashes and lower case forgiven)."""
    return bool(uscc.is_valid(code))
