"""Faxes as machines make them: form 附件2 and free letters drawn, then sent through what a telephone line and a feeder do to a page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")  # fonts-wqy-microhei, which .ci/test-servers installs
WIDTH, HEIGHT = 1728, 2200  # dots of an A4 page of Group 3 at 204×196 dpi
FINE, NORMAL = (204, 196), (204, 98)
TITLE = "昆明市呈贡区“区委书记、区长、局长坐诊接诉”企业预约“挂号”信息表"
LABELS = ("企业名称", "统一社会信用代码", "企业所在地址", "反映诉求企业联系人", "联系电话", "诉求标题", "诉求内容")

FORM = {
    "企业名称": "昆明云岭精密机械制造有限公司",
    "统一社会信用代码": "91530114MA6PLA635B",
    "企业所在地址": "昆明市呈贡区洛羊街道春漫大道80号A栋2楼",
    "反映诉求企业联系人": "苏佑民",
    "联系电话": "13888001234",
    "诉求标题": "关于厂房二期工程规划许可迟迟未批的情况反映",
    "诉求内容": "我公司于2024年10月28日提交建设工程规划许可申请，11月14日现场核查提出两处整改，"
    "11月15日整改完成并报送，至今近两个月未出具结论。施工单位已经进场，每天误工损失约8600元。"
    "请求于春节前作出许可决定，如仍有问题，请一次性书面告知。涉及部门：区自然资源局。",
}
LETTER = (
    "关于请求退还投标保证金的函",
    "呈贡区政务服务局：",
    (
        "　　我公司昆明拓野弱电工程有限公司（统一社会信用代码91530103MA6PB8T74U）于2024年12月参加智慧停车平台及弱电配套项目投标，"
        "缴纳投标保证金8万元。2025年1月13日中标结果公告，我公司未中标，至今已近两个月，保证金仍未退还。"
    ),
    "　　据了解其他投标单位也有类似情况。请予退还，并一次性告知是否需要我公司补充账户信息。",
    "联系人：汪俊林　电话：18725004437",
    "2025年3月11日",
)


def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font at *size* dots."""
    return ImageFont.truetype(str(FONT), size)


def wrapped(text: str, width: int, size: int) -> list[str]:
    """Return *text* in lines of at most *width* dots."""
    drawn, lines = font(size), [""]
    for char in text:
        if drawn.getlength(lines[-1] + char) > width:
            lines.append("")
        lines[-1] += char
    return lines


def form_page(fields: Mapping[str, str] = FORM, *, size: int = 36) -> Image.Image:
    """Draw form 附件2, ruled, with *fields* filled in."""
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(page)
    top = 120
    for line in wrapped(TITLE, WIDTH - 300, 40):
        draw.text((WIDTH / 2, top), line, fill=0, font=font(40), anchor="ma")
        top += 60
    left, middle, right = 120, 520, WIDTH - 120
    top += 40
    for labels in (
        ("企业名称",),
        ("统一社会信用代码",),
        ("企业所在地址",),
        ("反映诉求企业联系人", "联系电话"),
        ("诉求标题",),
        ("诉求内容",),
    ):
        edges = [left, middle, right] if len(labels) == 1 else [left, middle, 860, 1080, right]
        widths = [end - start - 30 for start, end in pairwise(edges)]
        texts = [text for label in labels for text in (label, fields.get(label, ""))]
        blocks = [wrapped(text, width, size) for text, width in zip(texts, widths, strict=True)]
        height = max(map(len, blocks)) * (size + 14) + 30
        for (start, end), block in zip(pairwise(edges), blocks, strict=True):
            draw.rectangle((start, top, end, top + height), outline=0, width=3)
            for number, line in enumerate(block):
                draw.text((start + 15, top + 15 + number * (size + 14)), line, fill=0, font=font(size))
        top += height
    return page


def letter_page(paragraphs: Sequence[str] = LETTER, *, size: int = 36) -> Image.Image:
    """Draw a free letter, its lines wrapped at the margin."""
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(page)
    top = 200
    for paragraph in paragraphs:
        for line in wrapped(paragraph, WIDTH - 400, size):
            draw.text((200, top), line, fill=0, font=font(size))
            top += size + 22
        top += 10
    return page


def degraded(page: Image.Image, *, noise: float = 0.0, skew: float = 0.0, turn: int = 0, seed: int = 7) -> Image.Image:
    """Return *page* as it comes out: *skew* degrees aslant, *noise* (share of dots) flipped, turned by *turn* degrees; black and white."""
    if skew:
        page = page.rotate(skew, resample=Image.Resampling.BICUBIC, fillcolor=255)
    dots = np.asarray(page) > 140
    if noise:
        dots ^= np.random.default_rng(seed).random(dots.shape) < noise
    return Image.fromarray((dots * 255).astype(np.uint8)).rotate(turn, expand=True).convert("1")


def fax(*pages: Image.Image, resolution: tuple[int, int] = FINE, compression: str = "group4") -> bytes:
    """Return *pages* as the TIFF a fax machine stores."""
    sent = [page if resolution == FINE else page.resize((page.width, page.height // 2), Image.Resampling.NEAREST) for page in pages]
    out = io.BytesIO()
    sent[0].save(out, "TIFF", save_all=True, append_images=sent[1:], compression=compression, dpi=resolution)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Sent:
    """One fax: its bytes, the text that stands on it, and name, code, contact and telephone of the enterprise."""

    raw: bytes
    text: str
    fields: tuple[str, str, str, str]


_FORM_TEXT = "".join(f"{label}{value}" for label, value in FORM.items())
_LETTER_TEXT = "".join(LETTER)
_FORM_FIELDS = (FORM["企业名称"], FORM["统一社会信用代码"], FORM["反映诉求企业联系人"], FORM["联系电话"])
_LETTER_FIELDS = ("昆明拓野弱电工程有限公司", "91530103MA6PB8T74U", "汪俊林", "18725004437")
FAXES = {
    "form-fine": Sent(fax(degraded(form_page())), _FORM_TEXT, _FORM_FIELDS),
    "form-normal": Sent(fax(degraded(form_page()), resolution=NORMAL), _FORM_TEXT, _FORM_FIELDS),
    "form-noise": Sent(fax(degraded(form_page(), noise=0.005), compression="group3"), _FORM_TEXT, _FORM_FIELDS),
    "form-skew": Sent(fax(degraded(form_page(), skew=2)), _FORM_TEXT, _FORM_FIELDS),
    "form-upside-down": Sent(fax(degraded(form_page(), turn=180, skew=-1), resolution=FINE), _FORM_TEXT, _FORM_FIELDS),
    "form-on-its-side": Sent(fax(degraded(form_page(), turn=90)), _FORM_TEXT, _FORM_FIELDS),
    "letter-fine": Sent(fax(degraded(letter_page())), _LETTER_TEXT, _LETTER_FIELDS),
    "letter-normal-noise": Sent(fax(degraded(letter_page(), noise=0.003), resolution=NORMAL), _LETTER_TEXT, _LETTER_FIELDS),
    "letter-skew-noise": Sent(fax(degraded(letter_page(), noise=0.01, skew=-2)), _LETTER_TEXT, _LETTER_FIELDS),
    "two-pages": Sent(fax(degraded(letter_page(LETTER[:3])), degraded(letter_page(LETTER[3:]), turn=270)), _LETTER_TEXT, _LETTER_FIELDS),
}
_WHITE_AND_COLONS = re.compile(r"[\s：:]")


def error_rate(got: str, expected: str) -> float:
    """Return the share of signs that are wrong, white space and colons aside; of the form without its printed title."""
    got, wanted = (_WHITE_AND_COLONS.sub("", text) for text in (got, expected))
    return Levenshtein.distance(got[max(0, got.find(wanted[:4])) :], wanted) / len(wanted)
