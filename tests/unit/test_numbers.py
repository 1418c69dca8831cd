"""Telephone numbers and codes as people write them, and the figures that only look like them."""

from __future__ import annotations

import pytest

from channels.numbers import codes, is_valid, labelled_code, phones
from channels.passage import shadow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("电话13900012345。", ["13900012345"]),
        ("139 0001 2345", ["139 0001 2345"]),
        ("139-0001-2345", ["139-0001-2345"]),
        ("１３９０００１２３４５", ["13900012345"]),
        ("1 3 9 0 0 0 1 2 3 4 5", ["1 3 9 0 0 0 1 2 3 4 5"]),
        ("+86 139 0001 2345", ["+86 139 0001 2345"]),
        ("(0871)6501 2345", ["(0871)6501 2345"]),
        ("0871—65012345", ["0871-65012345"]),
        ("0871-65012345-802", ["0871-65012345-802"]),
        ("+852 5550 1234", ["+852 5550 1234"]),
        ("+86 871 65012345", ["+86 871 65012345"]),
        ("139****2345，138××××1234", ["139****2345", "138****1234"]),
        ("13900012345/0871-65012345", ["13900012345", "0871-65012345"]),
        ("（0871-65012345", ["0871-65012345"]),
        ("工单号13900012345", []),
        ("530100241008006620", []),
        ("KM13900012345", []),
        ("合同价13900012345元", []),
        ("2025-03-03 10:00:12", []),
        ("91530114MA6L1W53BF", []),
        ("65012345", []),
    ],
)
def test_phones(text: str, expected: list[str]) -> None:
    """Numbers are found however they are spaced; order numbers, amounts, dates and codes are none."""
    plain = shadow(text)

    assert [plain[number.start : number.end] for number in phones(plain)] == expected


@pytest.mark.parametrize("text", ["65012345", "6501 2345", "400-800-1234"])
def test_behind_a_label_a_local_number_will_do(text: str) -> None:
    """A label makes eight digits, or a service number, a telephone."""
    assert [text[number.start : number.end] for number in phones(text, labelled=True)] == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("代码91530114MA6L1W53BF，", ["91530114MA6L1W53BF"]),
        ("9153 0114 MA6L 1W53 BF", ["9153 0114 MA6L 1W53 BF"]),
        ("91530114ma6l1w53bf", ["91530114ma6l1w53bf"]),
        ("91530I14MA6L1W53BF", ["91530I14MA6L1W53BF"]),
        ("91530114MA6L1W53B", ["91530114MA6L1W53B"]),
        ("91530114MA6L1W53BF 13900012345", ["91530114MA6L1W53BF"]),
        ("52530114MA83JPQRB3", ["52530114MA83JPQRB3"]),
        ("530112199001011234", []),
        ("6222020200112233445", []),
        ("530100241008006620", []),
    ],
)
def test_codes(text: str, expected: list[str]) -> None:
    """An enterprise's code is kept as written, slips included; identity cards, accounts and order numbers are none."""
    assert [text[number.start : number.end] for number in codes(text)] == expected


def test_labelled_code_is_taken_with_its_slips() -> None:
    """What stands behind the label is the code the sender gave, even where the standard has no such code."""
    text = "代码: 9I530114MA6L1W53B8F（新）"
    code = labelled_code(text, 3, len(text))

    assert code is not None
    assert text[code.start : code.end] == "9I530114MA6L1W53B8F"
    assert labelled_code("代码: 正在办理", 3, 8) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("91530114MA6L1W53BF", True),
        ("91530114ma6l1w53bf", True),
        ("9153 0114 MA6L 1W53 BF", True),
        ("91530114MA6L1W53BG", False),
        ("915301", False),
    ],
)
def test_check_digit(code: str, *, expected: bool) -> None:
    """GB 32100-2015 decides whether a code can be one."""
    assert is_valid(code) is expected
