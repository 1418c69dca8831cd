"""HTML to the text that a person would have seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.html import to_text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param("<p>一</p><p>二<br>三</p>", "一\n二\n三", id="lines"),
        pytest.param("<div>一<div>二</div>三</div>", "一\n二\n三", id="nested-blocks"),
        pytest.param("<div>一</div><div><br></div><div>二</div>", "一\n\n二", id="blank-line"),
        pytest.param("<ul><li>一</li><li>二</li></ul>", "一\n二", id="list"),
        pytest.param("<h1>题</h1>文", "题\n文", id="heading"),
        pytest.param("昆明<b>某某</b>公司", "昆明某某公司", id="inline"),
        pytest.param("a <i> b</i>\n c", "a b c", id="spaces"),
        pytest.param("企业名\r\n  称：昆明", "企业名称：昆明", id="source-wrapped-between-hanzi"),
        pytest.param("Kunming\nCity", "Kunming City", id="source-wrapped-between-words"),
        pytest.param("&lt;b&gt; &amp; &nbsp;&#21576;&#x8d21;", "<b> & 呈贡", id="entities"),
        pytest.param("<pre>a\n  b</pre>", "a\n  b", id="pre"),
        pytest.param('<div style="white-space: pre-wrap">a\n b</div>', "a\n b", id="pre-wrap"),
        pytest.param(
            "<table><tr><td>企业名称</td><td>X</td></tr><tr><td>电话</td><td>1</td></tr></table>", "企业名称\tX\n电话\t1", id="table"
        ),
        pytest.param(
            "<table><tr><td><p>企业名称</p></td><td><p>X</p><p>Y</p></td></tr></table>", "企业名称\tX\nY", id="paragraphs-in-cells"
        ),
        pytest.param("<table><tr><td>企业<br>名称</td><td>X</td></tr></table>", "企业名称\tX", id="label-broken-by-its-column"),
        pytest.param("<table><tr><td>名称</td><td></td><td>电话</td><td>1</td></tr></table>", "名称\t\t电话\t1", id="empty-cell"),
        pytest.param(
            "<table><tr><td>外<table><tr><td>a</td><td>b</td></tr></table></td></tr></table>后", "外\na\tb\n后", id="table-in-table"
        ),
        pytest.param("<script>x</script><style>y</style><title>z</title>文<!-- c -->", "文", id="not-text"),
        pytest.param("<p hidden>x</p><p style='DISPLAY : none'>y</p>文", "文", id="hidden"),
        pytest.param("<div style='visibility:hidden'>x<b style='visibility:visible'>文</b></div>", "文", id="visibility-is-inherited"),
        pytest.param("<div style='font-size:0px'><div style='font-size:13px'>文</div>x</div>", "文", id="font-size-is-inherited"),
        pytest.param("<div style='max-height:0;overflow:hidden'>预览</div>文", "文", id="preheader"),
        pytest.param("<div style='max-height:0.5em'>文</div>", "文", id="not-quite-hidden"),
        pytest.param("<p>没有结束<p>也没有", "没有结束\n也没有", id="unclosed"),
        pytest.param("", "", id="empty"),
    ],
)
def test_text(html: str, expected: str) -> None:
    """Lines, cells, entities as seen on the screen; nothing that the screen does not show."""
    assert to_text(html) == (expected, "")


@pytest.mark.parametrize("tag", ["div", "b", "table><tr><td", "span style='a'"])
def test_deep_nesting_is_cut(tag: str) -> None:
    """Markup nested so deep that parsing would take minutes is cut there, with a word about it."""
    text, cut = to_text("文" + f"<{tag}>x" * 100_000)
    assert "文" in text
    assert cut == "网页正文嵌套超过 2000 层，其后内容未读"


def test_deep_tables_are_read() -> None:
    """The text inside tables of tables of tables is there."""
    assert to_text("<table><tr><td>" * 300 + "文")[0].strip() == "文"


@given(st.text(alphabet="<>/=\"' &;#x0tdrpbleyisnoh文\n", max_size=300))
def test_never_fails(html: str) -> None:
    """Any text is read as HTML."""
    assert isinstance(to_text(html)[0], str)
