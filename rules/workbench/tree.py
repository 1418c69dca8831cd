"""How a pack decides, as a tree: one question after another in the order of precedence, the rules that answer it, their exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from rules.clauses import describe
from rules.explain import effect_in_words, weight_in_words
from rules.language import Rule
from rules.rulebook import RuleBook

_LONG = 76  # code points of a line of the picture
_LINE, _PADDING, _GAP, _STEP, _TOP = 18, 5, 4, 28, 20  # pixels
_CHARACTER = 13.3


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the tree. `kind` is "question", "answer", "rule" or "exception"."""

    text: str
    kind: str
    branches: tuple[Branch, ...] = ()


def tree(book: RuleBook, *, whole: bool = False) -> Branch:
    """Return the tree of *book*; the rules on departments only where *whole*, else how many there are."""
    rules = list(book.rules.values())
    steps = (
        _step("一、是不是诉求？", "非诉求来件", [rule for rule in rules if rule.then.not_a_case], book),
        _step("二、是不是以前的事项？", "续件", [rule for rule in rules if rule.then.follow_up], book),
        _step("三、够不够办？", "请企业补正", [rule for rule in rules if rule.then.supplement], book),
        _refusals(rules, book),
        _departments(rules, book, whole=whole),
        _step("六、要不要人看、要不要加急？", "提请人工查看或加急", [rule for rule in rules if rule.then.review or rule.then.urgent], book),
    )
    return Branch(f"{book.district.name}：来件怎样判断（规则 {len(rules)} 条）", "question", steps)


def _step(question: str, answer: str, rules: list[Rule], book: RuleBook) -> Branch:
    found = tuple(_rule(rule, book) for rule in rules)
    return Branch(question, "question", (Branch(f"有一条成立 → {answer}", "answer", found),) if found else ())


def _refusals(rules: list[Rule], book: RuleBook) -> Branch:
    answers = []
    for number, ground in book.district.grounds.items():
        found = tuple(_rule(rule, book) for rule in rules if rule.then.refuse == number)
        if found:
            answers.append(Branch(f"有一条成立 → 不予受理，情形 {number}（{ground.article}）", "answer", found))
    return Branch("四、有没有不予受理的情形？", "question", tuple(answers))


def _departments(rules: list[Rule], book: RuleBook, *, whole: bool) -> Branch:
    answers = []
    for id_, department in book.district.departments.items():
        found = [rule for rule in rules if rule.then.route == id_]
        listed = tuple(_rule(rule, book) for rule in found) if whole else ()
        most = max((rule.then.weight for rule in found), default=0.0)
        answers.append(Branch(f"{department.name}：{len(found)} 条规则，一条至多 {weight_in_words(most)} 分", "answer", listed))
    margin = weight_in_words(book.settings.routing.margin)
    return Branch(f"五、受理，哪个部门总分最高？（领先不到 {margin} 分的提请人工）", "question", tuple(answers))


def _rule(rule: Rule, book: RuleBook) -> Branch:
    exceptions = tuple(
        Branch(f"除非 [{other.name}] {describe(other.when)}", "exception") for other in book.rules.values() if rule.name in other.overrides
    )
    return Branch(f"[{rule.name}] {describe(rule.when)} → {effect_in_words(rule.then, book.district)}", "rule", exceptions)


# ---------------------------------------------------------------- as text, as a picture


def as_text(root: Branch) -> Iterator[str]:
    """Yield the lines of the tree."""
    yield root.text
    yield from _lines(root.branches, "")


def _lines(branches: tuple[Branch, ...], indent: str) -> Iterator[str]:
    for place, branch in enumerate(branches):
        is_last = place == len(branches) - 1
        yield f"{indent}{'└─ ' if is_last else '├─ '}{branch.text}"
        yield from _lines(branch.branches, indent + ("   " if is_last else "│  "))


_COLOURS = {
    "question": ("#0b5c8a", "#ffffff"),
    "answer": ("#e2eef5", "#0b3c58"),
    "rule": ("#ffffff", "#1c2430"),
    "exception": ("#fff3d6", "#5b4300"),
}


@dataclass(frozen=True, slots=True)
class _Box:
    """One branch in the picture: its lines of text, where it stands, and where the branch above it ends (None for the first)."""

    lines: tuple[str, ...]
    kind: str
    left: int
    top: int
    under: int | None

    @property
    def width(self) -> int:
        """Its width."""
        return round(max(map(_wide, self.lines)))

    @property
    def height(self) -> int:
        """Its height."""
        return len(self.lines) * _LINE + _PADDING


def as_svg(root: Branch) -> str:
    """Return the tree as a picture without scripts or links; a long branch is broken into lines, never cut."""
    boxes = _boxes(root)
    width = max(box.left + box.width for box in boxes) + _TOP
    height = boxes[-1].top + boxes[-1].height + _TOP
    font = "font-family=\"'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif\" font-size=\"13\""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" {font}>'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(root.text)}</title>", paper, *(_drawn(box) for box in boxes), "</svg>", ""])


def _boxes(root: Branch) -> list[_Box]:
    """Return the boxes from top to bottom, each below the one before."""
    found: list[_Box] = []

    def place(branch: Branch, depth: int, under: int | None) -> None:
        top = found[-1].top + found[-1].height + _GAP if found else _TOP
        box = _Box(tuple(_lines_of(branch.text)), branch.kind, _TOP + depth * _STEP, top, under)
        found.append(box)
        for inner in branch.branches:
            place(inner, depth + 1, top + box.height)

    place(root, 0, None)
    return found


def _lines_of(text: str) -> Iterator[str]:
    """Yield *text* in lines of a readable length, broken behind a comma where there is one in the second half of a line."""
    while len(text) > _LONG:
        cut = max(text.rfind(mark, _LONG // 2, _LONG) for mark in "，；、 ") + 1 or _LONG
        yield text[:cut]
        text = text[cut:]
    yield text


def _wide(text: str) -> float:
    return sum(_CHARACTER if ord(char) > 0x2E7F or char in "“”…→" else _CHARACTER * 0.56 for char in text) + 16  # noqa: PLR2004 - CJK begins there


def _drawn(box: _Box) -> str:
    fill, ink = _COLOURS[box.kind]
    middle, stem = box.top + (_LINE + _PADDING) // 2, box.left - _STEP // 2
    line = "" if box.under is None else f'<path d="M{stem} {box.under}V{middle}H{box.left}" fill="none" stroke="#b8c2cd"/>'
    frame = f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" rx="3" fill="{fill}" stroke="#b8c2cd"/>'
    texts = (
        f'<text x="{box.left + 8}" y="{box.top + 16 + number * _LINE}" fill="{ink}">{escape(text)}</text>'
        for number, text in enumerate(box.lines)
    )
    return "".join((line, frame, *texts))
