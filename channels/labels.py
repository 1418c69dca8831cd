"""The labels of form 附件2 and what people write in their stead: the only module that knows which words announce which field.

Reads labelled values from running text (企业名称：…, several on a line, table rows with tabs, a label broken into a column of single
characters) and names the field of a form's cell. Works on the shadow of a passage (`channels.passage`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_WORDS = {
    "name": """企业名称 企业全称 企业名 单位名称 单位全称 公司名称 公司全称 公司名 投诉企业 投诉单位 反映企业 反映单位 诉求企业 诉求单位 挂号企业 申报企业
        申请企业 申请单位 来信单位 来访单位 来访企业 报送单位 填报单位 填表单位 市场主体名称 经营主体名称 经营主体 市场主体 机构名称 学校名称 店铺名称 店名
        门店名称 商户名称 商户名 商号 字号 厂名 合作社名称 名称 企业 公司 单位 我方 我单位 委托人 委托单位 落款单位 商家名称 个体工商户名称""",
    "uscc": """统一社会信用代码 统一信用代码 社会信用代码 统一社会信用码 信用代码 信用代码证号 信用码 统一代码 企业代码 公司代码 机构代码 税号 企业税号
        公司税号 纳税人识别号 纳税识别号 营业执照代码 执照代码 营业执照号 营业执照号码 执照号 代码""",
    "address": """企业所在地址 企业所在地 所在地址 企业地址 公司地址 公司所在地 单位地址 经营地址 经营场所 营业场所 营业地址 生产地址 生产经营地址 注册地址
        住所 住所地 联系地址 通讯地址 通信地址 办公地址 办公地点 厂址 店址 店铺地址 门店地址 详细地址 所在地 所在位置 地址 地点""",
    "contact": """反映诉求企业联系人 企业联系人 诉求联系人 联系人姓名 联系人 联络人 公司联系人 单位联系人 业务联系人 我司联系人 我公司联系人 委托人联系人
        项目联系人 现场联系人 经办人员 经办人 经办 经手人 填表人 填报人 具体联系人 联系 反映人姓名 来访人姓名 姓名 法定代表人 法人代表 企业法人 法人 负责人
        企业负责人 公司负责人 主要负责人 单位负责人 委托代理人 代理人""",
    "phone": """联系电话 联系手机 联系人电话 联系人手机 联系方式 联系号码 手机号码 手机号 手机 电话号码 电话 移动电话 行动电话 固定电话 座机 办公电话 公司电话
        单位电话 企业电话 来电号码 Tel TEL tel Phone Mobile Mob 移动 T M""",
    "duo": """联系人及电话 联系人及联系电话 联系人及联系方式 联系人及手机 联系人和电话 联系人和联系电话 联系人与电话 联系人/电话 联系人/联系电话 联系人/手机
        联系人、电话 联系人、联系电话 联系人(电话) 姓名及电话 姓名/电话 姓名、电话 负责人及电话 联系人联系方式 联系人信息 企业联系人及电话 联系人姓名及电话
        联系人姓名、电话""",
    "party": """来访人 来访者 来访人员 来访 来人 来信人 写信人 来件人 来电人 反映人 诉求人 投诉人 举报人 申请人 陈情人 咨询人 发件 发件人 发函单位 署名 落款
        企业及联系人 挂号人 预约人 当事人""",
    "title": "诉求标题 标题 主题 事由 诉求事项 反映事项 投诉事项 申请事项 来访事由 反映主题 诉求名称 事项名称",
    "content": """诉求内容 诉求具体内容 具体诉求内容 具体内容 反映内容 投诉内容 主要诉求 具体诉求 诉求描述 问题描述 反映问题 反映的问题 反映问题及诉求 诉求及建议
        情况说明 内容 诉求 事项内容 主要内容 来访内容""",
    "clerk": """接待人 接待 接访人 接访 登记人 登记 记录人 记录 受理人 经办窗口 受理人员 接待人员 工作人员 接件人 录入人 录入 审核人 编号 登记编号 值班 值班人""",
    "aside": """日期 时间 填表日期 填报日期 邮箱 电子邮箱 电子邮件 电邮 E-mail Email email 邮编 邮政编码 传真 Fax 微信 微信号 QQ qq 职务 岗位 网址 官网 开户行 开户银行
        账号 账户 银行账号 户名""",
    "other": """来访时间 来访日期 登记时间 登记日期 反映时间 涉及部门 涉及相关部门 涉及单位 涉诉部门 责任部门 投诉对象 被投诉单位 被投诉人 被反映单位 被反映部门 附件 附 抄送 致
        收件 收件人 收 部门 备注 说明 注册资本 成立日期 经营范围 行业 所属行业 企业类型 企业规模 诉求类型 诉求类别 办理结果 序号 请求 诉求请求 证据 证明材料 答复 处理意见
        身份证号 身份证 性别 年龄 甲方 乙方 对方 供货商 建设单位 施工单位 开发商 出租方 承租方 坐诊部门 接诊主题 部门联系人 意向坐诊部门""",
}
# Everyday words: labels only where a colon or a tab says so.
_AMBIGUOUS = frozenset(
    """企业 公司 单位 名称 我方 我单位 联系 姓名 代码 内容 诉求 主题 标题 事由 时间 日期 收 附 致 说明 登记 接待 记录 地点 移动 T M 来访 来人 发件 请求 部门
    传真 微信 编号 主要诉求 委托人 字号 行业 答复 证据 备注 账户 账号 户名 职务 岗位 附件 值班 情况说明""".split()  # noqa: SIM905 - a list of words reads best as words
)
# A printed hint of the empty form is not what an enterprise says; nor is a dash or "none".
_HINT = re.compile(
    r"关于[*xX○〇_＿…. ]{2,12}(?:事项)?的?情况反映|请填写具体事项内容及涉及的相关部门[。;.]?|\(?(?:请填写|必填|选填|此处填写|请在此填写|盖章|公章|签字)[^\n]{0,20}\)?|"
    r"[-—_/\\*.·…~无空略]{1,10}|暂无|待定|同上|同微信|如上|保密|不便透露|不愿透露|匿名|详?见?附件|详?见(?:营业执照|表格)|没有|无此项|不详|未填|未提供|N/?A|none|null|\(空\)",
    re.IGNORECASE,
)
_FORM = frozenset({"name", "uscc", "address", "contact", "phone", "duo", "title"})
_MAX_MARKS = 600  # labels read in one text

_FIELD_OF = {word: field for field, words in _WORDS.items() for word in words.split()}
_BY_LENGTH = sorted(_FIELD_OF, key=len, reverse=True)
_AFTER_WORD = r"(?: ?\([^()\n]{0,16}\)| ?\*)?"
_SPACES = re.compile(r"\s+")


def _spaced(word: str) -> str:
    """Return a pattern that also finds *word* set wide (电  话) or as a column."""
    return ("[ \t\n]{0,4}" if not word.isascii() else "").join(map(re.escape, word))


_LABEL = re.compile(
    r"(?:^|(?<=[\s,;、。()\[|/·*\"“》】:>]))"
    r"(?:[(]?[0-9一二三四五六七八九十①-⑩]{1,2}[.、)): ]{1,2}|[*★●■◆▪•·-]\s?)?[【\[]?"
    rf"(?P<word>{'|'.join(map(_spaced, _BY_LENGTH))}){_AFTER_WORD}"
    r"(?P<gap>[ ]{0,6}[】\]]?[ ]{0,2}[:|][ \t]{0,8}|[】\]][ \t]{0,8}|[ ]{0,4}\t[ \t]{0,8}|[ ]{1,20}|(?=[ ]{0,4}$))",
    re.MULTILINE,
)
_CELL_LABEL = re.compile(rf"[*★●■◆0-9.、()一二三四五六七 ]{{0,4}}(?P<word>{'|'.join(map(re.escape, _BY_LENGTH))}){_AFTER_WORD}[:]?")
_Mark = tuple[str, int, int, bool]  # field, where the label begins, where the value may begin, is_strong


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled value: `field`, where the label begins, and the value's code points [start, end), outer spaces left out.

    `is_strong` is False where only a space parts label and value, or the label is an everyday word.
    """

    field: str
    label: int
    start: int
    end: int
    is_strong: bool


def labelled(plain: str) -> Iterator[Labelled]:
    """Yield the labels in *plain* with their values.

    A value ends at the next label of its line or with the line; a content value at the next line that begins with a label.
    """
    marks = list(islice((mark for match in _LABEL.finditer(plain) if (mark := _mark(match))), _MAX_MARKS))
    closings = _closings(plain, marks)
    for index, (field, label, at, is_strong) in enumerate(marks):
        following = marks[index + 1][1] if index + 1 < len(marks) else len(plain)
        start, end = (at, closings[index]) if field == "content" else _value(plain, at, following, field)
        first, last = _trim(plain, start, end, keeps_stop=field in {"content", "title"})
        if first < last and not is_hint(plain[first:last]):
            yield Labelled(field, label, first, last, is_strong)


def field_of_cell(text: str) -> str | None:
    """Return the field whose label is all that a cell of a form holds; None for any other cell."""
    match = _CELL_LABEL.fullmatch(_SPACES.sub("", text[:80])[:40])
    return _FIELD_OF[match["word"]] if match else None


def is_hint(text: str) -> bool:
    """Whether *text* is what the empty form has printed, or a sign for nothing."""
    return len(text) < 80 and _HINT.fullmatch(_SPACES.sub("", text)) is not None  # noqa: PLR2004 - no hint is longer


def _mark(match: re.Match[str]) -> _Mark | None:
    word = _SPACES.sub("", match["word"])
    gap = match["gap"].strip(" ")
    if word in _AMBIGUOUS and not gap:
        return None
    return _FIELD_OF[word], match.start(), match.end(), bool(gap) and word not in _AMBIGUOUS


def _value(plain: str, at: int, following: int, field: str) -> tuple[int, int]:
    """Return the place of a value of one line: behind the label, or where nothing stands there, in the next line."""
    end = min(following, _line_end(plain, at))
    if field == "contact" and (wide := plain.find("  ", at, end)) > at:  # behind a gap stands something else
        return at, wide
    if plain[at:end].strip() or following <= end:
        return at, end
    below = _next_line(plain, end)
    return below, min(following, _line_end(plain, below))


def _closings(plain: str, marks: list[_Mark]) -> list[int]:
    """For each mark where a content value at it would end: at the next line that begins with the label of a field, else with the text."""
    closings, closing = [len(plain)] * len(marks), len(plain)
    for index in range(len(marks) - 1, -1, -1):
        closings[index] = closing
        field, label, _, _ = marks[index]
        line_start = plain.rfind("\n", 0, label) + 1
        if field in _FORM and not plain[line_start:label].strip():
            closing = line_start
    return closings


def _line_end(plain: str, at: int) -> int:
    end = plain.find("\n", at)
    return end if end >= 0 else len(plain)


def _next_line(plain: str, end: int) -> int:
    """Start of the next line that holds something, if it comes at once."""
    below = min(end + 1, len(plain))
    return min(_line_end(plain, below) + 1, len(plain)) if not plain[below : _line_end(plain, below)].strip() else below


def _trim(plain: str, start: int, end: int, *, keeps_stop: bool) -> tuple[int, int]:
    """[start, end) without outer white space and the punctuation that parts it from the next label."""
    value = plain[start:end]
    kept = value.rstrip(" \t\n,、;|([【/" + "。" * (not keeps_stop))
    if kept.endswith(")") and "(" not in kept:  # the label stood inside the brackets
        kept = kept[:-1]
    lead = len(kept) - len(kept.lstrip(" \t\n:,、;|"))
    return start + lead, start + len(kept)
