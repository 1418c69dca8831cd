"""What a gateway or recognition confuses is kept as it stands and marked; only what a check digit proves is put right."""

from __future__ import annotations

import pytest

from channels.fax_fields import recognised_text
from channels.mime import text_letter
from store.model.petition import Petition

FAX = """传真  2024-12-04 10:02  发件：昆明和岚纸制品有限公司  1/1
区工商联：
    我公司昆明和岚纸制品有限公司（统一社会信用代码{code}），设备更新贷款贴息至今没有到账。
    请查明并尽快发放。
            联系人 蒋莉 {phone}
"""
CODE = "91530114MA6PLA635B"


def _read(code: str = CODE, phone: str = "13608809137", number: str = "") -> Petition:
    return recognised_text(text_letter(FAX.format(code=code, phone=phone).encode()).letter, number)


@pytest.mark.parametrize("written", ["9153O114MA6PLA635B", "9l530114MA6PLA635B", "91S30114MA6PLA635B", "91530ll4MA6PLA635B"])
def test_code_is_put_right_where_the_check_digit_proves_it(written: str) -> None:
    """Confused signs of a code are mended where the whole is then valid; the words stay as evidence, and a note says so."""
    petition = _read(code=written)

    assert petition.uscc is not None
    assert (petition.uscc.value, petition.uscc.span.text, petition.uscc_valid) == (CODE, written, True)
    assert f"统一社会信用代码原读作“{written}”，有混淆的字符，按校验码更正为 {CODE}" in petition.letter.doubts


def test_code_that_stays_wrong_is_kept_and_marked() -> None:
    """Where no confusion explains it, nothing is guessed."""
    petition = _read(code="91530114MA6PLA636B")

    assert petition.uscc is not None
    assert (petition.uscc.value, petition.uscc_valid) == ("91530114MA6PLA636B", False)
    assert "统一社会信用代码“91530114MA6PLA636B”校验不通过，可能认错，请对照原件" in petition.letter.doubts


@pytest.mark.parametrize("written", ["l36O88O9l37", "1360880 9l37", "I3608809137", "136O8809137"])
def test_number_with_letters_is_found_and_kept_as_it_stands(written: str) -> None:
    """A telephone number has no check digit: its likely reading is told beside it, not put in its place."""
    petition = _read(phone=written)

    assert petition.phone is not None
    assert petition.phone.value == written
    (doubt,) = [doubt for doubt in petition.letter.doubts if "联系电话" in doubt]
    assert doubt.startswith(f"联系电话“{written}”混有字母，可能是 1360880")


def test_clean_fax_has_no_doubts() -> None:
    """What is right is not doubted, and nothing but the enterprise's own number is its telephone."""
    petition = _read(number="087167332111")

    assert petition.letter.doubts == ()
    assert petition.phone is not None
    assert petition.phone.value == "13608809137"
    assert petition.recognition is not None
    assert (petition.recognition.pages, petition.recognition.confidence) == (0, None)


def test_number_of_the_fax_stands_in_where_no_telephone_is_told() -> None:
    """Who leaves no telephone may be reached where the fax came from, and it is said whose number that is."""
    petition = _read(phone="", number="087167332111")

    assert petition.phone is not None
    assert (petition.phone.value, petition.phone.how) == ("087167332111", "fax_number")
    assert "没有读到联系电话，所列的是来传真的号码" in petition.letter.doubts


def test_words_are_not_taken_for_numbers() -> None:
    """Letters outside numbers stay letters."""
    petition = recognised_text(text_letter("SOS Bill Sobol 公司停水已经三天，请尽快恢复供水。".encode()).letter, "")

    assert (petition.phone, petition.uscc) == (None, None)
