"""Mail from a fax gateway or a scanner: which of a mail's files are pages, and from which number they came. Pure.

The gateway is known by the address in From. Anybody can forge it, as anybody can send a fax: all it brings is that the pages are read and
that nobody is answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from store.model.arrival import Channel
from store.model.letter import Letter
from store.model.petition import Reading
from store.page_files import is_page

_NUMBER = re.compile(r"(?<![0-9])\+?[0-9](?:[ -]?[0-9]){6,17}(?![0-9])")
_DATE = re.compile(r"20[0-9]{2}[-年/.]?[01]?[0-9][-月/.]?[0-3]?[0-9]日?(?:[T ]?[0-2]?[0-9][:：时]?[0-5][0-9](?:[:：分]?[0-5][0-9])?)?")
_MOST_FILES = 20  # of one mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What a gateway's mail carries: files of pages, or where there is none the text it read; and the number they came from, "" if it does not say."""

    channel: Channel
    number: str
    pages: tuple[bytes, ...]
    text: bytes


def papers_of(reading: Reading, gateways: Mapping[str, Channel]) -> Papers | None:
    """Return what the mail of *reading* carries where it comes from one of *gateways*; None where it is anybody else's."""
    letter = reading.petition.letter
    address = letter.sender.address.casefold() if letter.sender else ""
    channel = gateways.get(address) or gateways.get("@" + address.rpartition("@")[2])
    if channel is None:
        return None
    files = [reading.blobs[file.sha256] for file in letter.attachments if file.sha256 in reading.blobs]
    texts = [
        reading.blobs[file.sha256] for file in letter.attachments if file.name.lower().endswith(".txt") and reading.blobs.get(file.sha256)
    ]
    pages = tuple(file for file in files if is_page(file))[:_MOST_FILES]
    return Papers(channel=channel, number=_number(letter), pages=pages, text=b"\n".join(texts) or letter.text.encode())


def joined(mail: Reading, papers: Reading) -> Reading:
    """Return what the *papers* in a *mail* ask, with the mail's own files, and its identity for whoever looks for it; nobody to answer."""
    letter, own = papers.petition.letter, mail.petition.letter
    whole = replace(
        letter,
        message_id=own.message_id,
        date=own.date,
        attachments=(*own.attachments, *letter.attachments),
        doubts=tuple(dict.fromkeys((*own.doubts, *letter.doubts))),
    )
    return Reading(petition=replace(papers.petition, letter=whole), blobs={**mail.blobs, **papers.blobs})


def _number(letter: Letter) -> str:
    """Return the number in the subject, else in the sender's name or address; a date is none."""
    sender = letter.sender
    shown = (letter.subject, sender.name if sender else "", sender.address.rpartition("@")[0] if sender else "")
    for text in shown:
        if match := _NUMBER.search(_DATE.sub(" ", text[:200])):
            return re.sub(r"[ -]", "", match[0])
    return ""
