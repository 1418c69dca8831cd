"""What a pack means otherwise than another one: rules, words, departments, grounds and settings, not lines of files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from rules.clauses import describe
from rules.explain import basis_in_words, effect_in_words
from rules.language import Rule, WordList
from rules.rulebook import RuleBook
from rules.workbench.titles import TITLES, TITLES_OF_DISTRICT, in_words

_RULE_WORDS = {"about": "说明", "basis": "依据", "when": "条件", "then": "效果", "overrides": "覆盖", "examples": "例子"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference: of what kind of thing, its name, and what happened to it; `details` are Chinese lines, "－" gone and "＋" come."""

    kind: str
    name: str
    what: str
    details: tuple[str, ...] = ()


def diff(old: RuleBook, new: RuleBook) -> list[Difference]:
    """Return all differences in meaning, none where the packs differ in comments, order of words or layout only."""
    return [
        *_rules(old, new),
        *_order(old, new),
        *_lists(old.lists, new.lists),
        *_texts("误写", _joined(old.homophones), _joined(new.homophones)),
        *_things("部门", old.district.departments, new.district.departments),
        *_things("情形", old.district.grounds, new.district.grounds),
        *_texts("补正项", old.settings.supplements, new.settings.supplements),
        *_texts("条款", old.settings.articles, new.settings.articles),
        *_texts("别的文件的条款", _flat(old.settings.documents), _flat(new.settings.documents)),
        *_things("时限", old.settings.kinds.by_id, new.settings.kinds.by_id),
        *_settings(old, new),
        *_texts("通知文字", old.district.wording, new.district.wording, brief=True),
    ]


def _rules(old: RuleBook, new: RuleBook) -> Iterator[Difference]:
    gone = {name: rule for name, rule in old.rules.items() if name not in new.rules}
    for name, rule in new.rules.items():
        if name in old.rules:
            if details := tuple(_rule_details(old, old.rules[name], new, rule)):
                yield Difference(kind="规则", name=name, what="改了", details=details)
            continue
        twin = next((other for other in gone.values() if _meaning(other) == _meaning(rule)), None)
        if twin is not None:
            del gone[twin.name]
            yield Difference(kind="规则", name=name, what="改名", details=(f"原名 {twin.name}",))
        else:
            yield Difference(kind="规则", name=name, what="新增", details=_in_words(new, rule))
    for name, rule in gone.items():
        yield Difference(kind="规则", name=name, what="删去", details=_in_words(old, rule))


def _meaning(rule: Rule) -> Rule:
    return replace(rule, name="", about="", place="", examples=())


def _in_words(book: RuleBook, rule: Rule) -> tuple[str, ...]:
    return (f"条件：{describe(rule.when)}", f"效果：{effect_in_words(rule.then, book.district)}", f"依据：{basis_in_words(rule.basis)}")


def _rule_details(old_book: RuleBook, old: Rule, new_book: RuleBook, new: Rule) -> Iterator[str]:
    for field in fields(Rule):
        one, other = getattr(old, field.name), getattr(new, field.name)
        if field.name in {"name", "place"} or one == other:
            continue
        title = _RULE_WORDS.get(field.name, field.name)
        if field.name == "examples":
            if [(each.fires, replace(each.sample, place="")) for each in one] != [
                (each.fires, replace(each.sample, place="")) for each in other
            ]:
                yield f"{title}：{len(one)} 个 → {len(other)} 个" if len(one) != len(other) else f"{title}改了"
            continue
        before, after = _value(old_book, field.name, one), _value(new_book, field.name, other)
        if before == after and field.name == "then":  # what it concludes for other rules, which the effect in words leaves out
            before, after = f"认定 {'、'.join(old.then.conclude) or '无'}", f"认定 {'、'.join(new.then.conclude) or '无'}"
        yield f"－ {title}：{before}"
        yield f"＋ {title}：{after}"


def _value(book: RuleBook, name: str, value: object) -> str:
    rule = next(iter(book.rules.values()))
    match name:
        case "when":
            return describe(replace(rule, when=value).when)  # type: ignore[arg-type]  # the field's own value
        case "then":
            return effect_in_words(replace(rule, then=value).then, book.district)  # type: ignore[arg-type]  # likewise
        case "basis":
            return basis_in_words(str(value))
    return "、".join(map(str, value)) if isinstance(value, tuple) else str(value) if value not in {None, ""} else "无"


def _order(old: RuleBook, new: RuleBook) -> Iterator[Difference]:
    """Tell where rules that stand in both packs follow each other otherwise: of two verdicts of one rank the first one speaks."""
    before = [name for name in old.rules if name in new.rules]
    after = [name for name in new.rules if name in old.rules]
    if before != after:
        moved = next(one for one, other in zip(after, before, strict=True) if one != other)
        yield Difference(kind="规则", name=moved, what="换了次序", details=("同一级的结论以排在前面的规则为准",))


def _lists(old: Mapping[str, WordList], new: Mapping[str, WordList]) -> Iterator[Difference]:
    for name in dict.fromkeys((*new, *old)):
        one, other = old.get(name), new.get(name)
        if one is None and other is not None:
            yield Difference(kind="词表", name=name, what="新增", details=tuple(_list_details(WordList(name=name, words=()), other)))
        elif other is None:
            yield Difference(kind="词表", name=name, what="删去")
        elif one is not None and (details := tuple(_list_details(one, other))):
            yield Difference(kind="词表", name=name, what="改了", details=details)


def _list_details(old: WordList, new: WordList) -> Iterator[str]:
    for title, one, other in (
        ("词", old.words, new.words),
        ("例外", old.exceptions, new.exceptions),
        ("算一个的词", _groups(old), _groups(new)),
    ):
        if gone := [word for word in one if word not in other]:
            yield f"－ {title}：{'、'.join(gone)}"
        if come := [word for word in other if word not in one]:
            yield f"＋ {title}：{'、'.join(come)}"


def _groups(words: WordList) -> list[str]:
    return [f"[{'、'.join(sorted(group))}]" for group in words.synonyms]


def _joined(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: "、".join(sorted(each)) for name, each in words.items()}


def _flat(documents: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{document} {article}": text for document, articles in documents.items() for article, text in articles.items()}


def _things(
    kind: str, old: Mapping[str, object] | Mapping[int, object], new: Mapping[str, object] | Mapping[int, object]
) -> Iterator[Difference]:
    before, after = {str(key): value for key, value in old.items()}, {str(key): value for key, value in new.items()}
    for name in dict.fromkeys((*after, *before)):
        if before.get(name) != after.get(name):
            yield Difference(
                kind=kind, name=name, what=_what(name, before, after), details=tuple(_field_details(before.get(name), after.get(name)))
            )


def _field_details(one: object, other: object) -> Iterator[str]:
    for name, title in TITLES[type(other if one is None else one)].items():
        before, after = getattr(one, name, None), getattr(other, name, None)
        if before != after:
            if before is not None:
                yield f"－ {title}：{in_words(name, before)}"
            if after is not None:
                yield f"＋ {title}：{in_words(name, after)}"


def _texts(kind: str, old: Mapping[str, str], new: Mapping[str, str], *, brief: bool = False) -> Iterator[Difference]:
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) == new.get(name):
            continue
        pair = (("－", old.get(name)), ("＋", new.get(name)))
        details = () if brief else tuple(f"{sign} {text}" for sign, text in pair if text is not None)
        yield Difference(kind=kind, name=name, what=_what(name, old, new), details=details)


def _what(name: str, old: Collection[str], new: Collection[str]) -> str:
    return "新增" if name not in old else "删去" if name not in new else "改了"


def _settings(old: RuleBook, new: RuleBook) -> Iterator[Difference]:
    pairs: dict[str, tuple[object, object]] = {
        "分量的门槛": (old.settings.routing, new.settings.routing),
        "时限": (old.settings.verification, new.settings.verification),
        "办公时间": (old.settings.hours, new.settings.hours),
        "办理": (old.settings.casework, new.settings.casework),
    }
    for name, (one, other) in pairs.items():
        if one != other:
            yield Difference(kind="设置", name=name, what="改了", details=tuple(_field_details(one, other)))
    for key, title in TITLES_OF_DISTRICT.items():
        before, after = getattr(old.district, key), getattr(new.district, key)
        if before != after:
            yield Difference(kind="设置", name=title, what="改了", details=(f"－ {before}", f"＋ {after}"))
