"""What an enterprise's own words answer to a survey: a mark for each thing that was asked of, and the rest as it stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_BETWEEN = r"(?:[（(][^（()）\n]{0,30}[)）])?[\s:：，,、.．;；—\-=＝（）()\[\]【】“”\"方面情况工作评价为是很比较选]{0,12}"
_ALL = r"(?:都|均|全部|全都|各项|各方面|五个方面|总体|整体|以上)[^\n，。；]{0,4}?"
_SHORT = 12  # signs of an answer that is nothing but one mark
_NUMBER = r"(?:第|[（(])?{number}(?:[)）.．、:：项]|\s)\s{{0,3}}"
_GREETING = re.compile(r"(?:(?:您好|你好|谢谢|感谢|此致|敬礼|收到|知悉|已阅)[!！。,，:： ]{0,3}){1,4}|尊敬的.{0,20}")
_REMARKS = re.compile(r"^(?:其他)?(?:意见建议|意见和建议|意见|建议)\s{0,2}[:：]\s{0,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The `marks` by what was asked of, the `remarks`, and what was said in two ways and so counts for nothing."""

    marks: Mapping[str, str] = field(default_factory=dict)
    remarks: str = ""
    doubts: tuple[str, ...] = ()


def read_answers(text: str, asks: Sequence[str], scale: Sequence[str]) -> Answers:
    """Return what *text*, its writer's own words alone, answers: `挂钩联系：满意`, `1.满意`, 都满意, or nothing but one mark for all."""
    mark = "|".join(sorted(map(re.escape, scale), key=len, reverse=True))
    lines = [line.strip() for line in text.splitlines()]
    said: dict[str, set[str]] = {ask: set() for ask in asks}
    for line in lines:
        for ask, word in _of_line(line, asks, mark):
            said[ask].add(word)
    if not any(said.values()) and asks and (word := _for_all(text, mark)):
        said = {ask: {word} for ask in asks}
    marks = {ask: next(iter(words)) for ask, words in said.items() if len(words) == 1}
    doubts = tuple(f"“{ask}”写了{'、'.join(sorted(words))}，说不清是哪一个" for ask, words in said.items() if len(words) > 1)
    return Answers(marks=marks, remarks="\n".join(_remarks(lines, asks, mark)), doubts=doubts)


def _of_line(line: str, asks: Sequence[str], mark: str) -> Iterator[tuple[str, str]]:
    for number, ask in enumerate(asks, start=1):
        named = re.search(rf"{re.escape(ask)}{_BETWEEN}({mark})", line)
        if named is None and not any(one in line for one in asks):
            named = re.search(rf"(?<!\d){_NUMBER.format(number=number)}({mark})", line)
        if named is not None:
            yield ask, named[1]


def _for_all(text: str, mark: str) -> str:
    """Return the one mark that is meant of everything, "" where there is none."""
    whole = (
        re.fullmatch(rf"\W{{0,4}}(?:很|非常|我们|我司|公司|对此|表示){{0,3}}({mark})\W{{0,4}}", text.strip())
        if len(text.strip()) <= _SHORT
        else None
    )
    words = {whole[1]} if whole else set(re.findall(rf"{_ALL}({mark})", text))
    return words.pop() if len(words) == 1 else ""


def _remarks(lines: Sequence[str], asks: Sequence[str], mark: str) -> Iterator[str]:
    """Yield the lines that say more than marks."""
    for line in lines:
        rest = re.sub(rf"(?:{mark})", "", line)
        for word in asks:
            rest = rest.replace(word, "")
        if len(re.findall(r"\w", re.sub(r"[\d]", "", rest))) > 3 and not _GREETING.fullmatch(line):  # noqa: PLR2004 - more than 都很 and the like
            yield _REMARKS.sub("", line)
