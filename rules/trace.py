"""A decision's whole record, rule by rule, for whoever has to prove it: what fired, what was set aside, what was nearly so.

Where the rule-book is at hand its own words are added: the condition in Chinese and the place in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rules.clauses import describe
from rules.explain import POLICY_IN_WORDS, compared_in_words, one_line, source_in_words
from rules.language import Rule
from store.model.decision import Decision, Hit, Quote
from store.model.district import District


def trace(decision: Decision, district: District, rules: Mapping[str, Rule]) -> list[str]:
    """Return the record in Chinese lines. *rules* are those of the rule-book the decision was made with, empty where it is not kept."""
    holding = [hit for hit in decision.hits if not hit.overridden_by]
    aside = [hit for hit in decision.hits if hit.overridden_by]
    return [
        f"规则包摘要：{decision.rulebook}",
        f"判断程序：{decision.engine}",
        *_section(f"成立的规则（{len(holding)} 条）", (line for hit in holding for line in _hit(hit, district, rules))),
        *_section(f"被例外覆盖的规则（{len(aside)} 条）", (line for hit in aside for line in _hit(hit, district, rules))),
        *_section(f"差一点成立的规则（{len(decision.near_misses)} 条）", _near_misses(decision, rules)),
        *_section(f"比对过的以前的事项（{len(decision.compared)} 件）", (f"  {compared_in_words(one)}" for one in decision.compared)),
    ]


def _section(title: str, lines: Iterator[str]) -> list[str]:
    return [title, *(list(lines) or ["  （没有）"])]


def _hit(hit: Hit, district: District, rules: Mapping[str, Rule]) -> Iterator[str]:
    about = f"　{hit.about}" if hit.about else ""
    yield f"  [{hit.rule}]{about}"
    if hit.overridden_by:
        yield f"    被覆盖：由 [{hit.overridden_by}]"
    yield f"    效果：{hit.effect}"
    yield f"    依据：{_cited(hit.basis, district)}"
    for quote in hit.quotes:
        yield f"    原话：{_quote(quote)}"
    for reason in hit.because:
        yield f"    事实：{reason}"
    yield from _written(rules.get(hit.rule))


def _cited(basis: str, district: District) -> str:
    """Return an article with its document; one of another document carries its name already."""
    return basis if basis == POLICY_IN_WORDS or basis.startswith("《") else f"{district.document} {basis}"


def _written(rule: Rule | None) -> Iterator[str]:
    if rule is not None:
        yield f"    条件：{describe(rule.when)}"
        yield f"    出处：{rule.place}"


def _quote(quote: Quote) -> str:
    """Return a quotation with where it stands, counted from 1 as a person counts."""
    span = f"第 {quote.start + 1} 字" if quote.end == quote.start + 1 else f"第 {quote.start + 1}–{quote.end} 字"
    return f"{source_in_words(quote.source)}{span}「{one_line(quote.text)}」（词表“{quote.words}”）"


def _near_misses(decision: Decision, rules: Mapping[str, Rule]) -> Iterator[str]:
    for miss in decision.near_misses:
        rule = rules.get(miss.rule)
        yield f"  [{miss.rule}] 只差“{miss.missing}”{f'　{rule.place}' if rule else ''}"
