"""What a case says for the fields of a form, and a text of a form with them in it: the only module that fills {field}."""

from __future__ import annotations

import re
from collections.abc import Mapping

from notifier.dates import local_date
from notifier.plain import excerpt, line
from store.model.case import Case
from store.model.district import District
from store.model.form import FORM_FIELDS, FormCell

BOX = "框"
_FIELD = re.compile(r"\{([^{}]*)\}")
_SHORT, _LONG = 200, 6000  # code points
_LONG_FIELDS = frozenset({"诉求内容", "不满意原因", "意见建议", "无法解决原因"})
_PEN = "\u3000"
_TICKED, _EMPTY = "☑", "□"  # never U+F0A3, which shows as a box in its own symbol font only
_RESULT_BOX = {"solved": "框已解决", "explained": "框无法解决", "against_policy": "框无法解决"}


def values_of(case: Case, district: District) -> dict[str, str]:
    """Return what *case* says, by field. What the enterprise is asked for (企业意见 …) is its own to write and never among them."""
    petition, progress = case.petition, case.progress
    found = {
        "企业名称": petition.name,
        "统一社会信用代码": petition.uscc,
        "所在地址": petition.address,
        "企业联系人": petition.contact,
        "企业电话": petition.phone,
    }
    department = district.departments.get(case.department or "")
    accepted = local_date(case.opened_at, district.timezone)
    values = {
        **{field: one.value for field, one in found.items() if one is not None},
        "诉求标题": petition.title,
        "诉求内容": petition.content,
        "件号": case.number,
        "部门": department.name if department else "",
        "受理年": str(accepted.year),
        "受理月": str(accepted.month),
        "受理日": str(accepted.day),
        "限期": str(progress.limit_days or ""),
        "承诺时限": str(progress.promised_days or ""),
    }
    if progress.result in _RESULT_BOX:
        values[_RESULT_BOX[progress.result]] = _TICKED
    elif progress.limit_days or progress.promised_days:
        values["框正在处理"] = _TICKED
    return {field: clean for field, value in values.items() if (clean := cleaned(field, value))}


def cleaned(field: str, value: str) -> str:
    """Return *value* fit to stand in a form: nothing hidden, no endless word, as long as a form bears."""
    if field not in _LONG_FIELDS:
        return line(value, _SHORT)
    part = excerpt(value, _LONG)
    return "\n".join(part.lines) + ("" if part.is_whole else "……（以登记的全文为准）")


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with what is known in its place: an empty box or room for a pen where it is not."""

    def one(match: re.Match[str]) -> str:
        field = match[1]
        blank = _EMPTY if field.startswith(BOX) else _PEN * FORM_FIELDS.get(field, 0)
        return values.get(field) or blank

    return _FIELD.sub(one, text)


def content_of(cell: FormCell, values: Mapping[str, str]) -> str:
    """Return what stands beside the label of *cell*."""
    is_unknown = not any(values.get(field) for field in _FIELD.findall(cell.text))
    return cell.hint if cell.hint and is_unknown else filled(cell.text, values)


def label_of(cell: FormCell) -> str:
    """Return the label as it is printed."""
    return "\n".join(cell.label) if cell.vertical else cell.label
