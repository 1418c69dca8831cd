"""How eight mail clients send a reply as text: what they put around the writer's words and the mail that he answers."""

from __future__ import annotations

from collections.abc import Callable

_US, _HIM = '"坐诊接诉" <zuozhen@district.example>', '"李明" <liming@gov.example>'
_SUBJECT = "【交办】企业诉求 CG-2024-00031"
_SIGNED = "\n\n呈贡区住房和城乡建设局  李明\n电话：0871-65010203\n"
_DISCLAIMER = "\n\n本邮件及其附件含有保密信息，仅限于发送给上面地址中列出的个人或群组。如果您错收了本邮件，请立即通知发件人并删除。\n"


def _quoted(mail: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in mail.split("\n"))


def _chinese_head(sender: str, sent: str, to: str, subject: str) -> str:
    return f"发件人{sender}{_US}\n{sent}2024年11月19日(星期二) 上午10:02\n{to}{_HIM}\n{subject}{_SUBJECT}\n\n"


def _qq(own: str, mail: str) -> str:
    head = _chinese_head(": ", "发送时间: ", "收件人: ", "主题: ")
    return f"{own}\n\n\n\n------------------&nbsp;原始邮件&nbsp;------------------\n{head}{mail}"


def _foxmail(own: str, mail: str) -> str:
    head = _chinese_head("： ", "发送时间： ", "收件人： ", "主题： ")
    return f"{own}\n\n\n________________________________\n\nliming@gov.example\n\n \n{head}{mail}"


def _netease(own: str, mail: str) -> str:
    return f"{own}{_SIGNED}\n\n\n\n在 2024-11-19 10:02:33，{_US} 写道：\n\n{_quoted(mail)}"


def _coremail(own: str, mail: str) -> str:
    head = "发件人:" + _US + "\n发送时间:2024-11-19 10:02:33 (星期二)\n收件人:" + _HIM + "\n抄送: \n主题: " + _SUBJECT + "\n\n"
    return f"{own}\n\n\n-----原始邮件-----\n{head}{mail}"


def _outlook(own: str, mail: str) -> str:
    head = _chinese_head(": ", "发送时间: ", "收件人: ", "主题: ")
    return f"{own}{_SIGNED}{_DISCLAIMER}\n________________________________\n{head}{mail}"


def _iphone(own: str, mail: str) -> str:
    return f"{own}\n\n发自我的iPhone\n\n> 在 2024年11月19日，10:02，坐诊接诉 <zuozhen@district.example> 写道：\n> \n{_quoted(mail)}"


def _wechat(own: str, mail: str) -> str:
    head = f"From: {_US}\nDate: Tue, Nov 19, 2024 10:02 AM\nTo: {_HIM};\nSubject: Re:{_SUBJECT}\n\n"
    return f"{own}\n\n\n---Original---\n{head}{mail}"


def _company(own: str, mail: str) -> str:
    head = f"From:  {_US};\nDate:  Tue, Nov 19, 2024 10:02 AM\nTo:  {_HIM};\n\nSubject:  {_SUBJECT}\n\n\n"
    return f"{own}{_SIGNED}\n\n------------------ Original ------------------\n{head}{mail}"


def _below(own: str, mail: str) -> str:
    return f"在 2024-11-19 10:02:33，{_US} 写道：\n\n{_quoted(mail)}\n\n{own}\n"


CLIENTS: dict[str, Callable[[str, str], str]] = {
    "qq": _qq,
    "foxmail": _foxmail,
    "163": _netease,
    "coremail": _coremail,
    "outlook": _outlook,
    "iphone": _iphone,
    "wechat": _wechat,
    "exmail": _company,
}


def composed(number: int, own: str, mail: str, *, is_below: bool) -> tuple[str, str]:
    """Return the client by turns (its name first) and the body as it comes in; below the marked mail where the writer answered there."""
    name = list(CLIENTS)[(number * 5 + number // 8) % len(CLIENTS)]
    return (name, CLIENTS[name](own, mail)) if not is_below else ("below", _below(own, mail))
