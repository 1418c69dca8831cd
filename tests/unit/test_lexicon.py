"""Words are found as a reader would find them, and quoted exactly as they stand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.language import WordList
from rules.lexicon import Lexicon, Match, Text, sentence_ends, shadow

COURT = WordList(name="法院", words=("法院", "起诉"), exceptions=("法院路", "去法院"))
DENIAL = WordList(name="否定词", words=("未", "没有", "不", "准备"), exceptions=("不得不", "未来"))
ACCEPTED = WordList(name="受理", words=("受理", "12345", "GPS定位"))


def lexicon(*lists: WordList) -> Lexicon:
    """Return a lexicon of *lists*, or of the three above."""
    return Lexicon(lists or (COURT, DENIAL, ACCEPTED))


def find(text: str, *, silent: tuple[str, ...] = ()) -> list[Match]:
    """Return what the three lists find in *text*."""
    return lexicon().find([Text("content", "content", text)], silent=silent)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("已受理", "受理"),
        ("已經起訴", "起訴"),
        ("受 理", "受 理"),
        ("受\u200b理", "受\u200b理"),
        ("１２３４５", "１２３４５"),
        ("gps 定位", "gps 定位"),
        ("ＧＰＳ定位", "ＧＰＳ定位"),
    ],
)
def test_word_is_found_however_it_is_written_and_quoted_as_it_stands(text: str, quoted: str) -> None:
    """Width, case, traditional characters, spaces and invisible characters do not hide a word; the quotation is a slice of the original."""
    (match,) = find(text)

    assert text[match.start : match.end] == quoted


@pytest.mark.parametrize("text", ["312345", "13612345678", "12345a", "agps定位"])
def test_word_inside_a_number_or_latin_word_does_not_count(text: str) -> None:
    """12345 in a telephone number is not the hotline."""
    assert find(text) == []


@pytest.mark.parametrize(
    ("text", "expected"), [("在法院路上", []), ("已到法院", ["法院"]), ("法院路的法院", ["法院"]), ("去法院起诉", ["起诉"])]
)
def test_exception_hides_only_the_words_inside_it(text: str, expected: list[str]) -> None:
    """法院路 hides its own 法院, not the next one."""
    assert [match.word for match in find(text)] == expected


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("没有受理", True),
        ("未予受理", True),
        ("未被平台受理", True),
        ("准备向人民法院起诉", True),
        ("未受理", True),
        ("不得不起诉", False),
        ("没有办法，只好起诉", False),
        ("没有\n\n已受理", False),
        ("没有理由。受理", False),
        ("已受理", False),
    ],
)
def test_negation_reaches_the_next_words_of_its_clause(text: str, negated: bool) -> None:  # noqa: FBT001 - a column of the table
    """没有 and 准备 make the word after them no fact, within their clause and a few characters."""
    assert find(text)[-1].negated is negated


def test_silent_expression_hides_its_words_everywhere() -> None:
    """Words inside the enterprise's own name say nothing, however the name is spaced."""
    matches = find("受理科技公司反映：已受理。受理 科技公司", silent=("受理科技公司",))

    assert [match.start for match in matches] == [10]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("一。二！三？四；五", 5),
        ("一\n二", 2),
        ("诉求内容是关于我公司在呈贡区租用的厂房长期停电没有人\n来处理的问题", 1),
        ("诉求内容是关于我公司在呈贡区租用的厂房长期停电没有人\n一、请处理", 2),
        ("诉求内容是关于我公司在呈贡区租用的厂房长期停电没有人。\n来处理的问题", 2),
        ("", 0),
    ],
)
def test_sentences_end_at_marks_and_real_line_breaks(text: str, sentences: int) -> None:
    """A line broken by a mail program does not end a sentence; a mark, a list item and a short line do."""
    ends = [0, *sentence_ends(text), len(text)]

    pieces = [text[start:end].strip() for start, end in itertools.pairwise(ends)]

    assert len([piece for piece in pieces if piece]) == sentences


def test_word_broken_by_a_mail_program_is_found() -> None:
    """A wrapped line does not cut a word in two."""
    text = "我公司在呈贡区租用的厂房从去年冬天起就一直没有自来水，报告已受\n理，没有下文"

    assert [text[match.start : match.end] for match in find(text)] == ["受\n理"]


def test_no_two_sentences_share_a_number() -> None:
    """Sentences of title and content are told apart, so that words of both never stand in the same one."""
    title, content = Text("title", "title", "受理"), Text("content", "content", "受理。受理")

    sentences = [match.sentence for match in lexicon().find([title, content])]

    assert len(set(sentences)) == len(sentences) == 3


def test_word_across_two_sentences_is_none() -> None:
    """The last character of one line and the first of the next make no word."""
    assert find("受\n\n理由") == []


def test_overlapping_words_are_all_found() -> None:
    """A longer word does not swallow the shorter one of another list."""
    short, long = WordList(name="甲", words=("停水",)), WordList(name="乙", words=("经常停水",))

    assert {match.words for match in lexicon(short, long).find([Text("content", "content", "经常停水")])} == {"甲", "乙"}


@given(st.text(max_size=200))
def test_shadow_maps_every_character_to_its_place(text: str) -> None:
    """Whatever comes in, the shadow is as long as its map, and the map only goes forward inside the text."""
    copy = shadow(text)

    assert len(copy.text) == len(copy.origin)
    assert list(copy.origin) == sorted(copy.origin)
    assert all(0 <= place < len(text) for place in copy.origin)


@given(st.text(alphabet="受理法院路起诉没有未不得 \n。，12345", max_size=60))
def test_every_match_is_a_slice_of_the_text(text: str) -> None:
    """A quotation always stands in the text it is said to stand in, and folds to the word of the list."""
    for match in find(text):
        assert shadow(text[match.start : match.end]).text == shadow(match.word).text
