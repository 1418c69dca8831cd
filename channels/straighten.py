"""Makes a page fit for recognition: straightened, cleaned of specks, cropped to what stands on it. Pure: pictures in, pictures out."""

from __future__ import annotations

import cv2
import numpy as np

from channels.pages import Gray

_WIDEST_SKEW, _COARSE_STEP, _FINE_STEP = 5.0, 0.5, 0.1  # degrees
_LEAST_SKEW = 0.15  # degrees: less is not worth a turn
_SKEW_SEEN_AT = 700  # dots of the longer side on which the skew is measured
_SPECK = 7  # dots; a stroke of a character at 200 dpi has more
_INK = 128
_MARGIN = 24  # dots
_SPECKLED = 400  # specks on a page that are dirt, not points and dots


def straightened(picture: Gray) -> Gray:
    """Return the page turned so that its lines are level; at most 5°."""
    angle = skew_of(picture)
    return picture if abs(angle) < _LEAST_SKEW else _turned(picture, angle)


def skew_of(picture: Gray) -> float:
    """Return by how many degrees the lines of *picture* rise to the right; lines across and lines down (a page on its side) both count."""
    scale = min(1.0, _SKEW_SEEN_AT / max(picture.shape))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ink = np.asarray(255 - small, dtype=np.uint8)
    if int(ink.max()) < _INK // 4:
        return 0.0
    coarse = max(np.arange(-_WIDEST_SKEW, _WIDEST_SKEW + _COARSE_STEP, _COARSE_STEP), key=lambda angle: _sharpness(ink, float(angle)))
    fine = np.arange(coarse - _COARSE_STEP, coarse + _COARSE_STEP + _FINE_STEP, _FINE_STEP)
    return float(max(fine, key=lambda angle: _sharpness(ink, float(angle))))


def _sharpness(ink: Gray, angle: float) -> float:
    """Return how clearly lines part from gaps when the page is turned by *angle*."""
    turned = _turned(ink, angle, paper=0)
    return max(float(np.square(np.diff(turned.sum(axis=axis, dtype=np.float64))).sum()) for axis in (0, 1))


def _turned(picture: Gray, angle: float, *, paper: int = 255) -> Gray:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(paper,)), dtype=np.uint8)


def despeckled(picture: Gray) -> Gray:
    """Return *picture* without the specks of a noisy line; a clean page stays as it is."""
    ink = np.asarray(picture < _INK, dtype=np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] < _SPECK
    if count < _SPECKLED or int(small.sum()) < _SPECKLED:
        return picture
    clean = picture.copy()
    clean[small[labels]] = 255
    return clean


def cropped(picture: Gray) -> Gray:
    """Return the part of *picture* on which something stands, with a margin; a blank page has none."""
    ink = np.asarray(picture < _INK, dtype=np.uint8)
    ink = np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((2, 2), dtype=np.uint8)), dtype=np.uint8)  # a lone dot is no text
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows) or not len(columns):
        return picture[:0, :0]
    top, bottom = max(0, int(rows[0]) - _MARGIN), int(rows[-1]) + _MARGIN
    left, right = max(0, int(columns[0]) - _MARGIN), int(columns[-1]) + _MARGIN
    return picture[top:bottom, left:right]
