"""The zuozhen command: finds the asked command's module, runs it, and tells errors in Chinese with the next step.

Only the module of the asked command is loaded: the others cost a second of imports that `zuozhen --help` need not pay.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper

import typer

from daemon.cli.chinese import Command, group
from daemon.cli.chinese import explain as in_chinese
from daemon.cli.output import failed
from store.errors import TemporaryError, ZuozhenError

_SUMMARY = "坐诊接诉：接收企业来件，按规则判断受理与承办部门，登记、交办、告知、计时。"
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("daemon.cli.demo", "用样例来件演示全过程。"),
    "drill": ("daemon.cli.drill", "演练：几个月的来件和办理几十秒走完，看哪天给谁发了什么。"),
    "init": ("daemon.cli.init", "新建一个实例目录。"),
    "check": ("daemon.cli.check", "检查配置、部门邮箱和规则包，一次列出全部问题。"),
    "run": ("daemon.cli.run", "运行服务。"),
    "case": ("daemon.cli.case", "看件，确认、改判、改派、备注。"),
    "survey": ("daemon.cli.survey", "征询企业：评价部门、对政策提意见，发出、计数。"),
    "session": ("daemon.cli.session", "坐诊场次：谁挂了号、叫号、取消。"),
    "activity": ("daemon.cli.activity", "场次、活动和定期报送：登记、收到、查看。"),
    "schedule": ("daemon.cli.schedule", "日程：哪天有什么场次、活动、报送，谁办，到了哪一步；导出日历文件。"),
    "review": ("daemon.cli.review", "看哪些件等人审核。"),
    "report": ("daemon.cli.report", "月度、季度、年度报告：.docx 上报，.xlsx 逐件核对。"),
    "form": ("daemon.cli.form", "官方表格：附件1 至 附件6，从件里填好或空白，.docx 或 .xlsx。"),
    "problems": ("daemon.cli.problems", "类题：几家企业反映的同样问题，立题、牵头、办结。"),
    "mail": ("daemon.cli.mail", "看一封邮件的全部经过。"),
    "outbox": ("daemon.cli.outbox", "看待发、已发和被拒的邮件。"),
    "quarantine": ("daemon.cli.quarantine", "看读不出来的来件，取出原文，再试一次。"),
    "register": ("daemon.cli.register", "登记到窗口来的、来信反映的诉求，打印登记回执。"),
    "platforms": ("daemon.cli.platforms", "12345 等其他平台的记录：试读文件、录入、查看。"),
    "reconcile": ("daemon.cli.reconcile", "对账：邮箱里的每一封是否都在账上。"),
    "doctor": ("daemon.cli.doctor", "体检：邮箱、发信、数据库、日历、证书、时钟，哪里不对、怎么办。"),
    "calendar": ("daemon.cli.calendar", "查工作日和依据，推算期限，导入国务院放假通知。"),
    "decide": ("daemon.cli.decide", "不入库，只看规则对一封来件会怎么判断、为什么。"),
    "explain": ("daemon.cli.explain", "说明一件为什么这样判断：原话、条款、规则，现在会不会不一样。"),
    "db": ("daemon.cli.database", "看数据库，建表和升级。"),
    "backup": ("daemon.cli.database", "备份全部内容，服务照常运行。"),
    "restore": ("daemon.cli.database", "恢复一份备份。"),
    "rules": ("daemon.cli.rules", "检查、试、比较、演练规则，测量准确率。"),
}
_USAGE, _BUG, _TEMPORARY = 2, 70, 75  # EX_SOFTWARE and EX_TEMPFAIL of sysexits
_NOBODY_READS = 141  # as a program that SIGPIPE ended


def main() -> None:
    """Run the command line and exit with 0, 2 for a mistake of the caller or of a file, 70 for a bug, 75 for trouble that may pass."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese shows “?” rather than a traceback
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `zuozhen case list | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _NOBODY_READS
    sys.exit(code)


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        result = build(words)(list(words), prog_name="zuozhen", standalone_mode=False)
    except TemporaryError as error:
        failed(f"{error}\n稍后再试；如一直如此，请检查数据库与磁盘。")
        return _TEMPORARY
    except ZuozhenError as error:
        failed(str(error))
        return _USAGE
    except typer.TyperException as error:
        failed(in_chinese(error))
        return _USAGE
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a bug: told like those of the service, without the words of a message
        from daemon.logs import story  # noqa: PLC0415 - nobody else here needs it

        failed("\n".join(["程序内部错误，请把以下各行交给维护人员：", *story(error)]))
        return _BUG
    return result if isinstance(result, int) else 0


def build(words: Sequence[str]) -> typer.Typer:
    """Return the command line in which the command asked for is real and the others stand with their summaries only."""
    app = group(_SUMMARY)
    asked = next((word for word in words if not word.startswith("-")), "")
    for name, (module, summary) in _COMMANDS.items():
        if name == asked:
            import_module(module).add_to(app, name, summary)
        else:
            app.command(name, help=summary, cls=Command)(_elsewhere)
    return app


def _elsewhere() -> None:
    """Stand for a command whose module is not loaded; `build` never routes here."""
    raise AssertionError
