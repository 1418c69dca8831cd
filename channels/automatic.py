"""Which mail was sent by a machine (RFC 3834, RFC 3464, RFC 2919 and habit), so that no machine is answered and none opens a case."""

from __future__ import annotations

import re
from collections.abc import Collection

from channels.headers import Head
from channels.words import parse_value
from store.model.letter import Address, Automatic

OWN_HEADER = "x-zuozhen"  # on every mail of ours, see `notifier.mail`

_ANSWERS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-auto-reply-from", "x-mail-autoreply")
_FAILURES = ("x-failed-recipients",)
_LISTS = ("list-id", "list-post", "x-mailing-list", "mailing-list", "x-ml-name")
_PRECEDENCE = {"auto_reply": "auto-reply", "bulk": "list", "list": "list", "junk": "list"}

_DAEMON = re.compile(r"(?<![\w-])(?:mailer|mail)-?daemon(?!\w)", re.IGNORECASE)
_POSTMASTER = frozenset({"postmaster", "post_master"})
_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status", "message/feedback-report"})
_DAEMON_NAME = re.compile(r"mail(?:er)?[ -]?(?:delivery|daemon)|delivery (?:sub)?system|postmaster|系统退信|邮件系统管理员", re.IGNORECASE)
_REPLY = re.compile(
    r"[\s【\[]*+(?:自动(?:回复|答复)|自動(?:回覆|回復|答覆|応答)|(?:休假|外出)自动回复|auto(?:matic|mated)?[ -]?(?:reply|response|respond|answer)"
    r"|out of (?:the )?office(?: (?:auto)?reply)?|vacation (?:reply|notice)|abwesenheitsnotiz|réponse automatique)\s*+(?:[:：\]】(（]|$)",
    re.IGNORECASE,
)
_RETURNED = re.compile(
    r"\s*+(?:系统退信|退信通知|退信[:：]|来自.{1,60}的退信|undeliver(?:able|ed)(?: mail|:)|returned mail\b|failure notice$"
    r"|mail (?:delivery (?:fail|warning|error)|could not be delivered)|delivery (?:status notification|failure))",
    re.IGNORECASE,
)
# These may also head a letter about the post; they count only beside a sign of a machine.
_FAILED = re.compile(
    r"退信|投递失败|投递报告|发送失败|无法投递|未送达|未传递|邮件.{0,20}(?:退回|无法)|傳送失敗|無法傳遞|undeliver|non-?deliver|not delivered|deliver(?:y|ed)|returned|failure|failed"
    r"|could not|couldn't|unable to|error|bounce|delayed|warning|rejected|unknown|full",
    re.IGNORECASE,
)


def classify(head: Head, kinds: Collection[str], sender: Address | None, subject: str, envelope_from: str | None) -> Automatic | None:
    """Return why the mail of *head* counts as automatic, None where a person seems to have sent it.

    *kinds* are the content types of its own parts, not those of a mail forwarded in it. *envelope_from* is MAIL FROM as the door saw it ("" is the null sender of RFC 5321 4.5.5), None where no door saw one. Not counted
    by themselves: List-Unsubscribe and X-Auto-Response-Suppress, which enterprises' mail systems put on letters of people too, and the
    sender postmaster@, which is the only mailbox of many a small firm.
    """
    null = "MAIL FROM: <>" if envelope_from == "" else "Return-Path: <>" if head.first("return-path").strip() == "<>" else ""
    if not null and head.first("from").rstrip().endswith("<>"):
        null = "From: <>"
    signs = _own(head) or _report(head, kinds) or _daemon(head, sender, subject, is_null=bool(null)) or _auto_reply(head, subject)
    if signs or not null:
        return signs or _list(head)
    return Automatic(kind="bounce", evidence=null)


def _own(head: Head) -> Automatic | None:
    return next((Automatic(kind="own", evidence=name) for name in head.fields if name.startswith(OWN_HEADER)), None)


def _report(head: Head, kinds: Collection[str]) -> Automatic | None:
    """Recognise the reports of RFC 6522: a delivery status, a complaint, or (the only one a person caused) a read receipt."""
    kind, parameters = parse_value(head.first("content-type"))
    if kind == "multipart/report":
        report = parameters.get("report-type", "").lower()[:60]
        answered = report == "disposition-notification"
        return Automatic(kind="auto-reply" if answered else "bounce", evidence=f"Content-Type: multipart/report; report-type={report}")
    return next((Automatic(kind="bounce", evidence=f"Content-Type: {kind}") for kind in kinds if kind in _STATUS), None)


def _daemon(head: Head, sender: Address | None, subject: str, *, is_null: bool) -> Automatic | None:
    failure = next((name for name in _FAILURES if name in head.fields), None)
    if failure:
        return Automatic(kind="bounce", evidence=f"{failure}: {head.first(failure)[:100]}")
    daemon = _DAEMON.search(head.first("from"))
    if daemon:
        return Automatic(kind="bounce", evidence=f"From: {daemon[0]}")
    local, name = (sender.address.partition("@")[0].lower(), sender.name) if sender else ("", "")
    by_machine = is_null or local in _POSTMASTER or _DAEMON_NAME.search(name) or _is_submitted(head)
    if _RETURNED.match(subject) or (by_machine and _FAILED.search(subject)):
        return Automatic(kind="bounce", evidence=f"Subject: {subject[:100]}")
    return None


def _is_submitted(head: Head) -> bool:
    """Tell whether Auto-Submitted says anything but "no" (RFC 3834 section 5.2)."""
    submitted = head.first("auto-submitted").strip().lower()
    return bool(submitted) and not submitted.startswith("no")


def _auto_reply(head: Head, subject: str) -> Automatic | None:
    if _is_submitted(head):
        return Automatic(kind="auto-reply", evidence=f"Auto-Submitted: {head.first('auto-submitted')[:100]}")
    answer = next((name for name in _ANSWERS if name in head.fields), None)
    if answer:
        return Automatic(kind="auto-reply", evidence=f"{answer}: {head.first(answer)[:100]}")
    return Automatic(kind="auto-reply", evidence=f"Subject: {subject[:100]}") if _REPLY.match(subject) else None


def _list(head: Head) -> Automatic | None:
    name = next((name for name in _LISTS if name in head.fields), None)
    if name:
        return Automatic(kind="list", evidence=f"{name}: {head.first(name)[:100]}")
    precedence = head.first("precedence").strip().lower()
    kind = _PRECEDENCE.get(precedence)
    return Automatic(kind=kind, evidence=f"Precedence: {precedence}") if kind else None
