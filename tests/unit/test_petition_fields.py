"""The fields of form 附件2 read from letters of many kinds (tests/unit/letters.py): the recognisers hold for the kind, not for one example."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.petition import read_petition
from store.model.arrival import Channel
from store.model.petition import Found, Petition
from tests.unit.letters import SAMPLES, Sample, letter_of


def _read(sample: Sample) -> Petition:
    return read_petition(sample.channel, letter_of(sample.text, subject=sample.subject, sender=sample.sender), {})


def _squeezed(value: str | None) -> str | None:
    return None if value is None else "".join(value.split())


def _value(found: Found | None) -> str | None:
    return _squeezed(found.value) if found else None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_fields(sample: Sample) -> None:
    """What a careful clerk would copy is read, and nothing else: no counterparty, no office's number, no word that only looks like a name."""
    petition = _read(sample)

    read = {key: _value(getattr(petition, key)) for key in ("name", "uscc", "contact", "phone")}
    assert read == {key: _squeezed(getattr(sample, key)) for key in read}
    if sample.address != "?":
        assert _value(petition.address) == _squeezed(sample.address)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_value_is_proved_by_its_place(sample: Sample) -> None:
    """A span quotes its source exactly, and the value is those words apart from white space."""
    petition = _read(sample)
    sources = {"body": sample.text, "subject": sample.subject, "from": sample.sender}

    for found in (petition.name, petition.uscc, petition.address, petition.contact, petition.phone):
        if found:
            assert sources[found.span.source][found.span.start : found.span.end] == found.span.text
            assert _squeezed(found.value) == _squeezed(found.span.text)


FRAGMENTS = (
    *"\n\n\t  ，。：；、（）()“”|>-—*",
    *(
        "企业名称：",
        "联系人：",
        "联系电话",
        "地址：",
        "诉求内容：",
        "我公司",
        "我是",
        "的会计",
        "位于",
        "此致",
        "发件人：",
        "主题：",
        "写道：",
        "原始邮件",
    ),
    *(
        "昆明雨歇茶业有限公司",
        "有限公司",
        "合作社",
        "老街米线店",
        "冉静",
        "欧阳晨曦",
        "许会计",
        "Kiki",
        "阿依古丽·买买提",
        "呈贡区春融街2号",
        "张穎",
    ),
    *("13900012345", "0871-65012345", "138****1234", "91530114MA6L1W53BF", "９１５３", "2025年3月3日", "某", "\u200b", "\u3000", "𠮷", "a"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join), st.sampled_from(Channel))
def test_any_mixture_is_read_and_proved(text: str, channel: Channel) -> None:
    """Whatever stands beside whatever, nothing breaks, and what is read stands where the span says."""
    petition = read_petition(channel, letter_of(text, subject=text[:40], sender=text[:20]), {})
    sources = {"body": text, "subject": text[:40], "from": text[:20]}

    for found in (petition.name, petition.uscc, petition.address, petition.contact, petition.phone):
        if found:
            assert found.value
            assert sources[found.span.source][found.span.start : found.span.end] == found.span.text
            assert _squeezed(found.value) == _squeezed(found.span.text)
