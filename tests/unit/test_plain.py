"""Strangers' words made fit for our letters, and dates in the words of an official letter."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.dates import counted_days, in_full, skipped_days
from notifier.plain import boxed, excerpt, line, wrapped
from store.model.due import CountedDay, Due


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("关于　冷库\r\n Bcc: a@b.example", "关于 冷库 Bcc: a@b.example"),
        ("合\u200b同\u202e纠\ufeff纷\x00", "合同纠纷"),
        ("一\u2028二\x85三\v四", "一 二 三 四"),
        ("\udcff坏字", "坏字"),
        ("选项\uf0a3是", "选项□是"),
        ("z\u0301\u0301\u0301\u0301\u0301", "z\u0301\u0301\u0301"),
        ("W" * 70, "W" * 60 + " " + "W" * 10),
        ("", ""),
    ],
    ids=["line breaks", "hidden", "odd breaks", "half character", "private use", "stacked marks", "long word", "nothing"],
)
def test_one_line(text: str, expected: str) -> None:
    """A field of a letter is one line without hidden characters, endless words and towers of accents."""
    assert line(text, 100) == expected


def test_a_line_is_cut_with_an_ellipsis() -> None:
    """What is longer than allowed ends in “…” within the limit."""
    assert line("一二三四五六", 4) == "一二三…"
    assert line("一二三四", 4) == "一二三四"


def test_hidden_characters_do_not_use_up_the_room() -> None:
    """A text padded with invisible characters still shows its words, and counts as cut where it is."""
    shown = excerpt("\u200b" * 30 + "实情", 10)

    assert (shown.lines, shown.is_whole) == (("实情",), True)
    assert not excerpt("\u200b" * 60 + "实情", 10).is_whole


def test_an_excerpt_counts_lines_and_says_how_long_the_whole_is() -> None:
    """The cut falls at the limit, breaks included; several empty lines become one."""
    shown = excerpt("一\n\n\n\n二\r\n三" + "四" * 10, 6)

    assert shown.lines == ("一", "", "二", "三")
    assert (shown.length, shown.is_whole) == (19, False)


@pytest.mark.parametrize("length", [9, 10])
def test_a_text_that_fits_is_whole(length: int) -> None:
    """Exactly as long as allowed is not cut."""
    shown = excerpt("字" * length, 10)

    assert (shown.lines, shown.is_whole) == (("字" * length,), True)


def test_wrapping_counts_columns_and_keeps_marks_off_the_line_start() -> None:
    """A Chinese character takes two columns, words stay whole, and no line begins with a comma."""
    assert wrapped("一二三四五，六", 10) == ["一二三四五，", "六"]
    assert wrapped("ab cdefg hij", 8) == ["ab cdefg", "hij"]
    assert wrapped("", 8) == [""]


@given(lines=st.lists(st.text(), max_size=5), width=st.integers(min_value=4, max_value=80))
def test_each_boxed_line_bears_the_mark(lines: list[str], width: int) -> None:
    """Whatever stands in the box, every line of it begins with the mark."""
    clean = excerpt("\n".join(lines), 500).lines

    assert all(part.startswith("│") for part in boxed(clean, width=width).split("\n")) or not clean


@given(text=st.text(), limit=st.integers(min_value=1, max_value=50))
def test_an_excerpt_keeps_its_limit(text: str, limit: int) -> None:
    """Never more than the limit, breaks included, and no control or line break inside a line."""
    shown = excerpt(text, limit)

    assert len("\n".join(shown.lines)) <= limit
    assert all(part.isprintable() for part in shown.lines if part)


def test_a_date_in_full() -> None:
    """Year, month, day and the day of the week."""
    assert in_full(date(2024, 11, 7)) == "2024年11月7日（星期四）"
    assert in_full(date(2026, 9, 20)) == "2026年9月20日（星期日）"


def _due(*days: tuple[int, bool, str]) -> Due:
    start = date(2024, 12, 27)
    return Due(
        kind="verification",
        label="初步对接核实",
        basis="三（四）",
        start=start,
        start_label="挂号截止",
        due=start,
        provisional=False,
        days=tuple(CountedDay(day=start + timedelta(days=n), counted=counted, why=why) for n, counted, why in days),
    )


def test_the_days_of_a_count_in_words() -> None:
    """Days that follow one another are drawn together, the year is named where it changes, and the reason stands behind."""
    due = _due(
        (1, False, "周末"),
        (2, False, "周末"),
        (3, True, "工作日"),
        (4, True, "工作日"),
        (5, False, "元旦放假（一号）"),
        (6, True, "工作日"),
    )

    assert counted_days(due) == "12月30日至31日、2025年1月2日（工作日）"
    assert skipped_days(due) == "12月28日至29日（周末）；2025年1月1日（元旦放假，一号）"


def test_a_stretch_over_two_months_names_both() -> None:
    """Off from the last day of one month to the first of the next, both months stand in the letter."""
    due = _due(*((n, False, "周末") for n in range(4, 7)))

    assert skipped_days(due) == "12月31日至2025年1月2日（周末）"
    assert counted_days(due) == ""
