"""The HTML report of a rehearsal: one file without links, everything that strangers wrote escaped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from rules.workbench.backtest import KINDS, Summary

_TEMPLATE = Path(__file__).parent / "backtest.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What stands above the figures: the district, both packs, the period and the moment, all in words."""

    district: str
    old: str
    new: str
    period: str
    made: str


def report(summary: Summary, heading: Heading) -> str:
    """Return the page."""
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    rules = sorted({*summary.came, *summary.went}, key=lambda name: -(summary.came[name] + summary.went[name]))
    return page.render(
        summary=summary,
        kinds=KINDS,
        rules=rules,
        district=heading.district,
        old=heading.old,
        new=heading.new,
        period=heading.period,
        made=heading.made,
    )
