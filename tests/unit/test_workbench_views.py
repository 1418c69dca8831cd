"""What a pack looks like: beside another one, laid out, as a tree."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rules.rulebook import RuleBook, builtin_pack, load_files, load_pack
from rules.workbench.diff import diff
from rules.workbench.fmt import formatted
from rules.workbench.titles import TITLES
from rules.workbench.tree import Branch, as_svg, as_text, tree

BASE = Path(__file__).parents[1] / "packs" / "lint"
ADMISSION, ROUTING, WORDS = "rules/10_admission.yaml", "rules/20_routing.yaml", "lists/words.yaml"


def changed(file: str, old: str, new: str) -> RuleBook:
    """Return the base pack with the first *old* in a file replaced."""
    files = dict(load_pack(BASE).files)
    text = files[file].decode()
    assert old in text
    return load_files("lint", {**files, file: text.replace(old, new, 1).encode()})


# ---------------------------------------------------------------- diff


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        pytest.param(WORDS, "停水: [停水, 水压低]", "停水: [水压低, 断水]", ("词表", "停水", "改了", ("－ 词：停水", "＋ 词：断水")), id="words"),
        pytest.param(ROUTING, "weight: 3", "weight: 4", ("规则", "事项_停水", "改了", ("－ 效果：交区供水局，分量 3", "＋ 效果：交区供水局，分量 4")), id="weight"),
        pytest.param(
            ROUTING, "{mention: 停水}", "{mention: 停水, in: title}",
            ("规则", "事项_停水", "改了", ("－ 条件：提到“停水”", "＋ 条件：在标题里提到“停水”")), id="condition",
        ),
        pytest.param(ROUTING, "then: {route: gsj, weight: 3}", "then: {route: gsj, weight: 3, conclude: 水}", ("规则", "事项_停水", "改了", ("－ 效果：认定 无", "＋ 效果：认定 水")), id="conclusion"),
        pytest.param(ROUTING, "rule: 事项_停水", "rule: 供水", ("规则", "供水", "改名", ("原名 事项_停水",)), id="renamed"),
        pytest.param("pack.yaml", "working_days: 5", "working_days: 7", ("设置", "时限", "改了", ("－ 工作日数：5", "＋ 工作日数：7")), id="deadline"),
        pytest.param("pack.yaml", "margin: 1", "margin: 2", ("设置", "分量的门槛", "改了", ("－ 领先分量：1", "＋ 领先分量：2")), id="margin"),
        pytest.param("pack.yaml", "articles:", "casework: {returns: 3}\narticles:", ("设置", "办理", "改了", ("－ 退回次数：2", "＋ 退回次数：3")), id="casework"),
        pytest.param("pack.yaml", "articles:", "calendar: {closes: 18:00}\narticles:", ("设置", "办公时间", "改了", ("－ 下班：17:00", "＋ 下班：18:00")), id="hours"),
        pytest.param("pack.yaml", "articles:", "documents: {条例: {第十条: 依法办理。}}\narticles:", ("别的文件的条款", "条例 第十条", "新增", ("＋ 依法办理。",)), id="document"),
        pytest.param(WORDS, "停水: [停水, 水压低]", "停水: [[停水, 水压低]]", ("词表", "停水", "改了", ("＋ 算一个的词：[停水、水压低]",)), id="synonyms"),
        pytest.param("departments.yaml", "aliases: [供水局]", "aliases: [供水局, 水务]", ("部门", "gsj", "改了", ("－ 别名：供水局", "＋ 别名：供水局、水务")), id="aliases"),
        pytest.param("departments.yaml", "name: 区供水局", "name: 区水务局", ("部门", "gsj", "改了", ("－ 名称：区供水局", "＋ 名称：区水务局")), id="department"),
        pytest.param("pack.yaml", "coordinator: 区政务服务局", "coordinator: 区营商环境办", ("设置", "统筹部门", "改了", ("－ 区政务服务局", "＋ 区营商环境办")), id="coordinator"),
        pytest.param("pack.yaml", "articles:", "casework: {pass_on_directly: true}\narticles:", ("设置", "办理", "改了", ("－ 首次退回直接转送：否", "＋ 首次退回直接转送：是")), id="yes-and-no"),
        pytest.param("pack.yaml", "basis: 三（四）}", "basis: 三（四）, start: received}", ("设置", "时限", "改了", ("－ 起算：挂号截止", "＋ 起算：收到之日")), id="start"),
    ],
)  # fmt: skip
def test_diff_tells_what_changed(file: str, old: str, new: str, said: tuple[str, str, str, tuple[str, ...]]) -> None:
    """One change in a file is one difference in meaning, told in the words of the language."""
    (found,) = diff(load_pack(BASE), changed(file, old, new))

    assert (found.kind, found.name, found.what, found.details) == said


@pytest.mark.parametrize("kind", TITLES)
def test_diff_has_a_word_for_every_field(kind: type) -> None:
    """A field that is added to a setting or a directory can neither be left out nor be shown by its name in the code."""
    assert is_dataclass(kind)
    assert set(TITLES[kind]) == {field.name for field in fields(kind)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(WORDS, "停水: [停水, 水压低]", "停水:\n  words: [水压低, 停水]  # 说明", id="layout-and-order-of-words"),
        pytest.param(ROUTING, "- rule: 事项_停水", "# 说明\n\n- rule: 事项_停水", id="comments-and-lines"),
    ],
)
def test_diff_leaves_layout_alone(file: str, old: str, new: str) -> None:
    """What means the same is no difference."""
    assert diff(load_pack(BASE), changed(file, old, new)) == []


def test_diff_tells_what_the_products_pack_may_change_besides() -> None:
    """A deadline's ladder, what speech recognition mishears and the exceptions of a new list are part of the meaning, too."""
    book = load_pack(builtin_pack("chenggong"))
    files = dict(book.files)
    files["lists/例.yaml"] = "停气: {words: [停气], except: [停气通知]}\n".encode()
    files["homophones.yaml"] = "税务局: [税物局]\n".encode()
    files["pack.yaml"] = files["pack.yaml"].replace(b"ladder: [{after: 1, to: section_head}", b"ladder: [{after: 2, to: section_head}", 1)
    assert files["pack.yaml"] != book.files["pack.yaml"]

    found = diff(book, load_files("chenggong", files))

    (deadline,) = [one for one in found if one.kind == "时限"]
    assert deadline.what == "改了"
    assert [line for line in deadline.details if line.startswith("＋ 逾期催办：逾期 2 个工作日给科室负责人")]
    assert [one.details for one in found if one.kind == "词表"] == [("＋ 词：停气", "＋ 例外：停气通知")]
    assert {one.kind for one in found} == {"时限", "误写", "词表"}


def test_diff_tells_new_gone_and_moved_rules() -> None:
    """Rules that come, go, or change places are told as that."""
    lines = load_pack(BASE).files[ROUTING].decode()
    first, second = lines.split("\n\n")
    swapped = load_files("lint", {**load_pack(BASE).files, ROUTING: f"{second}\n{first}\n".encode()})
    without = changed(ROUTING, first, "")

    assert [(one.name, one.what) for one in diff(load_pack(BASE), swapped)] == [("事项_停电", "换了次序")]
    assert [(one.name, one.what) for one in diff(load_pack(BASE), without)] == [("事项_停水", "删去")]
    assert [(one.name, one.what) for one in diff(without, load_pack(BASE))] == [("事项_停水", "新增")]


# ---------------------------------------------------------------- fmt


@pytest.mark.parametrize(
    ("text", "even"),
    [
        pytest.param("甲: [乙,丙 , 丁]\n", "甲: [乙, 丙 , 丁]\n", id="commas"),
        pytest.param("甲: [ 乙, 丙 ]\n", "甲: [乙, 丙]\n", id="brackets"),
        pytest.param("- {rule:   甲, then: {a: b}}\n", "- {rule: 甲, then: {a: b}}\n", id="colons"),
        pytest.param("甲: 乙 # 说明\n", "甲: 乙  # 说明\n", id="comment"),
        pytest.param("甲: 乙     # 说明\n", "甲: 乙     # 说明\n", id="comment-in-a-column"),
        pytest.param("甲: '乙 # 不是,说明'\n", "甲: '乙 # 不是,说明'\n", id="quoted"),
        pytest.param("甲: 乙   \r\n丙: 丁\r\n\r\n\r\n\r\n", "甲: 乙\n丙: 丁\n", id="line-ends"),
        pytest.param("\ufeff甲: 乙", "甲: 乙\n", id="mark-and-last-line"),
        pytest.param("# 头\n- rule: 甲\n# 说明\n- rule: 乙\n\n\n- rule: 丙\n", "# 头\n- rule: 甲\n\n# 说明\n- rule: 乙\n\n- rule: 丙\n", id="rules"),
        pytest.param("甲: |\n  乙  \n  丙\n", "甲: |\n  乙  \n  丙\n", id="block-of-text"),
    ],
)  # fmt: skip
def test_fmt_lays_out(text: str, even: str) -> None:
    """Space between tokens becomes even, comments and quotes stay, and a second time changes nothing."""
    assert formatted(text.encode(), "rules/x.yaml") == even
    assert formatted(even.encode(), "rules/x.yaml") == even


def test_fmt_leaves_unreadable_files() -> None:
    """What is no YAML is not touched."""
    assert formatted("甲: [乙\n".encode(), "lists/x.yaml") is None


def test_fmt_keeps_the_meaning_of_the_products_pack() -> None:
    """Laid out, every file of the pack 呈贡 means what it meant, and is laid out for good."""
    book = load_pack(builtin_pack("chenggong"))
    even = {name: (formatted(raw, name) or "").encode() if name.endswith(".yaml") else raw for name, raw in book.files.items()}

    assert diff(book, load_files("chenggong", even)) == []
    assert all(formatted(raw, name) == raw.decode() for name, raw in even.items() if name.endswith(".yaml"))


# ---------------------------------------------------------------- tree


def test_tree_asks_in_the_order_of_precedence() -> None:
    """The questions stand in the order in which verdicts win; rules stand under their answers, exceptions under their rules."""
    book = changed(ADMISSION, "  then: {refuse: 2}\n", "  then: {refuse: 2}\n  overrides: [诉讼中]\n")
    lines = list(as_text(tree(book, whole=True)))

    assert [line[3:5] for line in lines if line[3:5] in {"一、", "二、", "三、", "四、", "五、", "六、"}] == [
        "一、",
        "二、",
        "三、",
        "四、",
        "五、",
        "六、",
    ]
    assert "│     └─ [诉讼中] 提到“诉讼” → 不予受理，情形 3（须人工确认）" in lines
    assert "│        └─ 除非 [欠款纠纷] 提到“欠款”，且没有提到“政府”" in lines
    assert "│  │  └─ [事项_停水] 提到“停水” → 交区供水局，分量 3" in lines


def test_tree_as_a_picture() -> None:
    """The picture is well-formed, holds every line, and nothing that could run or be fetched."""
    long = "、".join(f"很长的说明{number}" for number in range(20))
    root = tree(changed(WORDS, "停水: [停水", "停水: [停水<b>"), whole=True)
    root = replace(root, branches=(*root.branches, Branch(long, "question")))
    picture = ET.fromstring(as_svg(root))  # noqa: S314 - our own text
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]

    assert "".join(text or "" for text in texts) == "".join(line.lstrip("│├└─ ") for line in as_text(root))
    assert len(texts) > len(list(as_text(root))), "a long branch is broken into lines"
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} == {"svg", "title", "rect", "path", "text"}
