"""`zuozhen form`: the official forms of the district, filled from cases or empty, as .docx or .xlsx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.chinese import Command
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, JsonOption, with_stores
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from notifier.form_sheets import form_sheet
from notifier.form_values import BOX, cleaned, values_of
from notifier.forms import form_paper
from rules.packfiles import meant
from rules.rulebook import RuleBook
from store.errors import UsageError
from store.model.case import Case
from store.model.form import FORM_FIELDS, Form
from store.trouble import reason

_ENDINGS = (".docx", ".xlsx")


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the command to the command line."""
    app.command(name, cls=Command, short_help=summary)(form)


def form(
    name: Annotated[str, typer.Argument(metavar="表格", help="哪张表，如 附件2；不写就列出本区有哪些表", show_default=False)] = "",
    cases: Annotated[list[str] | None, typer.Argument(metavar="件号", help="填哪一件；清单可以写几件", show_default=False)] = None,
    to: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="文件", help="写到哪个文件，以 .docx 或 .xlsx 结尾；已有的文件不覆盖")
    ] = None,
    fill: Annotated[
        list[str] | None, typer.Option("--fill", metavar="栏目=内容", help="件里没有的内容，如 坐诊日期=2024年10月28日；可以写几次")
    ] = None,
    district: Annotated[str, typer.Option("--district", metavar="区", help="哪个区的；写了件号或只有一个区时不用写")] = "",
    xlsx: Annotated[bool, typer.Option("--xlsx", help="没有写 -o 时，做成 .xlsx 而不是 .docx")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="空白表")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """官方表格，从件里填好或空白。表上的栏目、顺序、文字照规则包 forms/ 里写的；企业意见等由企业自己写的栏目不替它填。

    例：zuozhen form

    例：zuozhen form 附件4 CG-2024-00001 --fill 坐诊日期=2024年10月28日 --fill 坐诊领导=王芳

    例：zuozhen form 附件3 CG-2024-00001 CG-2024-00002 -o 清单.xlsx

    例：zuozhen form 附件2 --empty -o 空表.docx
    """
    given = _given(fill or [])

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        found = [await stores.cases.get(key) for key in dict.fromkeys(cases or [])]
        book = _book(district, found, districts)
        if not name:
            _show(book, json_=json_)
            return
        chosen = _chosen(name, book)
        _fits(chosen, found, empty=empty, is_given=bool(given))
        entries = [{**values_of(case, book.district), **given} for case in found]
        path = to or Path("-".join([chosen.name, *([found[0].number] if found else [])]) + (".xlsx" if xlsx else ".docx"))
        _write(path, chosen, entries, {**_shared(entries), **given})
        if json_:
            as_json({"form": chosen.name, "file": str(path), "cases": [case.number for case in found]})
        else:
            done(f"已写出 {path}")

    with_stores(config, work)


def _given(texts: Sequence[str]) -> dict[str, str]:
    """Return what the caller fills in, by field."""
    given = {}
    known = [field for field in FORM_FIELDS if not field.startswith(BOX)]
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals or field not in known:
            raise UsageError(f"--fill “{text}”不对：应写成 栏目=内容；{meant(field, known)}")
        given[field] = cleaned(field, value)
    return given


def _book(wanted: str, cases: Sequence[Case], districts: Mapping[str, DistrictFiles]) -> RuleBook:
    of = {case.district for case in cases} | ({wanted} if wanted else set())
    if len(of) > 1:
        raise UsageError(f"这几件不是同一个区的（{'、'.join(sorted(of))}），请分开做")
    which = next(iter(of), "") or (next(iter(districts)) if len(districts) == 1 else "")
    if which not in districts:
        said = f"配置里没有 {which}" if which else f"配置里有 {len(districts)} 个区，请用 --district 写明哪一个"
        raise UsageError(f"{said}；有：{'、'.join(districts)}")
    return districts[which].rulebook


def _show(book: RuleBook, *, json_: bool) -> None:
    rows = [(one.name, one.title.replace("\n", ""), one.about) for one in book.forms.values()]
    if json_:
        as_json([dict(zip(("name", "title", "about"), row, strict=True)) for row in rows])
    else:
        table(("表格", "名称", "谁填"), rows, empty=f"{book.district.name}的规则包里没有表格（forms/）")


def _chosen(name: str, book: RuleBook) -> Form:
    if name not in book.forms:
        remedy = meant(name, book.forms) or "在规则包的 forms/ 里加上，写法见 docs/表格.md"
        raise UsageError(f"{book.district.name}没有表格“{name}”；{remedy}")
    return book.forms[name]


def _fits(chosen: Form, cases: Sequence[Case], *, empty: bool, is_given: bool) -> None:
    """Raise UsageError where *chosen* cannot be made of *cases*."""
    if empty and cases:
        raise UsageError("--empty 是空白表，不写件号")
    if not cases and not empty and not is_given and not chosen.fixed:
        raise UsageError("请写填哪一件，如 CG-2024-00001；要空白表，加 --empty")
    if chosen.rows and len(cases) > 1:
        raise UsageError(f"{chosen.name}一张填一件，请一件一件做；{len(cases)} 件一起列的是清单")


def _shared(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what all entries say alike: it may stand in the head of a list."""
    return {field: value for field, value in (entries[0].items() if entries else ()) if all(one.get(field) == value for one in entries)}


def _write(path: Path, chosen: Form, entries: Sequence[Mapping[str, str]], head: Mapping[str, str]) -> None:
    if path.suffix not in _ENDINGS:
        raise UsageError(f"文件名要以 .docx 或 .xlsx 结尾，不是“{path.name}”")
    make = form_sheet if path.suffix == ".xlsx" else form_paper
    try:
        with path.open("xb") as file:
            file.write(make(chosen, entries, head))
    except FileExistsError:
        raise UsageError(f"{path} 已经有了，没有覆盖；请用 -o 换一个文件名") from None
    except OSError as error:
        raise UsageError(f"写不了 {path}：{reason(error)}；请用 -o 换一个地方") from None
