"""Opens what a fax machine or a scanner made: the only module that knows the shapes of a page (TIFF G3/G4, PDF, JPEG, PNG) and how much of one is too much.

A page is measured before it is unpacked; what is broken or too large is left out with a note in Chinese, the rest is read. Runs in a
capped child (`channels.page_reader`).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageOps

from store.errors import MalformedMessageError
from store.page_files import PDF, is_page

Gray = NDArray[np.uint8]  # rows of dots, 0 black to 255 white

MOST_PAGES = 30
_MOST_DOTS = 60_000_000  # of one page as declared: A3 at 500 dpi has 48 million
_LONGEST_SIDE = 20_000  # dots
_WORKED_WITH = 2_340  # dots of the longer side that are recognised: an A4 page at 200 dpi
_SHORTEST_SIDE = 24
_COARSE = 0.7  # vertical by horizontal resolution below which the lines of a fax are doubled (204×98 dpi)
_FAX_WIDTHS = range(1700, 1760)  # dots of a line of Group 3 (1728)
_DPI = 200
_LEAST_OWN_TEXT = 20  # characters that a page of a PDF says itself
_COVERS = 0.5  # share of such a page above which a picture on it is the page
_BROKEN = "已损坏，系统读不出，请看原件"
_HUGE = "声明的尺寸过大，没有读，请看原件"
_FORMATS = ("TIFF", "JPEG", "PNG")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its number from 1, the picture, or its own text where a PDF says it ("" else)."""

    number: int
    picture: Gray
    text: str = ""


def open_pages(raw: bytes, doubts: list[str]) -> Iterator[Page]:
    """Yield the pages of *raw*, one at a time, and add to *doubts* what was left out.

    Raises MalformedMessageError (Chinese) where it is no file of pages, or none of them can be opened.
    """
    if not is_page(raw):
        raise MalformedMessageError("不是传真或扫描件；能读的有 TIFF、PDF、JPEG、PNG，以及 .txt 文字")
    found = 0
    for page in _pdf_pages(raw, doubts) if raw.startswith(PDF) else _picture_pages(raw, doubts):
        found += 1
        yield page
    if not found:
        raise MalformedMessageError(f"没有一页能打开：{'；'.join(doubts) or _BROKEN}。原件已保留，请人工查看")


# ---------------------------------------------------------------- TIFF, JPEG, PNG


def _picture_pages(raw: bytes, doubts: list[str]) -> Iterator[Page]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd tags; what it cannot read it raises
        try:
            image = Image.open(io.BytesIO(raw), formats=_FORMATS)
        except Image.DecompressionBombError:
            doubts.append(f"第 1 页{_HUGE}")
            return
        except Exception:  # noqa: BLE001 - decoders raise whatever they like on hostile bytes
            doubts.append(f"文件{_BROKEN}")
            return
        for number in range(1, MOST_PAGES + 2):
            try:
                image.seek(number - 1)
            except EOFError:
                return
            except Image.DecompressionBombError:
                doubts.append(f"第 {number} 页{_HUGE}")
                return
            except Exception:  # noqa: BLE001 - as above
                doubts.append(f"第 {number} 页起{_BROKEN}")
                return
            if number > MOST_PAGES:
                doubts.append(f"超过 {MOST_PAGES} 页，只读了前 {MOST_PAGES} 页，其余请看原件")
                return
            if (picture := _one_picture(image, number, doubts)) is not None:
                yield Page(number, picture)


def _one_picture(image: Image.Image, number: int, doubts: list[str]) -> Gray | None:
    width, height = image.size
    if width * height > _MOST_DOTS or max(width, height) > _LONGEST_SIDE:
        doubts.append(f"第 {number} 页{_HUGE}")
        return None
    if min(width, height) < _SHORTEST_SIDE:
        doubts.append(f"第 {number} 页太小，没有文字可读")
        return None
    try:
        coarse = _is_coarse(image)
        picture = _gray(image)
    except Exception:  # noqa: BLE001 - as above
        doubts.append(f"第 {number} 页{_BROKEN}")
        return None
    if coarse:
        picture = np.repeat(picture, 2, axis=0)
    return worked_with(picture)


def _is_coarse(image: Image.Image) -> bool:
    """Whether the lines of the page stand twice as far apart as its dots: by what it says, else as a fax of normal resolution."""
    across, down = (float(value) for value in image.info.get("dpi", (0, 0)))
    if across > 1 and down > 1:
        return down / across < _COARSE
    width, height = image.size
    return width in _FAX_WIDTHS and height < width


def _gray(image: Image.Image) -> Gray:
    """Return the page as a person sees it: turned as its tag says, on white paper."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        deep = np.asarray(upright, dtype=np.float64)
        low, high = float(deep.min()), float(deep.max())
        return ((deep - low) * (255 / max(high - low, 1))).astype(np.uint8)
    if "A" in upright.getbands() or "transparency" in upright.info:
        layered = upright.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        upright = Image.alpha_composite(paper, layered)
    return np.asarray(upright.convert("L"), dtype=np.uint8)


# ---------------------------------------------------------------- PDF


def _pdf_pages(raw: bytes, doubts: list[str]) -> Iterator[Page]:
    try:
        document = pypdfium2.PdfDocument(raw)
        count = len(document)
    except pypdfium2.PdfiumError:
        doubts.append("PDF 打不开（已损坏，或设了密码），请看原件")
        return
    try:
        if count > MOST_PAGES:
            doubts.append(f"共 {count} 页，只读了前 {MOST_PAGES} 页，其余请看原件")
        for number in range(1, min(count, MOST_PAGES) + 1):
            if (page := _pdf_page(document, number, doubts)) is not None:
                yield page
    finally:
        document.close()


def _pdf_page(document: pypdfium2.PdfDocument, number: int, doubts: list[str]) -> Page | None:
    try:
        page = document[number - 1]
        width, height = page.get_size()  # points
        if min(width, height) <= 0:
            raise ValueError("a page without extent")  # noqa: TRY301 - one way out for all that is wrong with a page
        scale = min(_DPI / 72, _WORKED_WITH / max(width, height))
        picture = np.asarray(page.render(scale=scale, grayscale=True).to_numpy(), dtype=np.uint8).squeeze()
        text = "" if _is_picture(page, width * height) else page.get_textpage().get_text_bounded()
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        doubts.append(f"第 {number} 页{_BROKEN}")
        return None
    if min(picture.shape) < _SHORTEST_SIDE:
        doubts.append(f"第 {number} 页太小，没有文字可读")
        return None
    own = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return Page(number, picture, own if len("".join(own.split())) >= _LEAST_OWN_TEXT else "")


def _is_picture(page: pypdfium2.PdfPage, area: float) -> bool:
    """Whether the page is a scan: a picture covers it, so that a text behind it is some other machine's reading."""
    for thing in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        left, bottom, right, top = thing.get_bounds()
        if (right - left) * (top - bottom) > _COVERS * area:
            return True
    return False


def worked_with(picture: Gray) -> Gray:
    """Return *picture* no larger than recognition gains from."""
    longest = max(picture.shape)
    if longest <= _WORKED_WITH:
        return picture
    scale = _WORKED_WITH / longest
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
