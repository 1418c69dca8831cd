"""Which words give a place in a session up (取消挂号), and which only look like it: one taken wrongly takes a right away."""

from __future__ import annotations

import pytest

from channels.reply import read_reply
from rules.reply_words import product_words
from store.model.letter import Letter
from store.model.reply import Reply


def _read(text: str) -> Reply:
    return read_reply(Letter(text=text), product_words())


@pytest.mark.parametrize(
    "text",
    [
        "取消挂号",
        "那天来不了",
        "那天来不了，抱歉。",
        "不去坐诊了",
        "不去坐诊了，谢谢",
        "我公司因故申请取消本期挂号",
        "您好，我司临时有事，当天不能到场。",
        "那天我们有事，来不了了。",
        "请取消我公司本次坐诊预约",
        "撤回挂号",
        "放弃挂号",
        "我们不去了",
        "因临时出差，无法参加本期坐诊。",
        "坐诊我们参加不了，诉求请继续办理",
        "不能到场，但诉求请继续办理",
        "我司10月25日无法到场",
        "因负责人出差，届时无法到场",
    ],
)
def test_gives_the_place_up(text: str) -> None:
    """The ways in which enterprises say that they do not come; the matter itself is not withdrawn by any of them."""
    assert [command.event for command in _read(text).commands] == ["unbook"]


@pytest.mark.parametrize(
    "text",
    [
        "能不能改期",
        "能不能改到下个月？",
        "取消许可证",
        "要求取消收费",
        "取消预约收费的规定",
        "如果那天来不了怎么办",
        "那天来不了怎么办",
        "可能来不了",
        "那天来不了，能不能另外安排",
        "请问怎么取消挂号",
        "没有取消挂号",
        "请不要取消我们的挂号",
        "不取消挂号",
        "我没说取消挂号",
        "他们说那天来不了",
        "税务局的人当天不来",
        "对方不来",
        "来不了的话要不要取消挂号？",
    ],
)
def test_gives_nothing_up(text: str) -> None:
    """A question, a condition, a denial, another's words, something else that is cancelled: none of it frees a place."""
    assert _read(text).commands == ()


@pytest.mark.parametrize("text", ["那天来不了，想改到下一期。", "我来不了，由同事代替参加。", "那天来不了。\n请帮我们改到下一期。"])
def test_another_day_or_another_person_is_for_a_person(text: str) -> None:
    """Who wants another day, or sends somebody else, would lose the place by a cancellation: nothing is done, and why is said."""
    read = _read(text)
    assert read.commands == ()
    assert any("像是想改期或由别人到场" in doubt for doubt in read.doubts)


@pytest.mark.parametrize("text", ["撤回诉求", "撤回诉求，不去坐诊了。", "取消挂号。\n撤回诉求。"])
def test_the_matter_is_withdrawn_by_its_own_words(text: str) -> None:
    """撤回诉求 ends the matter, and its place with it; there is nothing left to be given up."""
    assert [command.event for command in _read(text).commands] == ["withdraw"]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("收到，准时参加", ["acknowledge", "attend"]),
        ("好的，届时参加。", ["attend"]),
        ("我们会按时到场", ["attend"]),
        ("不会准时参加", []),
        ("准时参加。\n取消挂号。", []),
    ],
)
def test_who_says_that_he_comes_asks_nothing(text: str, events: list[str]) -> None:
    """The usual answer to a call-up is understood, so that nobody is told it was not; with its contrary neither counts."""
    assert [command.event for command in _read(text).commands] == events
