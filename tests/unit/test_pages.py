"""Files of pages are measured before they are unpacked: what machines make is opened, what is hostile costs nothing and is told in Chinese."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from channels.pages import MOST_PAGES, Page, open_pages
from store.errors import MalformedMessageError
from tests.faxes import FINE, NORMAL, fax

BLANK = Image.new("1", (1728, 400), 1)


def _saved(image: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def _opened(raw: bytes) -> tuple[list[Page], list[str]]:
    doubts: list[str] = []
    return list(open_pages(raw, doubts)), doubts


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw", "packbits", "raw"])
def test_pages_of_a_fax(compression: str) -> None:
    """All pages of a TIFF are opened in order, however they are packed."""
    pages, doubts = _opened(fax(BLANK, BLANK, compression=compression))

    assert ([page.number for page in pages], doubts) == ([1, 2], [])
    assert pages[0].picture.shape == (400, 1728)


def test_lines_of_a_normal_fax_are_doubled() -> None:
    """At 204×98 dpi a page is half as high as it should be; at 204×196 it is as it is."""
    coarse, _ = _opened(fax(BLANK, resolution=NORMAL))
    fine, _ = _opened(fax(BLANK, resolution=FINE))

    assert (coarse[0].picture.shape, fine[0].picture.shape) == ((400, 1728), (400, 1728))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_any_kind_of_picture_is_grey_on_white(mode: str) -> None:
    """Whatever a scanner thinks a picture is, it becomes grey; what is transparent is paper."""
    pages, doubts = _opened(_saved(Image.new(mode, (300, 200)), "TIFF"))

    assert doubts == []
    assert pages[0].picture.shape == (200, 300)
    assert pages[0].picture.dtype == np.dtype(np.uint8)


def test_picture_of_a_telephone_is_turned_as_it_says() -> None:
    """A photograph taken with the telephone on its side stands upright."""
    exif = Image.Exif()
    exif[0x0112] = 6

    pages, _ = _opened(_saved(Image.new("L", (300, 200), 255), "JPEG", exif=exif))

    assert pages[0].picture.shape == (300, 200)


def test_pages_beyond_the_limit_are_left_out_with_a_note() -> None:
    """A fax of a thousand pages costs as much as the longest one that is read."""
    pages, doubts = _opened(fax(*[Image.new("1", (64, 64), 1)] * (MOST_PAGES + 5)))

    assert len(pages) == MOST_PAGES
    assert doubts == [f"超过 {MOST_PAGES} 页，只读了前 {MOST_PAGES} 页，其余请看原件"]


def _bomb(width: int, height: int) -> bytes:
    """Return a TIFF that claims to be *width* by *height* dots and holds next to nothing."""
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, 4),
        (262, 3, 0),
        (273, 4, 200),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, 8),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return (b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0").ljust(208, b"\0")


def test_page_that_claims_to_be_huge_is_not_unpacked() -> None:
    """A page of four billion dots in two hundred bytes is refused by what it declares."""
    with pytest.raises(MalformedMessageError, match="第 1 页声明的尺寸过大，没有读"):
        _opened(_bomb(60_000, 60_000))


def test_ring_of_pages_ends() -> None:
    """A TIFF whose last page points back to its first is not read for ever."""
    raw = bytearray(fax(BLANK))
    (first,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, first)
    struct.pack_into("<I", raw, first + 2 + count * 12, first)

    pages, _ = _opened(bytes(raw))

    assert 1 <= len(pages) <= MOST_PAGES


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "PDF"])
def test_cut_file_never_crashes(kind: str) -> None:
    """Wherever a file breaks off, what can be read is read, and the rest is told in Chinese."""
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 255, (120, 120), dtype=np.uint8))
    raw = _saved(noise, kind)
    for end in range(8, len(raw), max(1, len(raw) // 40)):
        try:
            pages, _ = _opened(raw[:end])
        except MalformedMessageError as error:
            assert "原件已保留" in str(error)  # noqa: PT017 - either outcome is right, and both are looked at
        else:
            assert pages


def test_scanned_pdf_is_a_picture_and_a_written_one_is_text() -> None:
    """A page that a picture covers is recognised, whatever hidden text lies behind it."""
    pages, doubts = _opened(_saved(Image.new("L", (1240, 1754), 255), "PDF", resolution=150))

    assert (len(pages), pages[0].text, doubts) == (1, "", [])
    assert max(pages[0].picture.shape) <= 2340


def test_what_is_no_page_is_refused() -> None:
    """A program or an archive is no fax."""
    with pytest.raises(MalformedMessageError, match="不是传真或扫描件"):
        _opened(b"PK\x03\x04")
