"""What an operator most likely typed where the YAML parser stumbles, in Chinese, at the line of the slip and not where the parser noticed."""

from __future__ import annotations

import re

import yaml

_START = r"^\s*(?:-\s+)?"
_WIDE_COLON = re.compile(_START + r"[\w ]{1,30}：")  # rule：甲
_WIDE_BRACKET = re.compile(r"(?:: *|^\s*- +|[\[{,] *)[｛［【]")  # when: ｛all: …
_TIGHT_COLON = re.compile(_START + r"\w{1,30}:[^\s:]")  # rule:甲
_TIGHT_DASH = re.compile(r"^\s*-\w{1,30}: ")  # -rule: 甲
_SAID = (  # what libyaml says (it has no translations) → what that means in a pack
    ("',' or ']'", "方括号没有收尾，或少了逗号", "补上 ] 或半角逗号"),
    ("',' or '}'", "花括号没有收尾，或少了逗号", "补上 } 或半角逗号"),
    ("expected node content", "括号没有收尾，或逗号后面缺了一项", "补上 ] 或 }，去掉多余的逗号"),
    ("quoted scalar", "引号没有收尾", "补上引号；词里有半角引号时，外面改用单引号"),
    ("expected '-' indicator", "缩进与上面的“-”对不齐", "同一条里的各行缩进要一样多"),
    ("could not find expected ':'", "少了半角冒号，或引号、括号没有收尾", "写成“键: 值”，冒号用半角，后面空一格"),
    ("expected key", "缩进对不齐，或引号后面还有字", "同一条里的各行缩进要一样多；词里有半角引号时，外面改用单引号"),
)


def slip(error: yaml.MarkedYAMLError, text: str) -> tuple[int | None, str, str]:
    """Return the line (from 0, None where the parser does not say), what is wrong and what to do."""
    if error.problem_mark is None:
        return None, *_in_words(error)
    lines = text.split("\n")
    noticed = min(error.problem_mark.line, len(lines) - 1)
    line = lines[noticed]
    if "\t" in line[: len(line) - len(line.lstrip("-\t "))]:
        return noticed, "缩进里有制表符（Tab）", "缩进一律用空格"
    before = [index for index in range(noticed) if lines[index].strip()][-1:]  # the parser notices a line late
    for index in (*before, noticed):
        if found := _typed(lines[index]):
            return index, *found
    return noticed, *_in_words(error)


def _typed(line: str) -> tuple[str, str] | None:
    """Return the slip of the input method or of a missing space that *line* shows."""
    if _WIDE_COLON.match(line):
        return "冒号用了全角“：”", "改成半角“: ”，后面空一格"
    if wide := _WIDE_BRACKET.search(line):
        return f"括号用了全角“{wide[0][-1]}”", "列表用半角 [ ]，条件用半角 { }"
    if _TIGHT_COLON.match(line):
        return "冒号后面没有空格", "写成“键: 值”"
    if _TIGHT_DASH.match(line):
        return "“-”后面没有空格", "写成“- 键: 值”"
    return None


def _in_words(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    said = f"{error.context or ''} {error.problem or ''}".strip()
    if "alias" in said or "anchor" in said:
        return "以 * 或 & 开头", "词以 * 或 & 开头时给它加上引号；引用和锚点不能用"
    if "cannot start any token" in said:
        return "这里有一个不能直接写的符号", "词以 @、`、% 等符号开头时给它加上引号"
    if "mapping values" in said:
        return "冒号的位置不对", "检查缩进；词里有“: ”时给它加上引号"
    for part, message, remedy in _SAID:
        if part in said:
            return message, remedy
    return f"YAML 语法错误：{said}", "检查这一行和上一行的缩进、冒号、引号与括号"
