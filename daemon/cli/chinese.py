"""Makes typer speak Chinese: headings, the help option, and what it says of a mistyped command."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

_HELP = "显示这份说明"
_HEADINGS = {"Arguments": "参数", "Options": "选项", "Commands": "命令"}
_WORDS = {
    "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 …",
    "env var: ": "环境变量：",
    "default: ": "不写时：",
    "required]": "必填]",
    "…]...": "…]",
    "…}...": "…}",
}
# How typer names the kind of a value where we do not name it; a plain text needs no name.
_KINDS = (
    (re.compile(r" ?<%Y-[^>]{1,60}>"), ""),
    (re.compile(r" ?<(?:str|text|path|list\[\w{1,20}\])>"), ""),
    (re.compile(r"<int( range)?>"), "整数"),
    (re.compile(r"<float( range)?>"), "数"),
)
_BROKEN_LINE = re.compile(r"(?<=[^\x00-\x7f])\n(?=[^\n])")  # within a paragraph of Chinese, which has no spaces between words
# What pydantic says of a value that does not fit, which is how typer checks values.
_MISTAKES = (
    (re.compile(r"is not one of (.{1,500}?)\.?$"), "只能是 {0}"),
    (re.compile(r"valid integer"), "应为整数"),
    (re.compile(r"greater than or equal to (\S{1,40})"), "不得小于 {0}"),
    (re.compile(r"less than or equal to (\S{1,40})"), "不得大于 {0}"),
    (re.compile(r"formats '%Y-%m-%d'(?!,)"), "应写成 2024-09-26 的样子"),
    (re.compile(r"datetime|does not match the format"), "应写成 2024-09-26 或 2024-09-26T10:30:00"),
)


_EXAMPLE = re.compile(r"\n+(?=例：)")
_NEXT_EXAMPLE = re.compile(r"；(?=(?:[^；：\n]{1,12}：)?zuozhen )")
_AS_IT_STANDS = "\b\n"  # keeps typer from filling the lines of a paragraph


def _readable(text: str) -> str:
    """Return a help text with its paragraphs whole and every example on a line of its own, to be copied."""
    about, *examples = _EXAMPLE.split(text)
    lines = [_NEXT_EXAMPLE.sub("\n    ", example.strip()) for example in examples]
    return "\n\n".join([_BROKEN_LINE.sub("", about), *([_AS_IT_STANDS + "\n".join(lines)] if lines else [])])


class _Page:
    """Typer's writer of help pages, its own words in Chinese."""

    def __init__(self, page: Any) -> None:  # noqa: ANN401 - the type of typer's formatter is private
        self._page = page

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the page has
        return getattr(self._page, name)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        del prefix
        self._page.write_usage(prog, _in_chinese(args), "用法：")

    def section(self, name: str) -> Any:  # noqa: ANN401 - a context manager of typer
        return self._page.section(_HEADINGS.get(name, name))

    def write_dl(self, rows: list[tuple[str, str]]) -> None:
        self._page.write_dl([(_kind_in_chinese(first), _in_chinese(second)) for first, second in rows])


class Command(TyperCommand):
    """A command whose help page is in Chinese."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:  # noqa: ANN401 - the type of typer's context is private
        """Return the help option with its text translated."""
        return _translated(super().get_help_option(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types private to typer
        """Write the page."""
        self.help = _readable(self.help or "")
        super().format_help(ctx, _Page(formatter))  # type: ignore[arg-type]  # it has all that the page has


class Group(TyperGroup):
    """A group of commands, likewise."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:  # noqa: ANN401 - the type of typer's context is private
        """Return the help option with its text translated."""
        return _translated(super().get_help_option(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types private to typer
        """Write the page."""
        super().format_help(ctx, _Page(formatter))  # type: ignore[arg-type]  # it has all that the page has


def group(summary: str) -> typer.Typer:
    """Return an empty group of commands described by *summary*."""
    return typer.Typer(
        cls=Group, help=summary, no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
    )


def explain(error: typer.TyperException) -> str:
    """Return what a mistyped command line deserves to hear, with the next step."""
    context = getattr(error, "ctx", None)
    kind, said = type(error).__name__, error.message
    if kind == "NoArgsIsHelpError":
        return said
    path = context.command_path if context else "zuozhen"
    return f"{_mistake(kind, said, error)}\n用法见：{path} --help"


def _mistake(kind: str, said: str, error: typer.TyperException) -> str:
    parameter = _parameter(getattr(error, "param", None))
    option = getattr(error, "option_name", "")
    match kind:
        case "MissingParameter":
            return f"缺少{parameter}"
        case "NoSuchOption":
            near = "、".join(sorted(getattr(error, "possibilities", None) or ()))
            return f"没有选项 {option}{f'，是否想写 {near}？' if near else ''}"
        case "BadOptionUsage":
            return f"选项 {option} 后面要写一个值"
        case "BadParameter":
            return f"{parameter}：{_value_mistake(said)}"
    return _other_mistake(said)


def _other_mistake(said: str) -> str:
    if said.startswith("No such command"):
        return f"没有这个命令：{said.split(chr(39))[1]}"
    if said.startswith("Got unexpected extra argument"):
        return f"多出了参数：{said.rpartition('(')[2].rstrip(').')}"
    return "没有写要执行哪个命令" if said.startswith("Missing command") else said


def _parameter(parameter: Any) -> str:  # noqa: ANN401 - the type of typer's parameter is private
    """Return a parameter as the user writes it: 参数“件号”, 选项 --by."""
    if parameter is None:
        return "参数"
    if parameter.param_type_name == "option":
        return f"选项 {parameter.opts[0]}"
    return f"参数“{parameter.metavar or parameter.name}”"


def _value_mistake(said: str) -> str:
    for pattern, words in _MISTAKES:
        if found := pattern.search(said):
            return words.format(*(group.replace("', '", "、").replace("'", "") for group in found.groups()))
    return said


def _kind_in_chinese(name: str) -> str:
    for pattern, words in _KINDS:
        name = pattern.sub(words, name)
    return name


def _in_chinese(text: str) -> str:
    for word, translated in _WORDS.items():
        text = text.replace(word, translated)
    return text


def _translated(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.help = _HELP
    return option
