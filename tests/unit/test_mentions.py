"""Short names in a text, beside the name of an enterprise that is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.mentions import Mention, mention_of, possible_cores
from store.particulars import sound_keys


@pytest.mark.parametrize(
    ("name", "text", "mention"),
    [
        ("云南果汐农业科技有限责任公司", "果汐农业的保鲜冷库一直按工商业电价计费", Mention.WRITTEN),
        ("昆明北川净化设备有限公司", "窗口来人登记\n北川净化：医院那边欠款", Mention.WRITTEN),
        ("云南卓熙建筑工程有限公司", "卓熙建设的，夜间施工证明", Mention.WRITTEN),
        ("昆明动能元健身服务有限公司", "动能元这边想问一下", Mention.WRITTEN),
        ("昆明沐野户外用品有限公司", "我是牧野户外的，去年那个露营节", Mention.HEARD),
        ("昆明云庭茶具有限公司", "云廷茶具，南博会的展位", Mention.HEARD),
        ("昆明时代广告有限公司", "时代广场B座电梯停用", Mention.NONE),
        ("昆明云海酒店有限公司", "我看见云海很美", Mention.NONE),
        ("某电商公司", "电商公司的快递", Mention.NONE),
        ("", "果汐农业的冷库", Mention.NONE),
    ],
)
def test_how_a_text_speaks_of_an_enterprise(name: str, text: str, mention: Mention) -> None:
    """A short name counts with a word of trade behind it, or where somebody says that he is it; the same characters elsewhere do not."""
    assert mention_of(name, text) is mention


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("昆明沐野户外用品有限公司", "我是牧野户外的"),
        ("云南恒屹钢构有限公司", "窗口登记\n恒屹钢构：变压器"),
        ("昆明鼎笙实业有限公司", "顶升实业来信"),
    ],
)
def test_what_a_text_may_call_itself_is_a_key(name: str, text: str) -> None:
    """Among what a text without a name may call its enterprise is something that sounds like the registered name."""
    assert {key for core in possible_cores(text) for key in sound_keys(core)} & set(sound_keys(name))


@given(st.text(max_size=200), st.text(max_size=60))
def test_any_text_is_searched(text: str, name: str) -> None:
    """No text of a stranger stops the search, and what is tried stays few."""
    assert mention_of(name, text) in Mention
    assert len(possible_cores(text)) <= 24
