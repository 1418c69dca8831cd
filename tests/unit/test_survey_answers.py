"""What an enterprise's words answer to a survey: each mark where it is said, none where it is not, and the rest kept as it stands."""

from __future__ import annotations

import pytest

from channels.survey_answers import read_answers

ASKS = ("挂钩联系", "解难帮扶", "职责履行", "效能提升", "企业满意")
SCALE = ("满意", "基本满意", "不满意")


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (
            "1. 挂钩联系：满意\n2. 解难帮扶：基本满意\n3. 职责履行：满意\n4. 效能提升：不满意\n5. 企业满意：满意",
            "满意 基本满意 满意 不满意 满意",
        ),
        ("挂钩联系满意，解难帮扶满意，职责履行基本满意，效能提升满意，企业满意：满意", "满意 满意 基本满意 满意 满意"),
        ("1.满意 2.满意 3.基本满意 4.满意 5.满意", "满意 满意 基本满意 满意 满意"),
        ("（1）满意\n（2）不满意\n（3）满意\n（4）满意\n（5）满意", "满意 不满意 满意 满意 满意"),
        ("您好！五个方面都满意，谢谢。", "满意 满意 满意 满意 满意"),
        ("满意", "满意 满意 满意 满意 满意"),
        ("非常满意！", "满意 满意 满意 满意 满意"),
        ("基本满意。", "基本满意 基本满意 基本满意 基本满意 基本满意"),
        ("全部不满意", "不满意 不满意 不满意 不满意 不满意"),
        ("解难帮扶：不满意（去年反映的用电问题一直没有解决）", "- 不满意 - - -"),
        ("挂钩联系（电话、走访）：基本满意", "基本满意 - - - -"),
        ("我们申请的补贴还没有到账，请帮助查一下。", "- - - - -"),
        ("贵局上次说让企业满意，结果拖了三个月。", "- - - - -"),
        ("挂钩联系：满意\n挂钩联系：不满意", "- - - - -"),
        ("", "- - - - -"),
    ],
)
def test_marks(text: str, marks: str) -> None:
    """Named, numbered, for all at once; a matter of its own is no mark, nor is what is said in two ways."""
    found = read_answers(text, ASKS, SCALE).marks
    assert " ".join(found.get(ask, "-") for ask in ASKS) == marks


def test_what_is_said_besides_is_kept_and_what_is_said_in_two_ways_is_told() -> None:
    """Remarks are the lines that say more than marks, without the label before them."""
    answers = read_answers("您好！\n1.挂钩联系：满意\n2.解难帮扶：满意\n意见建议：希望用水报装再快一些。\n谢谢", ASKS, SCALE)
    assert answers.remarks == "希望用水报装再快一些。"
    assert read_answers("挂钩联系：满意\n挂钩联系：不满意", ASKS, SCALE).doubts == ("“挂钩联系”写了不满意、满意，说不清是哪一个",)


def test_where_nothing_is_to_be_marked_all_words_are_the_answer() -> None:
    """A consultation has no marks: what is written is kept, a greeting alone is nothing."""
    assert read_answers("您好！\n第五条的期限建议改为10个工作日。\n此致", (), SCALE).remarks == "第五条的期限建议改为10个工作日。"
    assert read_answers("收到，谢谢！", (), SCALE).remarks == ""


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_hostile_text_takes_no_time(size: int) -> None:
    """Long runs of what may stand between a name and its mark are read once."""
    assert read_answers("挂钩联系" + "：" * size + "\n" + "都" * size + "\n" + "（1" * size, ASKS, SCALE).marks == {}
