"""The files under forms/ of a pack: the official forms of the district, one file a form, named as people call it.

title: 昆明市呈贡区“…”企业预约“挂号”信息表     # 附件2.yaml
about: 企业填写
rows:                                        # label and content side by side …
  - {label: 企业名称, text: "{企业名称}"}
  - - {label: 反映诉求企业联系人, text: "{企业联系人}"}
    - {label: 联系电话, text: "{企业电话}"}
  - {label: 诉求内容, text: "{诉求内容}", hint: 请填写…, vertical: true, lines: 14}
columns:                                     # … or a list, one line an entry
  - {label: 序号, text: "{序号}", width: 1}
fixed: [[甲, 乙]]                             # what the document itself prints in the list
head: "“坐诊”部门：{部门}"
note: 填表说明：…
note_first: true
annex: false                                 # the name is not printed above the title
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

from rules.packfiles import Items, Node, Reader
from store.model.form import FORM_FIELDS, Form, FormCell, FormColumn, FormRow

_KEYS = ("title", "about", "rows", "columns", "fixed", "head", "note", "note_first", "annex")
_CELL_KEYS = ("label", "text", "hint", "vertical", "lines")
_COLUMN_KEYS = ("label", "text", "width")
_NAME = re.compile(r"[\w（）()]{1,30}")
_FIELD = re.compile(r"\{([^{}]*)\}")
_LONG, _LINES, _WIDTH, _PAIRS = 2000, 30, 20, 3


def read_forms(roots: Mapping[str, Node], reader: Reader) -> dict[str, Form]:
    """Return the forms by name, *roots* being the files by name without folder and ending."""
    found = {}
    for name, root in roots.items():
        if not _NAME.fullmatch(name):
            reader.problems.add(root, f"“{name}”不能作表格的名称", "文件名只用汉字、字母和数字，如 附件2.yaml")
        elif (form := _form(name, root, reader)) is not None:
            found[name] = form
    return found


def _form(name: str, root: Node, reader: Reader) -> Form | None:
    entries = reader.table(root, _KEYS, ("title", "about"))
    if ("rows" in entries) == ("columns" in entries):
        reader.problems.add(root, "rows（逐栏填写）和 columns（一行一件的清单）要写一个，只写一个", "看自带的 附件2.yaml 和 附件3.yaml")
        return None
    columns = tuple(_column(node, reader) for node in reader.items(entries["columns"], what="列")) if "columns" in entries else ()

    def text(key: str) -> str:
        return _text(entries[key], reader) if key in entries else ""

    return Form(
        name=name,
        title=text("title"),
        about=text("about"),
        rows=tuple(_row(node, reader) for node in reader.items(entries["rows"], what="栏")) if "rows" in entries else (),
        columns=columns,
        fixed=_fixed(entries["fixed"], len(columns), reader) if "fixed" in entries else (),
        head=text("head"),
        note=text("note"),
        note_first="note_first" in entries and bool(reader.flag(entries["note_first"])),
        annex="annex" not in entries or bool(reader.flag(entries["annex"])),
    )


def _row(node: Node, reader: Reader) -> FormRow:
    nodes = reader.items(node, what="并排的栏") if isinstance(node, Items) else (node,)
    if len(nodes) > _PAIRS:
        reader.problems.add(node, f"一行并排 {len(nodes)} 栏，纸上放不下", f"一行至多 {_PAIRS} 栏")
    tables = [reader.table(one, _CELL_KEYS, ("label",)) for one in nodes]
    counts = [reader.integer(table["lines"], 1, _LINES) for table in tables if "lines" in table]
    return FormRow(cells=tuple(_cell(table, reader) for table in tables), lines=max(chain((count or 1 for count in counts), (1,))))


def _cell(table: Mapping[str, Node], reader: Reader) -> FormCell:
    def text(key: str) -> str:
        return _text(table[key], reader) if key in table else ""

    vertical = "vertical" in table and bool(reader.flag(table["vertical"]))
    return FormCell(label=text("label"), text=text("text"), hint=text("hint"), vertical=vertical)


def _column(node: Node, reader: Reader) -> FormColumn:
    table = reader.table(node, _COLUMN_KEYS, ("label",))
    return FormColumn(
        label=_text(table["label"], reader) if "label" in table else "",
        text=_text(table["text"], reader) if "text" in table else "",
        width=(reader.integer(table["width"], 1, _WIDTH) or 1) if "width" in table else 1,
    )


def _fixed(node: Node, columns: int, reader: Reader) -> tuple[tuple[str, ...], ...]:
    lines = []
    for entry in reader.items(node, what="印好的行"):
        cells = reader.items(entry, what="格")
        if len(cells) != columns:
            reader.problems.add(entry, f"这一行有 {len(cells)} 格，表头有 {columns} 列", "每列写一格")
        lines.append(tuple(_text(cell, reader) for cell in cells))
    return tuple(lines)


def _text(node: Node, reader: Reader) -> str:
    """Return a text whose {field} are all known."""
    text = reader.text(node, longest=_LONG) or ""
    for field in _FIELD.findall(text):
        if field not in FORM_FIELDS:
            reader.problems.unknown(node, "表格内容", field, FORM_FIELDS)
    return text
