"""Pictures inside a page of ours: which ones it shows, by the content id they have in the mail (RFC 2392). Pure.

A page names a picture by the SHA-256 of its bytes; what it names is what the mail carries. No words of strangers can name one: they are
escaped, and a quotation mark is none afterwards.
"""

from __future__ import annotations

import re

_DOMAIN = "picture.zuozhen"
_SHOWN = re.compile(rf'src="cid:([0-9a-f]{{64}})@{re.escape(_DOMAIN)}"')


def content_id(sha256: str) -> str:
    """Return the content id of the picture with this hash, without angle brackets."""
    return f"{sha256}@{_DOMAIN}"


def shown_in(page: str) -> list[str]:
    """Return the hashes of the pictures that *page* (HTML) shows, each once, in order."""
    return list(dict.fromkeys(_SHOWN.findall(page)))
