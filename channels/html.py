"""HTML of a mail to the text a person would see: lines where the page has lines, tabs between table cells, nothing that is hidden.

The only module that imports selectolax. The tree is walked without recursion; styles count only where they stand at the element.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED = frozenset(
    {"script", "style", "head", "title", "template", "svg", "math", "iframe", "object", "noframes", "select", "datalist", "audio", "video"}
)
_BLOCKS = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "caption",
            "center",
            "dd",
            "details",
            "dialog",
            "dir",
            "div",
            "dl",
            "dt",
            "fieldset",
        ),
        *(
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "html",
            "legend",
            "li",
            "main",
            "menu",
        ),
        *("nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
_CELLS = frozenset({"td", "th"})
# Elements that cannot nest in themselves, or end by themselves.
_FLAT = frozenset(
    (
        *("area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p", "param"),
        *("source", "tbody", "td", "tfoot", "th", "thead", "tr", "wbr"),
    )
)
_MAX_DEPTH = 2_000  # the parser's time grows with the square of it; browsers stop at some hundreds
_MAX_TABLES = 30  # deeper tables are laid out as plain blocks

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]{0,20})", re.IGNORECASE)
_LABEL = re.compile(r"[\u4e00-\u9fff（）()、/：:“”\s]{1,20}")  # a label that a narrow column broke into lines
_GONE = re.compile(r"display\s{0,9}:\s{0,9}none|mso-hide\s{0,9}:\s{0,9}all|(?:max-height|opacity)\s{0,9}:\s{0,9}0(?![\d.])", re.IGNORECASE)
_VISIBILITY = re.compile(r"visibility\s{0,9}:\s{0,9}([a-z]{1,20})", re.IGNORECASE)
_SIZE = re.compile(r"font-size\s{0,9}:\s{0,9}([\d.]{1,20})", re.IGNORECASE)
_KEEPS_SPACE = re.compile(r"white-space\s{0,9}:\s{0,9}(pre|break-spaces|normal|nowrap)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_BLANK_LINES = re.compile(r"\n{3,}")
# A line break of the source between two characters of East Asian scripts is no space (CSS Text 3, 4.1.3).
_WIDE_BREAK = re.compile(
    r"(?<=[\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60])[ \t]{0,99}\r?\n[ \t\r\n]{0,99}(?=[\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60])"
)


def to_text(html: str) -> tuple[str, str]:
    """Return the visible text of *html*, and in Chinese what had to be left out ("" where nothing). Never raises."""
    end = _too_deep(html)
    walk = _Walk()
    root = LexborHTMLParser(html[:end]).root
    todo = [(root, False)] if root is not None else []
    while todo:
        node, leaving = todo.pop()
        if leaving:
            walk.leave(node.tag or "")
            continue
        if node.next is not None:
            todo.append((node.next, False))
        if walk.enter(node):
            todo.append((node, True))
            if node.child is not None:
                todo.append((node.child, False))
    text = _BLANK_LINES.sub("\n\n", walk.sinks[0].text())
    return text, "" if end is None else f"网页正文嵌套超过 {_MAX_DEPTH} 层，其后内容未读"


def _too_deep(html: str) -> int | None:
    """Return where the nesting of *html* passes the limit, None where it never does."""
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _FLAT:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > _MAX_DEPTH:
            return tag.start()
    return None


@dataclass(frozen=True, slots=True)
class _Frame:
    """What an open element hands down to its text, and what its end has to finish."""

    shown: bool = True
    sized: bool = True
    pre: bool = False
    ends: str = ""  # "cell", "row", "block" or nothing


@dataclass(slots=True)
class _Sink:
    """Lines under construction: those of the page, or of one table cell."""

    pieces: list[str] = field(default_factory=list)
    at_start: bool = True  # of a line
    owes_space: bool = False  # before the next word

    def add(self, text: str) -> None:
        """Add *text* with its white space collapsed."""
        words = _SPACE.sub(" ", _WIDE_BREAK.sub("", text))
        core = words.strip(" ")
        if not core:
            self.owes_space |= bool(words)
            return
        owed = (self.owes_space or words[0] == " ") and not self.at_start
        self.pieces.append(f" {core}" if owed else core)
        self.at_start, self.owes_space = False, words[-1] == " "

    def keep(self, text: str) -> None:
        """Add *text* with its white space as it is."""
        self.pieces.append(text)
        self.at_start, self.owes_space = text.endswith("\n"), False

    def end_line(self) -> None:
        """Begin a new line unless one has just begun."""
        if not self.at_start:
            self.keep("\n")

    def text(self) -> str:
        """Return the lines."""
        return "".join(self.pieces).strip("\n")


class _Walk:
    """The state of one walk over the tree."""

    def __init__(self) -> None:
        self.sinks = [_Sink()]
        self._rows: list[list[str]] = []
        self._frames = [_Frame()]

    def enter(self, node: LexborNode) -> bool:
        """Take *node* in; returns whether its children are to be visited and `leave` called."""
        frame, sink = self._frames[-1], self.sinks[-1]
        if node.is_text_node:
            if frame.shown and frame.sized:
                (sink.keep if frame.pre else sink.add)(node.text_content or "")
            return False
        tag = node.tag or ""
        if tag == "br" and frame.shown:
            sink.keep("\n")
        if not node.is_element_node or tag in _DROPPED or tag == "br":
            return False
        attributes = node.attributes
        style = attributes.get("style") or ""
        if "hidden" in attributes or _GONE.search(style):
            return False
        self._frames.append(self._open(frame, tag, style))
        return True

    def _open(self, outer: _Frame, tag: str, style: str) -> _Frame:
        ends = "block" if tag in _BLOCKS else ""
        if ends:
            self.sinks[-1].end_line()
        if tag == "tr":
            self._rows.append([])
            ends = "row"
        elif tag in _CELLS and self._rows and len(self.sinks) <= _MAX_TABLES:
            self.sinks.append(_Sink())
            ends = "cell"
        visibility, size, space = _VISIBILITY.search(style), _SIZE.search(style), _KEEPS_SPACE.search(style)
        return _Frame(
            shown=visibility[1].lower() == "visible" if visibility else outer.shown,
            sized=bool(size[1].strip("0.")) if size else outer.sized,
            pre=space[1].lower() in {"pre", "break-spaces"} if space else outer.pre or tag in {"pre", "textarea"},
            ends=ends,
        )

    def leave(self, tag: str) -> None:
        """Finish the element that was entered last."""
        ends = self._frames.pop().ends
        if ends == "cell":
            cell = self.sinks.pop().text().strip()
            self._rows[-1].append("".join(cell.split()) if _LABEL.fullmatch(cell) else cell)
        elif ends == "row":
            line = "\t".join(self._rows.pop()).strip("\t")
            if line:
                self.sinks[-1].keep(f"{line}\n")
        if ends in {"block", "row"} or tag == "table":
            self.sinks[-1].end_line()
