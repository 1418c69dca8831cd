"""Pack files as text: what of YAML is taken, and that every mistake is told with its line."""

from __future__ import annotations

import pytest

from rules.packfiles import MAX_BYTES, Items, Problems, Reader, Scalar, Table, decode, read_yaml


def read(text: str | bytes) -> tuple[object, list[str]]:
    """Return the root of the file x.yaml with this *text*, and its problems as printed."""
    problems = Problems()
    root = read_yaml(text if isinstance(text, bytes) else text.encode(), "x.yaml", problems)
    return root, [str(problem) for problem in problems.found]


def test_nodes_know_their_places() -> None:
    """Every value knows its line and its path; scalars keep the text that stands there, and whether it was quoted."""
    root, problems = read("甲:\n  - 12345\n  - 'no'\n乙: {丙: 2024-09-24}\n")

    assert problems == []
    assert isinstance(root, Table)
    assert root.entries["甲"] == Items(
        "x.yaml:2", "甲", (Scalar("x.yaml:2", "甲.0", "12345", plain=True), Scalar("x.yaml:3", "甲.1", "no", plain=False))
    )
    inner = root.entries["乙"]
    assert isinstance(inner, Table)
    assert inner.entries["丙"] == Scalar("x.yaml:4", "乙.丙", "2024-09-24", plain=True)


@pytest.mark.parametrize("text", ["\ufeff甲: 乙\n", "甲: 乙\r\n", "甲: 乙", "--- \n甲: 乙\n", "# 说明\n甲: 乙 # 说明\n"])
def test_harmless_variants(text: str) -> None:
    """A byte order mark, CR LF, a missing last line end, a document start and comments change nothing."""
    root, problems = read(text)

    assert problems == []
    assert isinstance(root, Table)
    assert list(root.entries) == ["甲"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("甲:\n\t- 乙\n", "x.yaml:2: 缩进里有制表符（Tab）", id="tab"),
        pytest.param("甲: 乙: 丙\n", "x.yaml:1: 冒号的位置不对", id="colon"),
        pytest.param("甲: [乙\n丙: 丁\n", "x.yaml:2: 方括号没有收尾", id="bracket"),
        pytest.param("- 规则: {甲: 乙\n- 丙: 丁\n", "x.yaml:2: 花括号没有收尾", id="brace"),
        pytest.param("- 甲: [\n", "x.yaml:2: 括号没有收尾", id="bracket-at-the-end"),
        pytest.param('甲: "乙\n丙: 丁\n', "x.yaml:3: 引号没有收尾", id="quote"),
        pytest.param('甲: "乙"丙\n', "x.yaml:1: 缩进对不齐，或引号后面还有字", id="after-a-quote"),
        pytest.param("- 甲: 乙\n 丙: 丁\n", "x.yaml:2: 缩进与上面的“-”对不齐", id="indentation"),
        pytest.param("-\t甲: 乙\n", "x.yaml:1: 缩进里有制表符（Tab）", id="tab-after-dash"),
        pytest.param("- rule：甲\n  basis: policy\n", "x.yaml:1: 冒号用了全角“：”", id="wide-colon-of-the-line-before"),
        pytest.param("- rule: 甲\n  basis：policy\n\n  when: 乙\n", "x.yaml:2: 冒号用了全角“：”", id="wide-colon"),
        pytest.param("- rule: 甲\n  when: ｛all: 乙｝\n", "x.yaml:2: 括号用了全角“｛”", id="wide-bracket"),
        pytest.param("- rule:甲\n  basis: policy\n", "x.yaml:1: 冒号后面没有空格", id="tight-colon"),
        pytest.param("-rule: 甲\n  basis: policy\n", "x.yaml:1: “-”后面没有空格", id="tight-dash"),
        pytest.param("- about: 注意：停水\n  a: b: c\n", "x.yaml:2: 冒号的位置不对", id="wide-colon-in-a-text-is-none"),
        pytest.param("甲: 1\n乙: 2\n甲: 3\n", "x.yaml:3: 甲: “甲”在同一处写了两次", id="duplicate-key"),
        pytest.param("甲: &a 1\n", "x.yaml:1: 甲: 不允许用锚点 &a", id="anchor"),
        pytest.param("甲: *a\n", "x.yaml:1: 甲: 不允许用引用 *a", id="alias"),
        pytest.param("甲: *词\n", "x.yaml:1: 以 * 或 & 开头", id="word-with-star"),
        pytest.param("甲: @词\n", "x.yaml:1: 这里有一个不能直接写的符号", id="word-with-at"),
        pytest.param("甲: !!python/object:os.system x\n", "x.yaml:1: 甲: 不允许用标签", id="tag"),
        pytest.param("甲: 1\n---\n乙: 2\n", "x.yaml:2: 一个文件里有多个文档", id="documents"),
        pytest.param("", "x.yaml: 文件是空的", id="empty"),
        pytest.param("# 只有说明\n", "x.yaml: 文件是空的", id="comments-only"),
        pytest.param("? [甲]\n: 乙\n", "x.yaml: 不是可读的 YAML：第 1 行的键不是一个词", id="list-as-key"),
        pytest.param("[" * 10_000, "x.yaml: 不是可读的 YAML：嵌套超过 20 层", id="deep"),
        pytest.param("甲: '\x07'\n", "x.yaml:1: 有看不见的控制字符 U+0007", id="bell"),
        pytest.param("甲: 乙\n丙: 中文".encode("gb18030"), "x.yaml:1: 不是 UTF-8 编码", id="gb18030"),
        pytest.param(b"a: b\nc: \xff\n", "x.yaml:2: 不是 UTF-8 编码", id="broken-utf8"),
        pytest.param(b"\x00" * 10, "x.yaml:1: 有看不见的控制字符 U+0000", id="binary"),
        pytest.param(b"- a\n" * (MAX_BYTES // 4 + 1), "x.yaml: 文件超过 2000000 字节", id="huge"),
        pytest.param("- a\n" * 50_000, "x.yaml: 不是可读的 YAML：超过 50000 个节点", id="many-nodes"),
    ],
)
def test_unreadable_files(text: str | bytes, problem: str) -> None:
    """What is no plain YAML is told in Chinese, with the line where there is one."""
    _, problems = read(text)

    assert problems[0].startswith(problem)


def test_alias_bomb_is_refused_cheaply() -> None:
    """Aliases are never followed, so that a bomb of them costs as much as its text."""
    text = "a: &a [x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True))

    _, problems = read(text)

    assert sum("不允许用引用" in problem for problem in problems) == 24


def test_duplicate_key_keeps_the_first() -> None:
    """Where a key stands twice its first value is read on, so that the rest of the file is checked as meant."""
    root, _ = read("甲: 1\n甲: {乙: 2}\n")

    assert isinstance(root, Table)
    assert root.entries == {"甲": Scalar("x.yaml:1", "甲", "1", plain=True)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), ("+5", 5), ("-1", None), ("11", None), ("5.0", None), ("'5'", None), ("五", None), ("[5]", None), ("99999999999", None)],
)
def test_integer(text: str, expected: int | None) -> None:
    """A whole number is one written plainly, within its bounds."""
    problems = Problems()
    root = read_yaml(text.encode(), "x.yaml", problems)
    assert root is not None

    assert Reader(problems).integer(root, 0, 10) == expected
    assert bool(problems.found) is (expected is None)


@pytest.mark.parametrize(
    ("text", "expected"), [("0.6", 0.6), ("1", 1.0), (".nan", None), ("1e0", None), ("0.1234567", None), ("1.5", None)]
)
def test_number(text: str, expected: float | None) -> None:
    """A number is plain decimal notation of at most six places: what every evaluator compares alike."""
    problems = Problems()
    root = read_yaml(text.encode(), "x.yaml", problems)
    assert root is not None

    assert Reader(problems).number(root, 0, 1) == expected


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("false", False), ("yes", None), ("'true'", None), ("1", None)])
def test_flag(text: str, expected: bool | None) -> None:  # noqa: FBT001 - a column of a table
    """A switch is `true` or `false`; the other spellings of YAML are not guessed at."""
    problems = Problems()
    root = read_yaml(text.encode(), "x.yaml", problems)
    assert root is not None

    assert Reader(problems).flag(root) is expected


def test_decode_keeps_other_text() -> None:
    """Templates are decoded by the same rule, whatever else stands in them."""
    problems = Problems()

    assert decode("您好\r\n{{ x }}\t完".encode(), "a.txt", problems) == "您好\n{{ x }}\t完"
    assert problems.found == []
