"""Makes typer speak Chinese: headings, the help option, and what it says of a mistyped command."""

from __future__ import annotations

from typing import Any

import typer
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup, TyperOption

_HELP = "显示这份说明"


class Command(TyperCommand):
    """A command whose help option explains itself in Chinese."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:  # noqa: ANN401 - the type of typer's context is private
        """Return the help option with its text translated."""
        return _translated(super().get_help_option(ctx))


class Group(TyperGroup):
    """A group of commands, likewise."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:  # noqa: ANN401 - the type of typer's context is private
        """Return the help option with its text translated."""
        return _translated(super().get_help_option(ctx))


def group(summary: str) -> typer.Typer:
    """Return an empty group of commands described by *summary*."""
    return typer.Typer(
        cls=Group, help=summary, no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
    )


def translate_headings() -> None:
    """Set the headings of help pages; once, before the first command runs."""
    rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
    rich_utils.OPTIONS_PANEL_TITLE = "选项"
    rich_utils.COMMANDS_PANEL_TITLE = "命令"
    rich_utils.ERRORS_PANEL_TITLE = "有误"


def explain(error: Exception) -> str:
    """Return what a mistyped command line deserves to hear, with the next step."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "zuozhen"
    parameter = getattr(error, "param", None)
    subject = getattr(parameter, "human_readable_name", "") or getattr(error, "param_hint", "") or ""
    match type(error).__name__:
        case "MissingParameter":
            what = f"缺少参数 {subject}"
        case "NoSuchOption":
            what = f"没有选项 {getattr(error, 'option_name', '')}"
        case "BadParameter":
            what = f"参数 {subject} 的值不对：{getattr(error, 'message', error)}"
        case _:
            text = str(getattr(error, "message", error))
            what = f"没有这个命令：{text.split(chr(39))[1]}" if text.startswith("No such command") else text
    return f"{what}\n用法见：{path} --help"


def _translated(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.help = _HELP
    return option
