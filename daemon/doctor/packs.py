"""Examines the packs: whether the folder that the configuration names loads, and whether it holds what the district decides by."""

from __future__ import annotations

import shlex

from daemon.doctor.finding import Finding, fine, hint, trouble
from daemon.rulebooks import InForce

_ABOUT = "规则包"
_SHORT = 12  # characters of a digest


def examine_pack(one: InForce) -> Finding:
    """Say how the folder of a district and the pack in force stand to each other."""
    folder, book = one.folder, one.files.rulebook
    name, digest = folder.section.pack, book.digest[:_SHORT]
    about, lies = f"{_ABOUT} {book.district.id}", f"目录 {name} 里的" if "/" in name else f"随产品的 {name}"
    put_in_force = f"zuozhen rules apply {shlex.quote(name)} --by 姓名"
    if one.refused:
        return trouble(
            about, f"启用着的那一版，现在的程序读不懂，改用{lies}（{digest}）：{one.refused[0]}", f"重新启用一版：{put_in_force}"
        )
    if folder.rulebook is None:
        words = f"{lies}读不进来（{len(folder.problems)} 处错误），仍用启用着的 {digest}"
        return trouble(
            about, words, f"zuozhen rules lint {shlex.quote(name)} 看错在哪里；不要它了，zuozhen rules copy ./新 取出启用着的，换下它"
        )
    if folder.rulebook.digest != book.digest:
        words = f"{lies}是 {folder.rulebook.digest[:_SHORT]}，启用着的是 {digest}；服务照启用着的办"
        return hint(about, words, f"把目录换成启用着的那一版（不在了，zuozhen rules copy ./新 取出来）；要改用{lies}：{put_in_force}")
    if one.order is None:
        return fine(about, f"{lies}读得进来（{digest}）；还没有启用过别的，服务用这一版")
    return fine(about, f"{lies}就是启用着的那一版（{digest}）")
