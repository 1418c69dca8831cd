"""The names of attachments: what is shown of the sender's name for a file, and what a file without a name is called.

A name is for the eye only. The bytes are kept by their hash; no path is ever made of a name.
"""

from __future__ import annotations

import re
import unicodedata

_MAX_NAME = 120  # code points
_MAX_SUFFIX = 12
_PATHS = re.compile(r"[/\\\u2044\u2215\u29f5\uff0f\uff3c]")  # also the look-alikes of both slashes
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SUFFIXES = {
    "application/msword": ".doc",
    "application/ms-tnef": ".dat",
    "application/pdf": ".pdf",
    "application/pkcs7-signature": ".p7s",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-pkcs7-signature": ".p7s",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/rfc822-headers": ".txt",
}


def display_name(given: str, kind: str, taken: frozenset[str] | set[str]) -> str:
    """Return the name to show for a file the sender called *given* ("" where nowhere) and declared as *kind*.

    Nothing invisible, no path, at most 120 code points with the suffix kept, and none of *taken* (names differ in more than case).
    """
    name = unicodedata.normalize("NFC", given)
    name = "".join(char for char in name if unicodedata.category(char) not in _INVISIBLE)
    name = " ".join(_PATHS.split(name.rstrip(" ./\\"))[-1].split()).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > _MAX_SUFFIX:
        stem, suffix = name, ""
    suffix = f".{suffix}" if suffix else ""
    if not stem:
        stem, suffix = "附件", suffix or _SUFFIXES.get(kind, "")
    lowered = {other.casefold() for other in taken}
    shown, number = stem[: _MAX_NAME - len(suffix)] + suffix, 1
    while shown.casefold() in lowered:
        number += 1
        mark = f"（{number}）"
        shown = stem[: _MAX_NAME - len(suffix) - len(mark)] + mark + suffix
    return shown
