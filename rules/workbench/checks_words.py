"""Checks on word lists: ZZ201 to ZZ216."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rules.language import Condition, Group, Mention, WordList, leaves
from rules.lexicon import NEGATIONS, sentence_ends, shadow
from rules.workbench.lint import Found, Severity, Subject, check

_TOO_COMMON = 0.2  # of the petitions of the past
_ENOUGH = 200  # petitions, from which on it tells something that a list was never found
_FEW_WORDS = 2
_WIDE_SEPARATOR = re.compile("[，、；]")
_REMEDY_RARE = "确认企业真的这样说；不这样说就换词或去掉"


def _lists(subject: Subject) -> Iterator[tuple[WordList, str]]:
    for words in subject.book.lists.values():
        yield words, subject.places.lists.get(words.name, subject.label)


def _used(subject: Subject) -> set[str]:
    mentions = (leaf for rule in subject.book.rules.values() for leaf in leaves(rule.when) if isinstance(leaf, Mention))
    return {name for leaf in mentions for name in (leaf.words, leaf.near, leaf.same_sentence) if name}


@check("ZZ201", "一个字的词", Severity.WARNING)
def _single(subject: Subject) -> Iterator[Found]:
    alone = {name for rule in subject.book.rules.values() for name in _alone(rule.when)}
    for words, _ in _lists(subject):
        for word in words.words:
            if len(shadow(word).text) == 1 and words.name in alone:
                yield subject.places.word(words.name, word), words.name, f"“{word}”只有一个字，到处都会碰上", "写成完整的说法"


def _alone(condition: Condition) -> Iterator[str]:
    """Yield the lists of which one word by itself makes a condition true."""
    if isinstance(condition, Mention) and condition.near is None and condition.same_sentence is None and condition.at_least == 1:
        yield condition.words
    elif isinstance(condition, Group) and condition.kind != "none":
        for part in condition.conditions:
            yield from _alone(part)


@check("ZZ202", "词表没有人用", Severity.WARNING)
def _idle(subject: Subject) -> Iterator[Found]:
    used = _used(subject) | {NEGATIONS}
    for words, place in _lists(subject):
        if words.name not in used:
            yield place, words.name, "没有规则用到这个词表", "去掉它，或写上用它的规则"


@check("ZZ203", "一个词归了两个部门", Severity.WARNING)
def _competing(subject: Subject) -> Iterator[Found]:
    owners: dict[str, dict[str, tuple[str, str]]] = {}
    for words, departments in _departments_of(subject).items():
        if len(departments) != 1:
            continue
        (department,) = departments
        for word in subject.book.lists[words].words:
            owners.setdefault(shadow(word).text, {}).setdefault(department, (words, word))
    for found in owners.values():
        if len(found) > 1:
            (words, word), *others = found.values()
            elsewhere = "、".join(f"“{name}”" for name, _ in others)
            yield subject.places.word(words, word), words, f"“{word}”也在 {elsewhere} 里，给两个部门加分", "留在真正负责的部门，或写得更长"


def _departments_of(subject: Subject) -> Mapping[str, set[str]]:
    """Return the departments that each list routes to by itself."""
    found: dict[str, set[str]] = {}
    for rule in subject.book.rules.values():
        plain = [leaf for leaf in leaves(rule.when) if isinstance(leaf, Mention)]
        if rule.then.route and len(plain) == 1 and len(leaves(rule.when)) == 1:
            found.setdefault(plain[0].words, set()).add(rule.then.route)
    return found


@check("ZZ204", "长词里已有短词", Severity.HINT)
def _contained(subject: Subject) -> Iterator[Found]:
    counted = {
        leaf.words for rule in subject.book.rules.values() for leaf in leaves(rule.when) if isinstance(leaf, Mention) and leaf.at_least > 1
    }
    for words, _ in _lists(subject):
        if words.name in counted or words.name == NEGATIONS:
            continue
        folded = {shadow(word).text: word for word in words.words}
        for text, word in folded.items():
            inner = next((other for other in folded if other != text and other in text), None)
            if inner is not None:
                yield (
                    subject.places.word(words.name, word),
                    words.name,
                    f"“{word}”里已有本表的“{folded[inner]}”，写了等于没写",
                    "去掉长的，或把短的写完整",
                )


@check("ZZ205", "繁简写了两遍", Severity.HINT)
def _same_folded(subject: Subject) -> Iterator[Found]:
    for words, _ in _lists(subject):
        seen: dict[str, str] = {}
        for word in words.words:
            first = seen.setdefault(shadow(word).text, word)
            if first != word:
                yield (
                    subject.places.word(words.name, word),
                    words.name,
                    f"“{word}”与“{first}”比对时是同一个词",
                    "去掉一个（繁简、宽窄、空格不作区分）",
                )


@check("ZZ206", "词表太常见", Severity.WARNING, needs="history")
def _common(subject: Subject) -> Iterator[Found]:
    history = subject.history
    if history is None or not history.total:
        return
    for words, place in _lists(subject):
        share = history.found.get(words.name, 0) / history.total
        if share > _TOO_COMMON and words.name != NEGATIONS and words.name in _routing(subject):
            yield place, words.name, f"过去的来件有 {share:.0%} 提到它，分不出事项", "去掉最常见的词，或写得更长"


def _routing(subject: Subject) -> set[str]:
    return {words for words, departments in _departments_of(subject).items() if departments}


@check("ZZ207", "词表从未出现", Severity.HINT, needs="history")
def _never(subject: Subject) -> Iterator[Found]:
    history = subject.history
    if history is None or history.total < _ENOUGH:
        return
    for words, place in _lists(subject):
        if words.name != NEGATIONS and not history.found.get(words.name):
            yield place, words.name, f"过去的 {history.total} 件里一次也没有", _REMEDY_RARE


@check("ZZ208", "永远找不到的词", Severity.ERROR)
def _unfindable(subject: Subject) -> Iterator[Found]:
    for words, _ in _lists(subject):
        for word in words.words:
            ends = sentence_ends(word)
            if not shadow(word).text or (ends and ends[0] < len(word)):
                yield subject.places.word(words.name, word), words.name, f"“{word}”跨了两句，或全是看不见的字符，永远找不到", "拆成两个词"


@check("ZZ209", "例外就是本表的词", Severity.ERROR)
def _exception_is_word(subject: Subject) -> Iterator[Found]:
    for words, _ in _lists(subject):
        folded = {shadow(word).text for word in words.words}
        for exception in words.exceptions:
            if shadow(exception).text in folded:
                yield (
                    subject.places.word(words.name, exception),
                    words.name,
                    f"“{exception}”既是词又是例外，等于没有这个词",
                    "从词或例外里去掉一个",
                )


@check("ZZ210", "例外盖住例外", Severity.HINT)
def _covered_exception(subject: Subject) -> Iterator[Found]:
    for words, _ in _lists(subject):
        folded = {shadow(exception).text: exception for exception in words.exceptions}
        for text, exception in folded.items():
            inner = next((other for other in folded if other != text and other in text), None)
            if inner is not None:
                message = f"例外“{exception}”里已有例外“{folded[inner]}”"
                yield subject.places.word(words.name, exception), words.name, message, "去掉长的"


@check("ZZ211", "没有否定词", Severity.WARNING)
def _no_negations(subject: Subject) -> Iterator[Found]:
    if NEGATIONS not in subject.book.lists:
        message = f"没有名为“{NEGATIONS}”的词表，“没有立案”也会当成“立案”"
        yield f"{subject.label}/lists", NEGATIONS, message, "从随产品的规则包复制这个词表"


@check("ZZ212", "两个一样的词表", Severity.WARNING)
def _same_lists(subject: Subject) -> Iterator[Found]:
    seen: dict[tuple[frozenset[str], frozenset[str]], str] = {}
    for words, place in _lists(subject):
        folded = frozenset(shadow(word).text for word in words.words), frozenset(shadow(word).text for word in words.exceptions)
        first = seen.setdefault(folded, words.name)
        if first != words.name:
            yield place, words.name, f"与词表“{first}”的词完全一样", "合并成一个"


@check("ZZ213", "纯数字的短词", Severity.WARNING)
def _short_number(subject: Subject) -> Iterator[Found]:
    for words, _ in _lists(subject):
        for word in words.words:
            if word.isascii() and word.isalnum() and len(word) <= _FEW_WORDS:
                yield subject.places.word(words.name, word), words.name, f"“{word}”太短，门牌、编号里都会碰上", "写成带汉字的说法"


@check("ZZ214", "同句的两边是同一个词", Severity.WARNING)
def _own_partner(subject: Subject) -> Iterator[Found]:
    for rule in subject.book.rules.values():
        for leaf in leaves(rule.when):
            other = leaf.same_sentence if isinstance(leaf, Mention) else None  # `near` never pairs a word with itself
            if not isinstance(leaf, Mention) or other is None:
                continue
            mine = {shadow(word).text for word in subject.book.lists[leaf.words].words}
            common = [word for word in subject.book.lists[other].words if shadow(word).text in mine]
            if common:
                yield rule.place, rule.name, f"“{leaf.words}”和“{other}”都有“{common[0]}”，一个词就满足两边", "从一个词表里去掉它"


@check("ZZ215", "词只在 none 里出现", Severity.HINT)
def _only_negative(subject: Subject) -> Iterator[Found]:
    positive = {name for rule in subject.book.rules.values() for name in _positive(rule.when)}
    for words, place in _lists(subject):
        if words.name in _used(subject) and words.name not in positive and words.name != NEGATIONS and words.exceptions:
            yield place, words.name, "这个词表只用来排除，它的例外使排除更少，容易看错", "确认例外的方向对不对"


def _positive(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Mention):
        yield from (name for name in (condition.words, condition.near, condition.same_sentence) if name)
    elif isinstance(condition, Group) and condition.kind != "none":
        for part in condition.conditions:
            yield from _positive(part)


@check("ZZ216", "全角标点连成一个词", Severity.WARNING)
def _run_together(subject: Subject) -> Iterator[Found]:
    for place, about, word in subject.places.plain:
        if found := _WIDE_SEPARATOR.search(word):
            remedy = f'几个词之间用半角逗号；确是一个词，就加引号："{word}"'
            yield place, about, f"“{word}”里有全角“{found[0]}”，会当成一个词", remedy
