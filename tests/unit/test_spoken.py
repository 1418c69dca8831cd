"""How digits, amounts, corrections, fillers and characters are said on the telephone."""

from __future__ import annotations

import pytest

from channels import spoken

AMOUNTS = {
    "三十八万六": 386_000,
    "两百": 200,
    "一百零三万": 1_030_000,
    "九百二十八万四千六": 9_284_600,
    "9.6万": 96_000,
    "一万二": 12_000,
    "三千零五": 3_005,
    "两亿三千万": 230_000_000,
    "二十": 20,
}


@pytest.mark.parametrize(("said", "value"), AMOUNTS.items())
def test_amount(said: str, value: float) -> None:
    """An amount is worth what people mean by it: 三十八万六 ends in six thousand."""
    assert spoken.amount(said) == value


@pytest.mark.parametrize("words", ["", "万一", "三心二意", "1.2.3"])
def test_no_amount(words: str) -> None:
    """What is no amount has no value, and does not stop anything."""
    assert spoken.amount(words) is None


def test_digits_keep_their_places() -> None:
    """A number read out becomes digits, one for one, so that every place stays a place in what was said; amounts stay words."""
    said = "电话幺三五零八八幺四七二六,还有一三八,八七六五,四三二一 欠三十八万"

    plain = spoken.digits(said)

    assert plain == "电话13508814726,还有138 8765 4321 欠三十八万"
    assert len(plain) == len(said)


CORRECTIONS = {
    "三十一万是料,加上设备维修七万,不是三十万,是三十八万。": ("三十万", "三十八万"),
    "欠了我二十三万,不对,二十五万六": ("二十三万", "二十五万六"),
    "九月十号,呃,不是,九月十二号交的": ("九月十号", "九月十二号"),
    "空了四个月,不是,五个月了": ("四个月", "五个月"),
}


@pytest.mark.parametrize(("said", "values"), CORRECTIONS.items())
def test_correction(said: str, values: tuple[str, str]) -> None:
    """What was taken back and what stands instead are both found, in this order."""
    assert [(said[slice(*one.old)], said[slice(*one.new)]) for one in spoken.corrections(said)] == [values]


def test_contrast_is_no_correction() -> None:
    """不是…是… between things of no number takes nothing back."""
    assert list(spoken.corrections("不是推销,是给政府做的政务短信服务")) == []


def test_fillers_and_noises_are_left_out() -> None:
    """Sounds that fill a gap and a transcriber's notes of noises go; the words stay."""
    assert spoken.without_fillers("嗯，就是那个，嗯，银企对接会。（旁边有人说话）我们那个贷款") == "银企对接会。我们那个贷款"


SPELLED = {
    "不是,是橙子的橙,水果的果": ["橙", "果"],
    "不是一二三的一,是屹立的屹": ["屹"],
    "骏马的骏途径的途昆明骏途汽车运输有限公司": ["骏", "途"],
    "弓长张": ["张"],
    "双木林": ["林"],
    "草头黄": ["黄"],
}


@pytest.mark.parametrize(("said", "characters"), SPELLED.items())
def test_spelled_characters(said: str, characters: list[str]) -> None:
    """A character is named by a word it stands in or by its parts; one that is denied is not named."""
    assert [char for char, _, _ in spoken.spelled(said)] == characters


@pytest.mark.parametrize(
    ("said", "yes", "no"), [("对对对。", True, False), ("没错", True, False), ("不是不是", False, True), ("两点", False, False)]
)
def test_assent_and_denial(said: str, yes: bool, no: bool) -> None:  # noqa: FBT001 - a table
    """对 and 不是 at the head of a turn answer what the agent said."""
    assert (spoken.is_yes(said), spoken.is_no(said)) == (yes, no)
