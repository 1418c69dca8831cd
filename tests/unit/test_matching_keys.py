"""How names, numbers and addresses are written differently and still compare equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.matching_keys import number_key, numbers_in
from store.particulars import (
    amount_keys,
    code_key,
    document_keys,
    masked_shapes,
    name_key,
    phone_keys,
    phone_shapes,
    place_keys,
    sound_keys,
)

PATTERN = "CG-{year}-{seq:05d}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("昆明示例商贸有限公司", "昆明示例商贸有限责任公司", id="责任"),
        pytest.param("昆明示例（呈贡）商贸", "昆明示例(呈贡)商贸", id="brackets"),
        pytest.param("ＡＢＣ 科技", "abc科技", id="width, case, space"),
        pytest.param("“示例”·花卉", "示例花卉", id="quotes and dots"),
    ],
)
def test_names_written_differently(one: str, other: str) -> None:
    """Names that differ in writing only have one key."""
    assert name_key(one) == name_key(other)


def test_names_of_different_enterprises() -> None:
    """Branches and namesakes of other places stay apart."""
    names = ["示例商贸有限公司", "示例商贸有限公司呈贡分公司", "昆明示例商贸有限公司", "示例商贸中心"]

    assert len({name_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("13800000001", {"13800000001"}),
        ("+86 138-0000-0001", {"13800000001"}),
        ("0086 13800000001", {"13800000001"}),
        ("１３８０００００００１", {"13800000001"}),
        ("0871-65550001", {"65550001"}),
        ("（0871）65550001", {"65550001"}),
        ("010-65550001", {"65550001"}),
        ("65550001", {"65550001"}),
        ("0871-65550001、13800000001", {"65550001", "13800000001"}),
        ("13800000001 / 0871-65550001", {"65550001", "13800000001"}),
        ("0871-65550001转801", {"65550001"}),
        ("138****0001", set()),
        ("l36O88O9l37", {"13608809137"}),
        ("O871-6745 3382", {"67453382"}),
        ("138XXXX0001", set()),
        ("12345", set()),
        ("", set()),
        ("来电即可", set()),
    ],
)
def test_phones_written_differently(text: str, numbers: set[str]) -> None:
    """Numbers compare by their bare digits; masked and short ones say nothing about whose they are."""
    assert phone_keys(text) == numbers


@pytest.mark.parametrize(
    ("text", "shapes", "masked"),
    [
        ("13800000001", {"138-0001"}, set()),
        ("138****0001", {"138-0001"}, {"138-0001"}),
        ("138 XXXX 0001", {"138-0001"}, {"138-0001"}),
        ("1380***0001", {"138-0001"}, {"138-0001"}),
        ("****0001", set(), set()),
        ("0871-6555****", set(), set()),
    ],
)
def test_what_a_mask_leaves(text: str, shapes: set[str], masked: set[str]) -> None:
    """A masked mobile number compares by its first three and last four digits; what shows less says nothing."""
    assert (phone_shapes(text), masked_shapes(text)) == (shapes, masked)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("91530114MA6K0000X3", "91530114MA6K0000X3"),
        ("9153 0114 ma6k 0000 x3", "91530114MA6K0000X3"),
        ("9153O114MA6KOOOOX3", "91530114MA6K0000X3"),
        ("9l530114MA6K0000X3", "91530114MA6K0000X3"),
        ("91530114MA6K0000X1", ""),
        ("000000000000000000", ""),
        ("", ""),
    ],
)
def test_codes_count_where_the_standard_accepts_them(text: str, code: str) -> None:
    """A code is a key where GB 32100 accepts it as read, or with the signs mended that scanners confuse; a wrong one joins nobody."""
    assert code_key(text) == code


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("昆明启岭建筑工程有限公司", "启领建筑公司"),
        ("云南博岭市政工程有限公司", "伯岭市政"),
        ("昆明锐程职业技能培训学校有限公司", "瑞城职业培训"),
        ("昆明动能元健身服务有限公司联大街分公司", "动能元健身（联大街店）"),
        ("云南智禾信息技术有限公司", "云南志禾"),
        ("昆明兰宁商贸有限公司", "南林商贸"),
    ],
)
def test_names_that_sound_alike(said: str, heard: str) -> None:
    """What a call taker hears and shortens sounds like the registered name: tones, n/l, in/ing, z/zh do not count, nor region, trade, form."""
    assert set(sound_keys(said)) & set(sound_keys(heard))


@pytest.mark.parametrize(
    ("one", "other"), [("昆明泓泽洗涤有限公司", "昆明弘毅洗涤有限公司"), ("滇味楼", "滇池湾餐饮"), ("某电商公司", "某物流公司")]
)
def test_names_that_do_not_sound_alike(one: str, other: str) -> None:
    """Different names keep different sounds, and 某公司 is nobody's name."""
    assert not set(sound_keys(one)) & set(sound_keys(other))


def test_what_a_matter_names() -> None:
    """Documents, places and sums are found in a text; telephone numbers, dates and codes of enterprises are none of them."""
    text = "昆环罚〔2024〕012号，工单530100241118004436，合同GF-2024-0012，91530114MA6K0000X3，13800000001，2024-10-08。"
    sums = "尚欠613.3万元，另6,318.40元。2024年10月罚款4.8万元。押金5000元，12345热线。"

    assert document_keys(text + sums) == ["昆环罚2024-12", "530100241118004436", "gf-2024-0012"]
    assert amount_keys(sums) == ["6133000", "6318", "48000@2024-10", "6130000", "6310", "6320"]
    assert amount_keys("退税12万6千多") == ["126000"]
    assert "126000" in amount_keys("退税额126,540.77元")
    assert document_keys("对昆环罚〔2024〕12号不服，电话0871-65550001") == ["昆环罚2024-12"]
    assert place_keys("在洛龙路") == ["洛龙路"]
    assert place_keys("雨花片区11号路、乌龙泵站改造、洛龙路") == ["11号路", "乌龙泵站", "洛龙路"]


@pytest.mark.parametrize(
    ("pattern", "text", "numbers"),
    [
        pytest.param(PATTERN, "关于 CG-2024-00012 的补充", ["cg-2024-00012"], id="as written by us"),
        pytest.param(PATTERN, "cg-2024-12号", ["cg-2024-00012"], id="shortened"),
        pytest.param(PATTERN, "ＣＧ－2024－00012", ["cg-2024-00012"], id="full width"),
        pytest.param(PATTERN, "CG-2024-00012、CG-2024-00013；CG-2024-00012", ["cg-2024-00012", "cg-2024-00013"], id="several"),
        pytest.param(PATTERN, "SCG-2024-00012", [], id="inside another code"),
        pytest.param(PATTERN, "CG-2024-0001234567", [], id="too long"),
        pytest.param(PATTERN, "CG-24-00012", [], id="no year"),
        pytest.param(PATTERN, "CG-2024-123456", ["cg-2024-123456"], id="beyond the padding"),
        pytest.param("{year}{seq:04d}", "编号20240007。", ["20240007"], id="nothing between"),
        pytest.param("五华[{year}]{seq}号", "五华[2026]5号", ["五华[2026]5号"], id="characters of expressions"),
    ],
)
def test_our_numbers_in_a_text(pattern: str, text: str, numbers: list[str]) -> None:
    """Our case numbers are found as people copy them, and nothing else is taken for one."""
    assert numbers_in(pattern, text) == numbers


@given(st.integers(1000, 9999), st.integers(1, 999_999_999), st.sampled_from([PATTERN, "{year}-{seq}", "WH{seq:06d}/{year}"]))
def test_every_number_we_give_is_found(year: int, seq: int, pattern: str) -> None:
    """Whatever number a pack's form gives, a mail that quotes it is recognised."""
    number = pattern.format(year=year, seq=seq)

    assert numbers_in(pattern, f"回复：【{number}】") == [number_key(number)]


@given(st.text(max_size=200))
def test_any_text_has_keys(text: str) -> None:
    """No text of a stranger stops the keys from being made."""
    assert all(number.isdigit() for number in phone_keys(text))
    assert name_key(name_key(text)) == name_key(text) or "有限" in name_key(text)
    assert numbers_in(PATTERN, text) == [number_key(number) for number in numbers_in(PATTERN, text)]
