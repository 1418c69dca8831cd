"""Faxes and scanned letters: from files of pages, or from the text a gateway read off them, to a petition. Runs in a capped child.

What the machine is not sure of is kept as it stands and marked for a person, with the piece of the page behind it. One thing is put right:
a code (GB 32100) in which signs were confused, where its check digit proves it.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from statistics import fmean

import numpy as np
from PIL import Image

from channels import grid, recognition, straighten
from channels.documents import Document
from channels.fax_fields import finished, is_doubtful, regions_of, with_confidence
from channels.page_text import PageText
from channels.pages import Gray, open_pages
from channels.petition import read_recognised
from store.errors import MalformedMessageError
from store.model.arrival import Channel
from store.model.letter import Attachment, Letter
from store.model.petition import FIELD_WORDS, Found, Petition, Recognition, Snippet

_ILLEGIBLE = 0.7  # mean confidence of a line below which it counts as hardly legible
_ROOM = 10  # dots around a snippet
_EDGES = 40  # a dot within so many steps of black or white is black or white
_NEARLY_ALL = 0.9
_QUALITY = 70  # of a JPEG


@dataclass(slots=True)
class _Sheaf:
    """All pages of one fax as they were read."""

    text: PageText = field(default_factory=PageText)
    pictures: dict[int, Gray] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def read_fax(channel: Channel, files: Sequence[bytes], number: str, *, seconds: float) -> tuple[Petition, dict[str, bytes]]:
    """Return what the pages in *files* ask, and the pages as pictures by SHA-256. *number* is where the fax came from, "" where nobody knows.

    After *seconds* of processor time no further page is begun; a note says so. Raises MalformedMessageError where not a word can be read.
    """
    sheaf = _Sheaf()
    _read_pages(files, sheaf, time.process_time() + seconds)
    document = sheaf.text.document()
    if not document.text.strip():
        raise MalformedMessageError(
            f"{'；'.join(sheaf.doubts) or '页面上没有认出文字'}。原件已保留，请人工查看，并用 zuozhen register 登记"
        )
    kept = [_picture(picture) for _, picture in sorted(sheaf.pictures.items())]
    blobs = {hashlib.sha256(data).hexdigest(): data for _, data in kept}
    attachments = [
        Attachment(name=f"第{page}页.{ending}", content_type=_TYPES[ending], size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for page, (ending, data) in zip(sorted(sheaf.pictures), kept, strict=True)
    ]
    petition = read_recognised(channel, _letter(document, attachments, sheaf.doubts), document)
    petition = with_confidence(petition, sheaf.text.regions)
    snippets = list(_snippets(petition, sheaf))
    signs = list(chain.from_iterable(region.confidences for region in sheaf.text.regions))
    about = Recognition(
        pages=len(sheaf.pictures),
        confidence=round(fmean(signs), 4) if signs else None,
        snippets=tuple(Snippet(field=name, page=page, sha256=hashlib.sha256(data).hexdigest()) for name, page, data in snippets),
    )
    blobs |= {hashlib.sha256(data).hexdigest(): data for _, _, data in snippets}
    return replace(finished(petition, number), recognition=about), blobs


# ---------------------------------------------------------------- pages


def _read_pages(files: Sequence[bytes], sheaf: _Sheaf, ends: float) -> None:
    pages = chain.from_iterable(open_pages(raw, sheaf.doubts) for raw in files)
    for count, page in enumerate(pages, start=1):
        if count > 1 and time.process_time() > ends:
            sheaf.doubts.append(f"页数太多，只读了前 {count - 1} 页，其余请看原件")
            return
        if page.text:
            sheaf.pictures[count] = page.picture
            sheaf.text.add_text(page.text)
        else:
            _recognise(count, page.picture, sheaf)


def _recognise(number: int, picture: Gray, sheaf: _Sheaf) -> None:
    standing = straighten.cropped(straighten.straightened(straighten.despeckled(picture)))
    if not standing.size:
        sheaf.doubts.append(f"第 {number} 页是空白页")
        sheaf.pictures[number] = picture
        return
    turned, boxes = recognition.upright(standing)
    table = grid.grid_of(turned)
    lines = recognition.read(turned, [part for box in boxes for part in table.parted(box)])
    sheaf.pictures[number] = turned
    sheaf.text.add_page(number, lines, table)
    faint = sum(fmean(line.confidences) < _ILLEGIBLE for line in lines)
    if not lines:
        sheaf.doubts.append(f"第 {number} 页没有认出文字，请看原件")
    elif faint:
        sheaf.doubts.append(f"第 {number} 页有 {faint} 行字迹不清，可能认错，请对照原件")


def _letter(document: Document, attachments: Sequence[Attachment], doubts: Iterable[str]) -> Letter:
    return Letter(text=document.text, attachments=tuple(attachments), doubts=tuple(dict.fromkeys(doubts)))


# ---------------------------------------------------------------- pieces behind what is not sure


def _snippets(petition: Petition, sheaf: _Sheaf) -> Iterator[tuple[str, int, bytes]]:
    """Yield field, page and PNG of each value that a person should look at."""
    for name in FIELD_WORDS:
        found: Found | None = getattr(petition, name)
        if found is not None and is_doubtful(name, found, petition) and (piece := _snippet(found, sheaf)):
            yield name, *piece


def _snippet(found: Found, sheaf: _Sheaf) -> tuple[int, bytes] | None:
    regions = regions_of(found, sheaf.text.regions)
    if not regions:
        return None
    page = regions[0].page
    boxes = [region.box for region in regions if region.page == page]
    left, top = max(0, min(box[0] for box in boxes) - _ROOM), max(0, min(box[1] for box in boxes) - _ROOM)
    right, bottom = max(box[2] for box in boxes) + _ROOM, max(box[3] for box in boxes) + _ROOM
    return page, _png(sheaf.pictures[page][top:bottom, left:right])


# ---------------------------------------------------------------- pictures to keep

_TYPES = {"png": "image/png", "jpg": "image/jpeg"}


def _picture(picture: Gray) -> tuple[str, bytes]:
    """Return the ending and the bytes of a page to keep: black and white where it is, else a photograph."""
    plain = float(np.mean((picture < _EDGES) | (picture > 255 - _EDGES)))
    if plain >= _NEARLY_ALL:
        return "png", _png(picture, dots=True)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=_QUALITY)
    return "jpg", out.getvalue()


def _png(picture: Gray, *, dots: bool = False) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(picture)
    (image.point(lambda value: 255 * (value > 127)).convert("1") if dots else image).save(out, "PNG", optimize=True)  # noqa: PLR2004 - the middle
    return out.getvalue()
