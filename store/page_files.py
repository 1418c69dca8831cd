"""What a file of pages looks like by its first bytes; without the libraries that open it, for those who only sort files."""

from __future__ import annotations

PDF, TIFF, JPEG, PNG = b"%PDF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), b"\xff\xd8\xff", b"\x89PNG"
_ENDINGS = {PDF: "pdf", **dict.fromkeys(TIFF, "tif"), JPEG: "jpg", PNG: "png"}


def is_page(raw: bytes) -> bool:
    """Whether *raw* is a file of pages: TIFF, PDF, JPEG or PNG."""
    return raw.startswith(tuple(_ENDINGS))


def ending_of(raw: bytes) -> str:
    """Return the ending of the name of such a file, without its dot; "" where *raw* is none."""
    return next((ending for mark, ending in _ENDINGS.items() if raw.startswith(mark)), "")
