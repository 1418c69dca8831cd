"""`zuozhen survey`: enterprises are asked by mail, and what they answer is counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import show
from daemon.cli.activity import By
from daemon.cli.chinese import Command, group
from daemon.cli.output import as_json, done, table
from daemon.cli.place import ConfigOption, DistrictOption, JsonOption, chosen_district, with_stores
from daemon.districts import DistrictFiles
from daemon.stores import Stores
from daemon.surveys import Order, send
from daemon.wiring import open_desk, utc_now
from rules.packfiles import meant
from rules.rulebook import RuleBook
from rules.surveys import Survey
from store.errors import UsageError
from store.model.survey import Asked, Sheet
from store.trouble import reason

Key = Annotated[str, typer.Argument(metavar="名称", help="这一次征询的名称，如 2024年民营企业评价")]
_ADDRESS = re.compile(r"[^\s,，@]+@[^\s,，@]+")
_MOST_BYTES, _LONGEST = 4 << 20, 60


def add_to(app: typer.Typer, name: str, summary: str) -> None:
    """Add the group to the command line."""
    surveys = group(summary)
    for command in (list_, send_, show_):
        surveys.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(surveys, name=name)


def list_(config: ConfigOption = None, district: DistrictOption = None, json_: JsonOption = False) -> None:
    """列出本区规则包里有哪些征询：问什么、怎样评、几天内回复。

    例：zuozhen survey list
    """

    async def work(_: Stores, districts: dict[str, DistrictFiles]) -> None:
        book = districts[chosen_district(districts, district)].rulebook
        found = book.settings.surveys.values()
        if json_:
            as_json([{"name": one.name, "of": one.of, "asks": list(one.asks), "scale": list(one.scale), "days": one.days} for one in found])
            return
        rows = [
            (one.name, "、".join(one.asks) or "（自由填写）", "、".join(one.scale) if one.asks else "", f"{one.days}天") for one in found
        ]
        table(("征询", "问什么", "怎样评", "几天内"), rows, empty=f"{book.district.name}的规则包里没有征询（pack.yaml 的 surveys）")

    with_stores(config, work)


def send_(
    key: Key,
    by: By,
    survey: Annotated[str, typer.Option("--of", metavar="征询", help="规则包里的哪一种；只有一种时不用写")] = "",
    sample: Annotated[int, typer.Option("--sample", min=0, max=5000, help="从近一年用邮件反映过诉求的企业里抽几家")] = 0,
    to: Annotated[Path | None, typer.Option("--to", metavar="文件", help="只问这些：每行 邮箱,企业名称,部门代号，后两项可以不写")] = None,
    title: Annotated[str, typer.Option("--title", metavar="标题", help="信里怎样称呼，如 《某某办法》（征求意见稿）")] = "",
    words: Annotated[Path | None, typer.Option("--words", metavar="文件", help="写在信里的话（UTF-8 文本），如征求意见的要点")] = None,
    config: ConfigOption = None,
    district: DistrictOption = None,
) -> None:
    """给企业发征询的邮件；问过的不再问，可以重复执行。抽样按名称和邮箱的摘要，同一名称每次抽到的相同。

    例：zuozhen survey send 2024年民营企业评价 --sample 100 --by 王芳

    例：zuozhen survey send 某某办法征求意见 --of 政策征求意见 --title 《某某办法》（征求意见稿） --words 要点.txt --to 商会企业.csv --by 王芳
    """
    if not sample and to is None:
        raise UsageError("请写明问谁：--sample 家数，或 --to 文件")
    if not key.strip() or len(key) > _LONGEST or not key.isprintable() or len(title) > _LONGEST:
        raise UsageError(f"名称、标题写在一行里，不超过 {_LONGEST} 字")
    said = _read(words) if words else ""

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        files = districts[chosen_district(districts, district)]
        order = Order(
            key=key.strip(),
            survey=_chosen(survey, files.rulebook),
            by=by,
            title=title,
            words=said,
            sample=sample,
            to=_listed(to, files.rulebook) if to else (),
        )
        subject, asked = await send(order, open_desk(files), stores.surveys, stores.subjects, utc_now())
        done(f"“{subject.key}”：这次写给 {asked} 家，请在 {subject.day} 前回复；用 zuozhen survey show {subject.key} 看答复")

    with_stores(config, work)


def show_(
    key: Key,
    config: ConfigOption = None,
    district: DistrictOption = None,
    remarks: Annotated[bool, typer.Option("--remarks", help="列出意见建议")] = False,
    json_: JsonOption = False,
) -> None:
    """看一次征询：问了几家、答了几家，各项各几家，各部门的评价。

    例：zuozhen survey show 2024年民营企业评价 --remarks
    """

    async def work(stores: Stores, districts: dict[str, DistrictFiles]) -> None:
        book = districts[chosen_district(districts, district)].rulebook
        subject = await stores.subjects.get(book.district.id, key)
        sheets = await stores.surveys.sheets(subject.id)
        if not sheets:
            raise UsageError(f"“{key}”没有发出过征询；用 zuozhen survey send 发")
        survey = book.settings.surveys.get(sheets[0].survey) or Survey(name=sheets[0].survey, of=subject.of)
        if json_:
            as_json({"key": subject.key, "until": subject.day.isoformat(), **counted(sheets, survey), "remarks": _remarks(sheets)})
            return
        answered = sum(sheet.answered_at is not None for sheet in sheets)
        done(f"{subject.key}　{survey.name}　截至 {subject.day}　问 {len(sheets)} 家，答 {answered} 家（{answered / len(sheets):.0%}）")
        if survey.asks:
            table(("问什么", *survey.scale, "未答"), [*_rows(sheets, survey)], empty="")
            done("")
            table(("部门", "答", *survey.scale), [*_by_department(sheets, survey, book)], empty="还没有答复。")
        for one in _remarks(sheets) if remarks or not survey.asks else ():
            done(f"\n{one['enterprise'] or one['recipient']}（A-{one['arrival']}）：{one['remarks']}")

    with_stores(config, work)


def counted(sheets: Sequence[Sheet], survey: Survey) -> dict[str, object]:
    """Return the numbers of a survey: how many were asked and have answered, and how often each mark was given, in all and by department."""
    answered = [sheet for sheet in sheets if sheet.answered_at is not None]
    departments = {sheet.asked.department for sheet in answered}
    return {
        "asked": len(sheets),
        "answered": len(answered),
        "marks": {ask: _marks(answered, ask, survey) for ask in survey.asks},
        "departments": {
            id_: {ask: _marks([one for one in answered if one.asked.department == id_], ask, survey) for ask in survey.asks}
            for id_ in sorted(departments)
        },
    }


def _marks(sheets: Sequence[Sheet], ask: str, survey: Survey) -> dict[str, int]:
    given = Counter(sheet.marks.get(ask, "") for sheet in sheets)
    return {mark: given[mark] for mark in survey.scale}


def _rows(sheets: Sequence[Sheet], survey: Survey) -> list[tuple[str, ...]]:
    rows = []
    for ask in survey.asks:
        marks = _marks(sheets, ask, survey)
        rows.append((ask, *map(str, marks.values()), str(len(sheets) - sum(marks.values()))))
    return rows


def _by_department(sheets: Sequence[Sheet], survey: Survey, book: RuleBook) -> list[tuple[str, ...]]:
    rows = []
    for id_ in sorted({sheet.asked.department for sheet in sheets if sheet.answered_at}):
        mine = [sheet for sheet in sheets if sheet.asked.department == id_ and sheet.answered_at]
        given = Counter(mark for sheet in mine for mark in sheet.marks.values())
        name = show.department_name(id_, book.district) if id_ else "（未指明部门）"
        rows.append((name, str(len(mine)), *(str(given[mark]) for mark in survey.scale)))
    return rows


def _remarks(sheets: Sequence[Sheet]) -> list[Mapping[str, object]]:
    return [
        {"enterprise": one.asked.enterprise, "recipient": one.asked.recipient, "arrival": one.arrival_id, "remarks": one.remarks}
        for one in sheets
        if one.remarks
    ]


def _chosen(name: str, book: RuleBook) -> Survey:
    known = book.settings.surveys
    if not name and len(known) == 1:
        return next(iter(known.values()))
    if name not in known:
        said = f"没有名为“{name}”的征询" if name else "请用 --of 写明是哪一种征询"
        raise UsageError(f"{said}；有：{'、'.join(known) or '（无，在规则包 pack.yaml 的 surveys 里写）'}")
    return known[name]


def _listed(path: Path, book: RuleBook) -> list[Asked]:
    """Read whom to ask, each line an address, a name, a department's id. Raises UsageError with the line that is wrong."""
    found = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        parts = [part.strip() for part in re.split("[,，]", line)]
        if not any(parts):
            continue
        address, name, department = (*parts, "", "")[:3]
        if not _ADDRESS.fullmatch(address):
            raise UsageError(f"{path} 第 {number} 行：“{address[:_LONGEST]}”不是邮箱地址")
        if department and department not in book.district.departments:
            raise UsageError(
                f"{path} 第 {number} 行：没有代号为 {department[:_LONGEST]} 的部门；{meant(department, book.district.departments)}"
            )
        found.append(Asked(recipient=address, enterprise=name[:_LONGEST], department=department))
    return found


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"打不开 {path}：{reason(error)}") from error
    if len(raw) > _MOST_BYTES:
        raise UsageError(f"{path} 超过 4 MB，请分成几份")
    try:
        return raw.decode("utf-8-sig")
    except ValueError as error:
        raise UsageError(f"{path} 不是 UTF-8 文本，请另存为 UTF-8") from error
