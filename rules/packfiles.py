"""What a YAML file of a pack says and at which line: the only module that reads YAML, and the typed questions one may ask of it.

Only the plain part of YAML is taken: no anchors, no aliases, no tags, one document a file. A word needs no quotes: scalars are read as
the text that stands there, so that `12345`, `no` or `2024-09-24` stay what the operator wrote, and only a place that wants a number or
a switch reads it as one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from rules.yaml_slips import slip
from store.errors import Problem

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
MAX_NODES = 50_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is some ten times faster; both give the same events
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a file: `place` is `file:line`, `key` the path inside the file."""

    place: str
    key: str


@dataclass(frozen=True, slots=True)
class Scalar(Node):
    """One value as it stands in the file. `plain` is False where it was quoted, so that `"5"` is a text and `5` a number."""

    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Items(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table(Node):
    """A mapping: each key once, in the order of the file. `keys` holds the places of the keys themselves."""

    entries: Mapping[str, Node]
    keys: Mapping[str, Node]


class Problems:
    """All mistakes found so far, in the order in which they were found."""

    def __init__(self) -> None:
        """Start without any."""
        self.found: list[Problem] = []

    def add(self, node: Node, message: str, remedy: str = "") -> None:
        """Note what is wrong at *node*."""
        self.found.append(Problem(place=node.place, key=node.key, message=message, remedy=remedy))

    def unknown(self, node: Node, what: str, name: str, known: Collection[str]) -> None:
        """Note that *name* is no known *what* (Chinese), with the nearest known names as remedy."""
        self.add(node, f"没有名为“{name}”的{what}", meant(name, known))


def meant(name: str, known: Collection[str]) -> str:
    """Return “是否想写 X？” for the known name nearest to *name*, else a list of what may stand there."""
    key = re.split("[:：]", name, maxsplit=1)[0]
    if key != name and key in known:  # {mention：词表} and {mention:词表} are one word to YAML
        return f"“{key}”后面用半角冒号，再空一格：{key}: ……"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"是否想写“{near[0]}”？"
    few = "、".join(list(known)[:12])
    return f"可以写：{few}{'……' if len(known) > 12 else ''}" if few else ""  # noqa: PLR2004 - as many as a line holds


# ---------------------------------------------------------------- text → nodes


def read_yaml(raw: bytes, name: str, problems: Problems) -> Node | None:
    """Return what the file *name* with the bytes *raw* says, or None where it cannot be read; the reasons go to *problems*."""
    text = decode(raw, name, problems)
    if text is None:
        return None
    count = len(problems.found)
    try:
        root = _Builder(name, problems).build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        line, message, remedy = slip(error, text)
        problems.add(Node(name if line is None else f"{name}:{line + 1}", ""), message, remedy)
        return None
    except (yaml.YAMLError, _TooMuchError) as error:
        problems.add(Node(name, ""), f"不是可读的 YAML：{error}")
        return None
    if root is None and len(problems.found) == count:
        problems.add(Node(name, ""), "文件是空的", "写入内容，或删除这个文件")
    return root


def decode(raw: bytes, name: str, problems: Problems) -> str | None:
    """Return the UTF-8 text *raw* without its byte order mark, or None where it is none, is too large or holds control characters."""
    if len(raw) > MAX_BYTES:
        problems.add(Node(name, ""), f"文件超过 {MAX_BYTES} 字节", "拆成几个文件")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(Node(f"{name}:{line}", ""), "不是 UTF-8 编码", "用编辑器另存为 UTF-8（不要用 GBK、GB18030）")
        return None
    text = text.replace("\r\n", "\n")
    if strange := _CONTROL.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        problems.add(Node(f"{name}:{line}", ""), f"有看不见的控制字符 U+{ord(strange[0]):04X}", "删除它")
        return None
    return text


def _mark(name: str, mark: Any) -> Node:  # noqa: ANN401 - yaml.Mark has no common type for both parsers
    return Node(f"{name}:{mark.line + 1}" if mark else name, "")


class _TooMuchError(Exception):
    """The file holds more than any pack needs; the text (Chinese) says of what."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Node
    is_table: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Node] = field(default_factory=dict)
    pending: str | None = None  # the key whose value comes next
    skip: bool = False  # … unless that key was no good


class _Builder:
    """Turns the parser's events into nodes without recursion, so that depth is a limit and not a crash."""

    def __init__(self, name: str, problems: Problems) -> None:
        self._name = name
        self._problems = problems
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0

    def build(self, events: Iterator[Any]) -> Node | None:
        for count, event in enumerate(events):
            if count > MAX_NODES:
                raise _TooMuchError(f"超过 {MAX_NODES} 个节点")
            self._take(event)
        return self._root

    def _take(self, event: Any) -> None:  # noqa: ANN401 - the event classes of both parsers
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents == 2:  # noqa: PLR2004 - the second is the first too many
                    self._problems.add(_mark(self._name, event.start_mark), "一个文件里有多个文档（---）", "只留一个")
            case yaml.ScalarEvent():
                self._refuse_extras(event)
                self._scalar(event)
            case yaml.AliasEvent():
                self._problems.add(self._here(event), f"不允许用引用 *{event.anchor}", "把内容写全；以 * 开头的词加上引号")
                self._put(Scalar(*self._position(event), "", plain=True))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._refuse_extras(event)
                self._begin(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()

    def _refuse_extras(self, event: Any) -> None:  # noqa: ANN401 - as above
        if event.anchor is not None:
            self._problems.add(self._here(event), f"不允许用锚点 &{event.anchor}", "去掉它；以 & 开头的词加上引号")
        if event.tag is not None:
            self._problems.add(self._here(event), f"不允许用标签 {event.tag}", "去掉它；以 ! 开头的词加上引号")

    def _position(self, event: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
        return f"{self._name}:{event.start_mark.line + 1}", self._path()

    def _here(self, event: Any) -> Node:  # noqa: ANN401 - as above
        return Node(*self._position(event))

    def _path(self) -> str:
        steps = [top.pending or "?" if top.is_table else str(len(top.items)) for top in self._open]
        return ".".join(steps)

    def _scalar(self, event: Any) -> None:  # noqa: ANN401 - as above
        top = self._open[-1] if self._open else None
        if top is not None and top.is_table and top.pending is None:
            top.pending = event.value
            place = self._here(event)
            top.skip = event.value in top.entries
            if top.skip:
                self._problems.add(place, f"“{event.value}”在同一处写了两次", "合并成一次，或改名")
            else:
                top.keys[event.value] = place
            return
        self._put(Scalar(*self._position(event), event.value, event.style is None or event.style == ""))

    def _begin(self, event: Any) -> None:  # noqa: ANN401 - as above
        if len(self._open) >= MAX_DEPTH:
            raise _TooMuchError(f"嵌套超过 {MAX_DEPTH} 层（第 {event.start_mark.line + 1} 行）")
        top = self._open[-1] if self._open else None
        if top is not None and top.is_table and top.pending is None:
            raise _TooMuchError(f"第 {event.start_mark.line + 1} 行的键不是一个词")
        self._open.append(_Open(self._here(event), isinstance(event, yaml.MappingStartEvent)))

    def _end(self) -> None:
        done = self._open.pop()
        if done.is_table:
            self._put(Table(done.node.place, done.node.key, done.entries, done.keys))
        else:
            self._put(Items(done.node.place, done.node.key, tuple(done.items)))

    def _put(self, node: Node) -> None:
        if not self._open:
            self._root = self._root or node
            return
        top = self._open[-1]
        if not top.is_table:
            top.items.append(node)
            return
        if not top.skip and top.pending is not None:
            top.entries[top.pending] = node
        top.pending, top.skip = None, False


# ---------------------------------------------------------------- nodes → values


class Reader:
    """Asks nodes for values of a certain type; what does not fit becomes a problem and None."""

    def __init__(self, problems: Problems) -> None:
        """Collect into *problems*."""
        self.problems = problems

    def table(self, node: Node, known: Collection[str], required: Collection[str] = ()) -> Mapping[str, Node]:
        """Return the entries of *node* under *known* keys; unknown and missing ones become problems."""
        if not isinstance(node, Table):
            self.problems.add(node, "这里应是“键: 值”", f"可用的键：{'、'.join(known)}")
            return {}
        for key, place in node.keys.items():
            if key not in known:
                self.problems.add(place, f"不认识的键“{key}”", meant(key, known))
        for key in required:
            if key not in node.entries:
                self.problems.add(node, f"缺少“{key}”", f"加上 {key}: ……")
        return {key: value for key, value in node.entries.items() if key in known}

    def any_table(self, node: Node) -> Mapping[str, Node]:
        """Return the entries of a mapping whose keys are names of the operator's choice."""
        if isinstance(node, Table):
            return node.entries
        self.problems.add(node, "这里应是“名称: 内容”", "冒号用半角，后面空一格")
        return {}

    def items(self, node: Node, *, what: str) -> tuple[Node, ...]:
        """Return the entries of a list that may not be empty; *what* (Chinese) names them."""
        if not isinstance(node, Items):
            self.problems.add(node, f"这里应是列表（{what}）", "每项一行，以“- ”开头，或写成 [甲, 乙]")
            return ()
        if not node.items:
            self.problems.add(node, f"列表是空的（{what}）", "至少写一项，或去掉这个键")
        return node.items

    def text(self, node: Node, *, longest: int = 200) -> str | None:
        """Return a text that is not blank, without white space around it."""
        if not isinstance(node, Scalar):
            self.problems.add(node, "这里应是一段文字")
            return None
        value = node.text.strip()
        if not value or (node.plain and value == "~"):
            self.problems.add(node, "这里是空的", "写上内容，或去掉这个键")
            return None
        if len(value) > longest:
            self.problems.add(node, f"有 {len(value)} 字，超过 {longest} 字", "缩短它")
            return None
        return value

    def name(self, node: Node, pattern: re.Pattern[str], rule: str) -> str | None:
        """Return a text that *pattern* matches wholly; *rule* (Chinese) says what may stand there."""
        value = self.text(node)
        if value is not None and not pattern.fullmatch(value):
            self.problems.add(node, f"“{value}”不能作名称", rule)
            return None
        return value

    def choice(self, node: Node, known: Collection[str], what: str) -> str | None:
        """Return one of *known*; *what* (Chinese) names the kind of thing."""
        value = self.text(node)
        if value is not None and value not in known:
            self.problems.unknown(node, what, value, known)
            return None
        return value

    def flag(self, node: Node) -> bool | None:
        """Return a switch: `true` or `false`, unquoted."""
        if isinstance(node, Scalar) and node.plain and node.text in {"true", "false"}:
            return node.text == "true"
        self.problems.add(node, "这里只能写 true 或 false", "是写 true，否写 false，不加引号")
        return None

    def integer(self, node: Node, low: int, high: int) -> int | None:
        """Return a whole number from *low* to *high*."""
        if not isinstance(node, Scalar) or not node.plain or not _INTEGER.fullmatch(node.text):
            self.problems.add(node, "这里应是整数", f"{low} 到 {high}，不加引号")
            return None
        return int(node.text) if self._within(node, float(node.text), low, high) else None

    def number(self, node: Node, low: float, high: float) -> float | None:
        """Return a number from *low* to *high*, at most six decimals."""
        if not isinstance(node, Scalar) or not node.plain or not _NUMBER.fullmatch(node.text):
            self.problems.add(node, "这里应是数字", f"{low:g} 到 {high:g}，不加引号，小数至多六位")
            return None
        return float(node.text) if self._within(node, float(node.text), low, high) else None

    def _within(self, node: Scalar, value: float, low: float, high: float) -> bool:
        if low <= value <= high:
            return True
        self.problems.add(node, f"{node.text} 超出范围", f"{low:g} 到 {high:g}")
        return False

    def several(self, node: Node, one: Callable[[Node], str | None], *, what: str) -> tuple[str, ...]:
        """Return one value or a list of values, each read by *one*, none twice."""
        values: list[str] = []
        for item in (node,) if isinstance(node, Scalar) else self.items(node, what=what):
            value = one(item)
            if value is None:
                continue
            if value in values:
                self.problems.add(item, f"“{value}”写了两次", "去掉一个")
            else:
                values.append(value)
        return tuple(values)
