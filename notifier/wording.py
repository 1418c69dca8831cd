"""Turns a pack's wording into mail text; the only module of the notifier that imports Jinja2.

There are for each purpose NAME.subject, NAME.txt and NAME.html, of the product or of the pack; names beginning with an underscore are
shared parts. Templates run in a sandbox, an unknown name in them is an error, and everything in .html is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.plain import line
from store.errors import ConfigError, Problem
from store.model.notice import Purpose

_MAX_SUBJECT = 120  # code points
_EMPTY_LINES = re.compile(r"\n{3,}")
_REMEDY = "改正该文案模板；可用的名称见随产品的 rules/wording 目录"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One mail's words."""

    subject: str
    text: str
    html: str


class Wording:
    """The compiled templates of one pack."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Compile *sources* (file name → template); raises ConfigError with every template that is missing or faulty."""
        self._environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(sources),
            undefined=StrictUndefined,
            autoescape=lambda name: name is not None and name.endswith(".html"),
            finalize=lambda value: "" if value is None else value,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,  # of a shared part: the line after it stays a line of its own
        )
        wanted = {f"{purpose.value}.{part}" for purpose in Purpose for part in ("subject", "txt", "html")}
        problems = [_missing(name) for name in sorted(wanted - sources.keys())]
        self._templates: dict[str, Template] = {}
        for name in sorted(sources):
            try:
                self._templates[name] = self._environment.get_template(name)
            except TemplateError as error:
                problems.append(_problem(name, error))
        if problems:
            raise ConfigError(problems)

    def write(self, purpose: Purpose, view: Mapping[str, object]) -> Written:
        """Fill the three templates of *purpose*; raises ConfigError where one of them cannot be filled."""
        return Written(
            subject=line(self._fill(f"{purpose.value}.subject", view), _MAX_SUBJECT),
            text=_tidy(self._fill(f"{purpose.value}.txt", view)),
            html=self._fill(f"{purpose.value}.html", view).rstrip() + "\n",
        )

    def _fill(self, name: str, view: Mapping[str, object]) -> str:
        try:
            return self._templates[name].render(view)
        except (TemplateError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:  # a template may do anything
            raise ConfigError([_problem(name, error)]) from error


def _missing(name: str) -> Problem:
    return Problem(place=f"wording/{name}", key="", message="缺少这个文案模板", remedy="可从随产品的 rules/wording 目录复制一份再改")


def _problem(name: str, error: Exception) -> Problem:
    number = getattr(error, "lineno", None)
    place = f"wording/{getattr(error, 'name', None) or name}"
    return Problem(place=f"{place}:{number}" if number else place, key="", message=f"文案模板有误：{error}", remedy=_REMEDY)


def _tidy(text: str) -> str:
    """Drop white space at line ends and more than one empty line in a row: branches of a template leave them behind."""
    lines = "\n".join(part.rstrip() for part in text.strip("\n").split("\n"))
    return _EMPTY_LINES.sub("\n\n", lines) + "\n"
