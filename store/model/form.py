"""An official form as a district's document prints it: labels, their order and texts, whatever paper or sheet it is laid out on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FORM_FIELDS: Mapping[str, int] = {
    "企业名称": 0,
    "统一社会信用代码": 0,
    "所在地址": 0,
    "企业联系人": 0,
    "企业电话": 0,
    "诉求标题": 0,
    "诉求内容": 0,
    "件号": 0,
    "序号": 0,
    "备注": 0,
    "部门": 0,
    "坐诊领导": 0,
    "职务": 0,
    "部门联系人": 0,
    "部门电话": 0,
    "坐诊日期": 0,
    "受理年": 4,
    "受理月": 2,
    "受理日": 2,
    "限期": 2,
    "承诺时限": 2,
    "无法解决原因": 4,
    "不满意原因": 0,
    "意见建议": 0,
    "主题": 0,
    "年": 1,
    "期": 1,
    "挂号时间": 0,
    "坐诊时间": 0,
    "线上渠道": 0,
    "框已解决": 0,
    "框正在处理": 0,
    "框无法解决": 0,
}
"""What a form may ask for, and how many ideographic spaces are left for a pen where it is not known. 框… are boxes to tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormCell:
    """A label and what stands beside it: `text` with {field} in it; `hint` is printed where none of its fields is known."""

    label: str
    text: str = ""
    hint: str = ""
    vertical: bool = False  # the label's signs stand one under the other


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow:
    """Pairs of label and content side by side. `lines` is how many lines of writing the row has room for."""

    cells: tuple[FormCell, ...]
    lines: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FormColumn:
    """A column of a list: its heading, the text with {field} that each entry has there, and its share of the width."""

    label: str
    text: str = ""
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form: pairs (`rows`) or a list (`columns`), never both; `fixed` are the entries that the document itself prints in a list.

    `head` stands between title and table, `note` (填表说明, 备注) above the table with `note_first`, else below it.
    """

    name: str  # 附件2
    title: str
    about: str  # who fills it in, in a word for `zuozhen form`
    rows: tuple[FormRow, ...] = ()
    columns: tuple[FormColumn, ...] = ()
    fixed: tuple[tuple[str, ...], ...] = ()
    head: str = ""
    note: str = ""
    note_first: bool = False
    annex: bool = True  # whether its name stands above the title, as with the annexes of the document
