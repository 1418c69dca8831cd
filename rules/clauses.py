"""How a condition reads in Chinese: the only module that turns conditions into words."""

from __future__ import annotations

from rules.language import (
    DEFAULT_PLACES,
    CandidateIs,
    ChannelIs,
    Concluded,
    Condition,
    FieldIs,
    FieldLength,
    Group,
    LetterIs,
    Mention,
    ReceivedIs,
    SenderIs,
)

_PLACE_NAMES = {"title": "标题", "content": "正文", "caller": "来电人的话", "attachment": "附件", "sender": "发件人名称"}
_FIELD_NAMES = {
    "name": "企业名称",
    "uscc": "统一社会信用代码",
    "address": "地址",
    "contact": "联系人",
    "phone": "电话",
    "title": "标题",
    "content": "诉求内容",
}
_STATE_NAMES = {"present": "有{}", "missing": "缺{}", "valid": "{}有效", "invalid": "{}无效"}
_CHANNEL_NAMES = {"mail": "邮件", "letter": "信函", "window": "窗口", "hotline": "电话", "fax": "传真", "platform": "其他平台"}
_AUTHENTICATION_NAMES = {"confirmed": "属实", "refuted": "不符"}
_AUTOMATIC_NAMES = {"auto-reply": "自动回复", "bounce": "退信", "list": "群发邮件", "own": "本系统发出的邮件"}
ENTERPRISE_NAMES = {
    "same": "同一企业",
    "likely": "很可能是同一企业",
    "sounds": "企业名称读音或简称相同",
    "unknown": "看不出是否同一企业",
    "other": "不是同一企业",
}
DETAIL_NAMES = {"shared": "编号、金额或地点有相同的", "none": "编号、金额、地点无从比较", "differ": "编号、金额都不相同"}
ORIGIN_NAMES = {"ours": "直接向本区反映的", "platform": "由其他平台转来的"}
STATUS_NAMES = {"accepted": "已受理", "pending": "待审核", "refused": "未受理", "closed": "已办结"}
KEY_NAMES = {
    "thread": "邮件往来",
    "number": "登记编号",
    "uscc": "信用代码",
    "document": "文书或合同编号",
    "phone": "电话",
    "name": "企业名称",
    "masked": "电话（打码后）",
    "sound": "企业名称读音",
    "text": "少见的用语",
    "amount": "金额",
    "sender": "发件地址",
    "contact": "联系人姓名",
    "place": "项目或地点",
}
_VERDICT_NAMES = {"accept": "受理", "refuse": "不予受理", "supplement": "补正"}
_JOINTS = {"all": "，且", "any": "，或", "none": "，或"}


def describe(condition: Condition) -> str:
    """Return *condition* as a Chinese clause without a full stop."""
    return _clause(condition, within="")


def _clause(condition: Condition, *, within: str) -> str:
    """Return *condition* as a part of a group of the kind *within*, "" where it stands alone."""
    match condition:
        case Group():
            return _group(condition, within)
        case Mention():
            return _mention(condition)
        case CandidateIs():
            return _candidate(condition)
        case Concluded():
            return f"已认定“{condition.name}”"
    return _anchor(condition)


def _group(group: Group, within: str) -> str:
    """Return a group, in brackets only where it would be read otherwise without."""
    inner = _JOINTS[group.kind].join(_clause(part, within=group.kind) for part in group.conditions)
    is_clear = len(group.conditions) == 1 or (group.kind != "none" and within in {"", group.kind})
    whole = inner if is_clear else f"（{inner}）"
    return f"没有{whole}" if group.kind == "none" else whole


def _anchor(leaf: FieldIs | FieldLength | ChannelIs | LetterIs | SenderIs | ReceivedIs) -> str:
    match leaf:
        case FieldIs():
            return _STATE_NAMES[leaf.state].format(_FIELD_NAMES[leaf.field])
        case FieldLength():
            bound = f"少于 {leaf.shorter_than}" if leaf.shorter_than is not None else f"多于 {leaf.longer_than}"
            return f"{_FIELD_NAMES[leaf.field]}{bound} 字"
        case ChannelIs():
            return f"来自{'或'.join(_CHANNEL_NAMES[name] for name in leaf.channels)}"
        case LetterIs():
            names = _AUTOMATIC_NAMES if leaf.about == "automatic" else _AUTHENTICATION_NAMES
            words = "、".join(names[kind] for kind in leaf.kinds)
            return f"是自动邮件（{words}）" if leaf.about == "automatic" else f"收信服务器检验发件人：{words}"
        case SenderIs():
            return f"发自 {'、'.join(leaf.senders)}"
        case ReceivedIs():
            return f"{_day(leaf.since)} 起收到" if leaf.since is not None else f"{_day(leaf.until or 0)} 及以前收到"


def _day(day: int) -> str:
    return f"{day // 10_000}-{day // 100 % 100:02d}-{day % 100:02d}"


def _mention(leaf: Mention) -> str:
    verb = {"no": "提到", "yes": "否定地提到", "any": "不论否定地提到"}[leaf.scope.negated]
    spoken = leaf.scope.places  # the caller's words are the content of a transcript
    places = "、".join(_PLACE_NAMES[place] for place in spoken if place != "caller" or "content" not in spoken)
    text = f"{verb}“{leaf.words}”" if leaf.scope.places == DEFAULT_PLACES else f"在{places}里{verb}“{leaf.words}”"
    if leaf.at_least > 1:
        return f"{text}中至少 {leaf.at_least} 个不同的词"
    if leaf.near is not None:
        return f"{text}，{leaf.within} 字以内有“{leaf.near}”"
    return f"{text}，同句有“{leaf.same_sentence}”" if leaf.same_sentence is not None else text


def _candidate(leaf: CandidateIs) -> str:
    parts = ["其他平台有记录" if leaf.elsewhere else "有以前的事项"]
    if leaf.origins:
        parts.append("或".join(ORIGIN_NAMES[name] for name in leaf.origins))
    if leaf.enterprises:
        parts.append("或".join(ENTERPRISE_NAMES[name] for name in leaf.enterprises))
    if leaf.same:
        parts.append(f"{'或'.join(KEY_NAMES[key] for key in leaf.same)}相同")
    if leaf.likeness_at_least is not None:
        parts.append(f"内容相似度不低于 {leaf.likeness_at_least:g}")
    if leaf.within_days is not None:
        parts.append(f"在 {leaf.within_days} 天以内")
    if leaf.details:
        parts.append("或".join(DETAIL_NAMES[name] for name in leaf.details))
    if leaf.verdicts:
        parts.append(f"结论是{'或'.join(_VERDICT_NAMES[name] for name in leaf.verdicts)}")
    if leaf.statuses:
        parts.append(f"在那里{'或'.join(STATUS_NAMES[name] for name in leaf.statuses)}")
    return "，".join(parts)
