"""Two reports side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rules.evidence import Row, compare
from tests.decisions.material import candidate, petition


def rows(**fields: Any) -> dict[str, Row]:
    """Return the lines of a comparison by their label; *fields* are those of the earlier report."""
    asked = petition("工程款长期拖欠", "雨花片区11号路已竣工，尚欠613.3万元。", name="昆明启岭建筑工程有限公司", phone="13648810775")
    earlier = replace(candidate(title="工程款", content="11号路已竣工三年，一直没有付款。"), **fields)
    return {row.label: row for row in compare(asked, earlier).rows}


def test_what_both_say_is_marked_on_both_sides() -> None:
    """Runs of four characters and more that both texts have stand in marks; shorter ones are chance."""
    content = rows()["内容"]

    assert (content.this, content.other) == ("雨花片区【11号路已竣工】，尚欠613.3万元。", "【11号路已竣工】三年，一直没有付款。")


def test_fields_say_whether_they_agree() -> None:
    """A misheard name and a masked number neither agree nor disagree, and it is said why they may be the same."""
    misheard = rows(name="启领建筑公司", phone="136****0775")
    assert [(misheard[label].agrees, misheard[label].note) for label in ("企业名称", "联系电话")] == [
        (None, "读音或简称相同"),
        (None, "打码后相符"),
    ]

    same = rows(name="昆明启岭建筑工程有限责任公司", phone="136 4881 0775")
    assert [same[label].agrees for label in ("企业名称", "联系电话")] == [True, True]

    other = rows(name="昆明博岭市政有限公司", phone="13911110775", uscc="91530114MA6K0000X3")
    assert [other[label].agrees for label in ("企业名称", "联系电话", "信用代码")] == [False, False, None]


def test_what_one_side_does_not_say_is_left_open() -> None:
    """Nothing is concluded from a field that one of the two leaves out."""
    assert [row.agrees for row in rows().values()] == [None] * 5


def test_long_texts_cost_little() -> None:
    """Of long texts only the beginning is laid side by side."""
    asked, earlier = petition("", "甲乙丙丁" * 50_000), candidate(content="甲乙丙丁" * 50_000)

    assert len(compare(asked, earlier).rows[-1].this) < 1_000
