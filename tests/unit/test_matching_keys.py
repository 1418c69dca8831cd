"""How names, numbers and addresses are written differently and still compare equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.matching_keys import name_key, number_key, numbers_in, phone_keys

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
