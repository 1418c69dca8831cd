"""The charts of a report, as PNG. The only module that imports matplotlib, and only once a chart is drawn: the import costs half a second."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Whichever of these is there first; Debian has the first two as fonts-noto-cjk and fonts-wqy-zenhei.
_FONTS = (
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "SimHei",
    "Microsoft YaHei",
)
_COLOURS = ("#2f5c8f", "#c9803a", "#b03a3a")
_DPI = 160
_WIDTH_IN = 6.1  # of the text on A4
_LONGEST = 12  # characters of a name beside a bar


@cache
def font() -> str | None:
    """Return the font for Chinese that this machine has, None where it has none and there can be no charts."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where its cache may lie is no news for an operator, and in English
    from matplotlib import font_manager  # noqa: PLC0415 - see above

    there = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in _FONTS if name in there), None)


def columns(values: Mapping[str, int], *, of: str) -> bytes:
    """Return a chart with a column for each of *values*; *of* is what they count."""

    def draw(axes: Axes) -> None:
        bars = axes.bar(list(values), list(values.values()), color=_COLOURS[0], width=0.6)
        axes.bar_label(bars, fontsize=9)
        axes.set_ylabel(of)
        axes.set_yticks([])
        axes.margins(y=0.18)

    return _drawn(2.2, draw)


def stacked(names: Sequence[str], parts: Mapping[str, Sequence[int]], *, of: str) -> bytes:
    """Return a chart with a bar for each of *names*, made up of *parts* one behind the other; *of* is what they count."""
    labels = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]

    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see above

    def draw(axes: Axes) -> None:
        begun = [0] * len(names)
        for (part, values), colour in zip(parts.items(), _COLOURS, strict=False):
            axes.barh(labels, list(values), left=begun, label=part, color=colour, height=0.6)
            begun = [first + value for first, value in zip(begun, values, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel(of)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(parts), frameon=False)

    return _drawn(1.1 + 0.3 * len(names), draw)


def _drawn(height_in: float, draw: Callable[[Axes], None]) -> bytes:
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib.figure import Figure  # noqa: PLC0415

    out = io.BytesIO()
    with mpl.rc_context({"font.family": [font() or "sans-serif"], "font.size": 9, "axes.unicode_minus": False}):
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()
