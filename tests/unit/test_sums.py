"""Sums as people write and say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.sums import agree, sums_in


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("退税额126,540.77元", [126_541]),
        ("货款9 , 284 , 600 元", [9_284_600]),
        ("审定2,486.7万元，已付1.2亿元", [24_867_000, 120_000_000]),
        ("那12万6千多到底哪天退", [126_000]),
        ("四十六万二", [462_000]),
        ("补贴十二万六千五审核过了", [126_500]),
        ("一百二十三万四千五百", [1_234_500]),
        ("十万零五百元", [100_500]),
        ("四万六，公示完就没有下文", [46_000]),
        ("八万一直没给", [80_000]),
        ("多收了六千八，退一次", [6_800]),
        ("罚了我们两千块", [2_000]),
        ("尾款伍拾陆万贰仟叁佰元整", [562_300]),
        ("欠三百一十八万进度款", [3_180_000]),
        ("五百万余元", [5_000_000]),
    ],
)
def test_sums_however_they_are_told(text: str, sums: list[int]) -> None:
    """Figures, formal numerals and speech give the same yuan; a last digit without its unit counts the next lower one."""
    assert list(sums_in(text)) == sums


@pytest.mark.parametrize(
    "text",
    ["打12345热线", "3万人的小区", "床位一百二十张", "千万别拆", "二〇二四年十月", "万一出事", "一万多户", "480乘2%", "138****0001", ""],
)
def test_what_is_no_sum(text: str) -> None:
    """Years, telephone numbers, things counted and words with 万 or 千 in them are no sums."""
    assert list(sums_in(text)) == []


@pytest.mark.parametrize(
    ("one", "other", "may_be_one"),
    [
        (126_000, 126_541, True),
        (127_000, 126_541, True),
        (480_000, 483_760, True),
        (125_000, 126_541, False),
        (100_000, 123_456, False),
        (462_000, 462_000, True),
        (46_200, 462_000, False),
    ],
)
def test_a_short_sum_may_stand_for_a_long_one(one: int, other: int, may_be_one: bool) -> None:  # noqa: FBT001 - a row of the table
    """Who cuts a sum off or rounds it, with two digits left at least, tells the same sum."""
    assert agree(one, other) is agree(other, one) is may_be_one


@given(st.text(alphabet="0123456789,. 零一二两三九十百千万亿壹拾佰仟元块多", max_size=60))
def test_any_run_of_numerals_is_read(text: str) -> None:
    """No row of numerals, however senseless, stops the reading, and a sum is positive."""
    assert all(yuan >= 1 for yuan in sums_in(text))
