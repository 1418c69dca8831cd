"""From the picture of a page to lines of text with their places: the only module that imports rapidocr.

A page on its side or upside down is turned: lines that stand on end tell the side, and of two directions the one that is read with more
confidence is right. Models come with the package; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import cast

import cv2
import numpy as np
import opencc
import rapidocr
from rapidocr import RapidOCR
from rapidocr.ch_ppocr_rec.typings import WordInfo, WordType

from channels.pages import Gray

_THREADS = 1  # a second one gains a third of the time, costs a quarter more work, and takes it from the mail
_SAMPLED = 4  # lines by which two directions are compared
_TELLING = 4  # width by height of a line of some characters: short ones cost least, and tell as much
_SURE = 0.9  # confidence of the sample at which the other direction need not be tried
_ON_END = 1.5  # height by width from which a box is a line that stands on end
_LEAST = 0.3  # confidence below which a reading is noise, not text
_FOLDED = 0.8  # confidence of a sign read in its traditional form, at most: a person looks at it
_PAD = 3  # dots around a line
_MOST_LINES = 400
_SOUGHT_AT = 1_280  # dots of the longer side at which lines are sought: characters of a page of text stay over 12 dots high
_SMALLEST = 4  # dots
_LEAST_PITCHES = 3  # pairs of Chinese characters that tell how wide one is
_SPACE, _TAB = 1.8, 2.9  # widths of a character from one's begin to the next one's

Box = tuple[int, int, int, int]  # left, top, right, bottom in dots
_Sign = tuple[str, float]  # one character and how sure its reading is
_simplify = opencc.OpenCC("t2s").convert


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was read: its words, its place on the upright page, and of each sign how sure its reading is (0 to 1)."""

    text: str
    box: Box
    confidences: tuple[float, ...]


def upright(picture: Gray) -> tuple[Gray, list[Box]]:
    """Return *picture* the right way up, and where lines stand on it."""
    boxes = _boxes(picture)
    if boxes and sum(bottom - top > _ON_END * (right - left) for left, top, right, bottom in boxes) * 2 > len(boxes):
        width = picture.shape[1]
        picture = np.ascontiguousarray(np.rot90(picture))  # a quarter to the left
        boxes = [(top, width - right, bottom, width - left) for left, top, right, bottom in boxes]
    telling = [box for box in boxes if box[2] - box[0] > _TELLING * (box[3] - box[1])]
    sample = sorted(telling or boxes, key=_area)[:_SAMPLED]
    confidence = _confidence(picture, sample)
    if sample and confidence < _SURE:
        turned, there = _half_turn(picture, sample)
        if _confidence(turned, there) > confidence:
            return _half_turn(picture, boxes)
    return picture, boxes


def read(picture: Gray, boxes: Sequence[Box]) -> list[Line]:
    """Return what stands in *boxes* of the upright *picture*; what is no text is left out."""
    readings = zip(boxes, _recognised([_piece(picture, box) for box in boxes]), strict=True)
    lines = (
        Line("".join(sign for sign, _ in signs), box, tuple(confidence for _, confidence in signs)) for box, signs in readings if signs
    )
    return [simplified(line) for line in lines if fmean(line.confidences) >= _LEAST]


def simplified(line: Line) -> Line:
    """Return *line* with traditional signs written simplified: on pages of the mainland they are misreadings (減 for 减), and count as doubtful.

    Signs that simplified writing has as well (GB 2312: 乾, 著) stay.
    """
    text = _simplify(line.text)
    if text == line.text or len(text) != len(line.text):
        return line
    signs = [
        (old, sure) if old == new or _is_simplified(old) else (new, min(sure, _FOLDED))
        for old, new, sure in zip(line.text, text, line.confidences, strict=True)
    ]
    return replace(line, text="".join(sign for sign, _ in signs), confidences=tuple(sure for _, sure in signs))


def _is_simplified(sign: str) -> bool:
    return bool(sign.encode("gb2312", "ignore"))


@cache
def _engine() -> RapidOCR:
    """Return the recognition, loaded once a child. Every path is given, so that nothing is looked up or fetched."""
    models = Path(rapidocr.__file__).parent / "models"
    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.return_word_box": True,
            "Global.log_level": "critical",
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _boxes(picture: Gray) -> list[Box]:
    """Return where lines of text stand, at most `_MOST_LINES`."""
    scale = min(1.0, _SOUGHT_AT / max(picture.shape))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = _engine()(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), use_det=True, use_cls=False, use_rec=False)
    corners = getattr(found, "boxes", None)
    boxes = [] if corners is None else [_around(np.asarray(each) / scale, picture.shape) for each in corners[:_MOST_LINES]]
    return [box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= _SMALLEST]


def _around(corners: np.ndarray, shape: Sequence[int]) -> Box:
    left, top = (int(value) for value in np.floor(corners.min(axis=0)))
    right, bottom = (int(value) for value in np.ceil(corners.max(axis=0)))
    return max(0, left - _PAD), max(0, top - _PAD), min(shape[1], right + _PAD), min(shape[0], bottom + _PAD)


def _half_turn(picture: Gray, boxes: Sequence[Box]) -> tuple[Gray, list[Box]]:
    height, width = picture.shape
    turned = [(width - right, height - bottom, width - left, height - top) for left, top, right, bottom in boxes]
    return np.ascontiguousarray(picture[::-1, ::-1]), turned


def _confidence(picture: Gray, boxes: Sequence[Box]) -> float:
    signs = [confidence for reading in _recognised([_piece(picture, box) for box in boxes]) for _, confidence in reading]
    return fmean(signs) if signs else 0.0


def _recognised(pieces: Sequence[Gray]) -> list[list[_Sign]]:
    """Return the signs of each piece, those recognition leaves between distant characters added."""
    if not pieces:
        return []
    result = _engine().recognize_txt([cv2.cvtColor(piece, cv2.COLOR_GRAY2BGR) for piece in pieces])
    words = cast("Sequence[WordInfo]", result.word_results)  # as it is where word boxes are asked for, whatever the annotation says
    return [_signs(text, word) for text, word in zip(result.txts or (), words, strict=True)]


def _signs(text: str, words: WordInfo) -> list[_Sign]:
    """Return the signs of a line; where more than a character's width is free between two, a space, where more is free, a tab.

    `words` has the columns of what is no space, and a confidence for every sign.
    """
    columns = iter([column for word in words.word_cols for column in word])
    pitches = [
        after - before
        for word, kind in zip(words.word_cols, words.word_types, strict=True)
        if kind is WordType.CN
        for before, after in pairwise(word)
    ]
    pitch = median(pitches) if len(pitches) >= _LEAST_PITCHES else 0.0
    signs: list[_Sign] = []
    before: int | None = None
    for sign, confidence in zip(text, words.confs, strict=False):
        if not sign.isspace():
            column = next(columns)
            gap = (column - before) / pitch if pitch and before is not None else 0.0
            if gap > _SPACE and signs and not signs[-1][0].isspace():
                signs.append(("\t" if gap > _TAB else " ", 1.0))
            before = column
        elif not signs:
            continue
        signs.append((sign, confidence))
    while signs and signs[-1][0].isspace():
        signs.pop()
    return signs


def _piece(picture: Gray, box: Box) -> Gray:
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)
