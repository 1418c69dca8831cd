"""How the fields of settings and directories are called in Chinese, and those of their values that are words of the files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from rules.deadline_kinds import RANK_WORDS, Kind, Rung
from rules.deadlines import VerificationRule
from rules.office import OfficeHours
from rules.settings import Casework, Routing
from store.model.district import Department, Ground

TITLES: Mapping[type, Mapping[str, str]] = {
    Department: {"id": "代号", "name": "名称", "duty": "职责", "aliases": "别名"},
    Ground: {"number": "序号", "article": "条款", "text": "原文", "advice": "指引"},
    Routing: {"margin": "领先分量", "accompany_share": "陪诊比例"},
    Casework: {
        "returns": "退回次数",
        "pass_on_directly": "首次退回直接转送",
        "extension_cap": "延期上限（工作日）",
        "copies": "抄报的事",
        "oversight": "抄报单位",
        "promise_cap": "承诺上限（工作日）",
        "order_days": "重新办理的限期（工作日）",
    },
    OfficeHours: {"opens": "上班", "closes": "下班", "pause": "午休", "shift_after_hours": "下班后收到的算下一工作日"},
    VerificationRule: {
        "working_days": "工作日数",
        "start": "起算",
        "booking_window_working_days": "挂号期（工作日）",
        "booking_opens_at": "挂号开始（点）",
        "booking_closes_at": "挂号截止（点）",
        "label": "名称",
        "basis": "依据",
    },
    Kind: {
        "id": "代号",
        "label": "名称",
        "basis": "依据",
        "since": "从哪件事起",
        "start": "起算",
        "days": "天数",
        "unit": "按什么日子算",
        "before": "倒数",
        "of": "哪些活动",
        "every": "周期",
        "day": "第几天",
        "owed_by": "哪些部门",
        "counts": "哪些活动算办到",
        "times": "每期几天",
        "words": "来信里的叫法",
        "covers": "报告要写到的",
        "roll_forward": "遇休息日顺延",
        "owes": "谁欠",
        "until": "到哪件事止",
        "pauses": "可以暂停",
        "urgent": "加急",
        "remind": "提前几天提醒",
        "remind_share": "时间过去百分之几时提醒",
        "remind_at": "几点提醒",
        "ladder": "逾期催办",
        "repeat_every": "此后每隔几天再催",
        "repeat_cap": "最多再催几次",
    },
}
TITLES_OF_DISTRICT = {
    "name": "区名",
    "programme": "工作名称",
    "document": "文件号",
    "coordinator": "统筹部门",
    "case_number": "编号格式",
    "timezone": "时区",
}

_WORDS: Mapping[str, Mapping[str, str]] = {
    "start": {"booking_close": "挂号截止", "received": "收到之日", "event": "事情发生", "opened": "登记"},
    "unit": {"working": "工作日", "calendar": "自然日", "hours": "小时", "office_hours": "办公小时"},
    "every": {"half_month": "每半月", "month": "每月", "quarter": "每季度", "half_year": "每半年", "year": "每年"},
    "owes": {"department": "承办部门", "coordinator": "统筹部门", "enterprise": "企业"},
    "days": {"promised_days": "承诺的天数", "limit_days": "限期的天数", "case_due": "初步对接核实的日子"},
}


def in_words(field: str, value: object) -> str:
    """Return the value of a field as a clerk reads it."""
    match value:
        case Rung():
            return f"逾期 {value.after} 个工作日给{RANK_WORDS[value.to]}{'（抄报）' if value.copies else ''}"
        case bool():
            return "是" if value else "否"
        case float():
            return f"{value:g}"
        case time():
            return f"{value:%H:%M}"
        case tuple():
            return "、".join(in_words(field, each) for each in value) or "无"
    return _WORDS.get(field, {}).get(str(value), str(value)) or "无"
