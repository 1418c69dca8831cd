"""Tells a right reading of bytes from a wrong one by what it looks like: the only module that knows which characters one meets every day."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

_PART = 4_000  # characters that are looked at
_LATIN_LETTER = re.compile("[À-ÿšžŠŽœŒ]")
_IN_LATIN = re.compile("(?<=[A-Za-z])[À-ÿšžŠŽœŒ一-\u9fff]|[À-ÿšžŠŽœŒ](?=[A-Za-z])")

# The characters one meets everywhere, simplified and traditional: what tells a right reading of four characters from a wrong one.
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
    "么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性知全三又关点"
    "正业外将两高间由问很最重并物手应向头文体政相见被利什二等产或新己制身果加西月话合回特代内信表化给位次度门任常先海通教原东提立及比"
    "员解水名真论处走义各入几口认条平系气题活更别变四总何电数安少报结反受目太量再建务做接必场件计管期市直资山金指许统区保至便空决治展"
    "科司五基书非则界达放即难且权思完设式路记南品住告类求据程北边该交规万取领共确让候带运企限责请贵局街办税费票贷款项证投诉举咨询议城"
    "昆云呈贡申材料附您尊敬谢"
    "王李张刘陈杨赵黄周吴徐孙胡朱林郭罗梁宋郑韩唐冯于董萧曹袁邓傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶余潘杜戴夏钟汪姜范石姚谭廖邹熊陆郝孔白崔康毛"
    "邱秦江史顾侯邵孟龙段雷钱汤尹黎易武乔贺赖龚"
    "這個們來為國說時會對於著過發後裡種經麼學現當沒動還進樣開從實無與長機關點業將兩間問應頭體見產話門東員論處義幾認條係氣題變總電數報"
    "結務場計資許統區決書則達難權設記類據規萬領確讓帶運責請貴辦稅費貸項證訴舉諮詢議雲貢謝"
    "張劉陳楊趙黃吳孫馬羅鄭馮鄧蕭呂蘇盧蔣賈葉鍾範譚鄒陸錢湯龍賀賴龔"
)


def familiarity(text: str) -> float | None:
    """Return the mean of what the non-ASCII and control characters in the first part of *text* are worth, None where there are none.

    A character is worth 1 where one meets it everywhere, 0 where it says nothing, less than 0 where it speaks against the reading.
    """
    whole, count = 0.0, 0
    for char, times in Counter(text[:_PART]).items():
        if not " " <= char <= "~" and char not in "\t\n\r":
            whole += times * _worth(char)
            count += times
    for found in _IN_LATIN.finditer(text[: _PART + 1]):  # one more, to see what stands beside the last one
        at, char = found.start(), found[0]
        if at < _PART:
            whole += _worth_beside(char, text[max(at - 1, 0) : at] + text[at + 1 : at + 2]) - _worth(char)
    return whole / count if count else None


def _worth_beside(char: str, neighbours: str) -> float:
    """Return what *char* is worth, which stands beside at least one Latin letter."""
    if _LATIN_LETTER.match(char):  # Latin letters stand beside Latin letters
        return 0.5
    letters = sum(other.isascii() and other.isalpha() for other in neighbours)
    return 0.0 if letters == len("ab") else _worth(char)  # a lone hanzi inside a Latin word: M黮ler


@cache
def _worth(char: str) -> float:
    """Return what *char* is worth without Latin letters beside it."""
    if _LATIN_LETTER.match(char):
        return -0.1
    return 1.0 if char in _FREQUENT else 0.6 if char in _common() else _rarity(char)


def _rarity(char: str) -> float:
    if char == "�":
        return -3.0
    if char in "，。、；：？！“”‘’（）《》【】—…·　\u00a0" or "０" <= char <= "９":
        return 0.8
    if "一" <= char <= "\u9fff":
        return 0.15
    kind = unicodedata.category(char)
    if kind in {"Cc", "Co", "Cn"}:
        return -2.0
    script = unicodedata.name(char, "").partition(" ")[0] if kind[0] == "L" else ""
    if script in {"HIRAGANA", "KATAKANA"}:  # GB 2312 holds them too, and Big5 read as GB is full of them
        return 0.3
    return 0.5 if script in {"HANGUL", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "THAI"} else 0.0


@cache
def _common() -> frozenset[str]:
    """Return the everyday characters of both standards: level 1 of GB 2312 (3,755) and of Big5 (5,401)."""
    simplified = bytes(byte for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF) for byte in (lead, trail))
    trails = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    traditional = bytes(byte for lead in range(0xA4, 0xC7) for trail in trails for byte in (lead, trail))
    return frozenset(simplified.decode("gb2312", "ignore") + traditional.decode("big5", "ignore"))
