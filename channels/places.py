"""Addresses of enterprises in a text: the only module that knows what a Chinese address looks like and how a sender says where he is.

Works on the shadow of a passage (`channels.passage`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels.passage import HAN, any_of

_CHAR = rf"[{HAN}A-Za-z0-9#()\-、—~·+]"
_AREA = any_of(
    "省 市 州 区 县 镇 乡 村 街道 社区 开发区 园区 产业园 科技园 创业园 工业园 物流园 孵化园 大学城 园 片区 小区 大道 路 街 巷 弄 城 广场 大厦 中心 市场 基地 组 寨 冲"
)
_UNIT = any_of(
    "号院 号楼 号 栋 幢 座 单元 层 楼 室 厅 库 间 铺 商铺 铺面 门面 厂房 仓库 负一层 [0-9]F 旁 旁边 对面 隔壁 附近 路口 门口 内 侧 处"
)
_ADDRESS = re.compile(rf"{_CHAR}{{2,40}}?(?:{_AREA}|{_UNIT}){_CHAR}{{0,30}}")
_HAS_AREA = re.compile(rf"[{HAN}]{_AREA}")
_HAS_UNIT = re.compile(rf"[A-Za-z0-9一二三四五六七八九十#\-]{_UNIT}")
_TAIL = re.compile(rf"(?:{_AREA}|{_UNIT}|[A-Za-z0-9#\-]+|\([^()]*\))$")
_SITES = any_of(
    """公司 厂 厂房 店 店面 店铺 门店 酒店 企业 合作社 社 仓库 基地 学校 机构 营业处所 经营场所 注册地 办公地 地址 住所 住所地 单位 门市 民宿 项目部"""
)
_STANDS = any_of("地处 位于 坐落于 坐落在 设于 设在 开在 建在 就在 在 是 为")
_WORKS = any_of("开 经营 租地 租 租了 租用 承租 合伙 从事 办厂 流转 承包 建了 办了 种")
_WHERE = re.compile(
    rf"{_SITES}(?:\([^()\n]{{1,6}}\))?(?:就)?{_STANDS}|(?<![{HAN}])(?:地处|位于)|坐落[于在]|在(?=[^,。;\n]{{2,30}}{_WORKS})|(?:租用|承租)(?=[^,。;\n]{{0,20}}[0-9])"
)
_STRETCH = re.compile(rf"{_CHAR}{{3,50}}")
_CUT = re.compile(
    rf"{any_of('从事 经营 开 租地 租 承租 合伙 办厂 主营 主要 流转 生产 建 是 有 共 现有 专业 做 注册 成立')}|的(?!门店|店面|店|铺面)|内(?=从)|,|、(?![0-9一二三四五六七八九十])"
)
_NO_PLACE = re.compile(
    any_of(
        """请 望 明确 恢复 给 把 被 要 我 你 他 局 政府 窗口 平台 网站 微信 系统 政策 公示 期间 手续 合同 问题 办理 方面 情况 基础上 过程 已 因 未 该 此 本"""
    )
)
_SHORTEST, _LONGEST = 4, 60  # characters: shorter is a name, longer a sentence


def is_address(token: str) -> bool:
    """Whether *token* as a whole is an address: an area with a house, floor or shop in it, or two areas."""
    if not _SHORTEST <= len(token) <= _LONGEST or _NO_PLACE.search(token) or not _ADDRESS.fullmatch(token) or not _TAIL.search(token):
        return False
    areas = len(_HAS_AREA.findall(token))
    return areas > 1 or (areas == 1 and _HAS_UNIT.search(token) is not None)


def stated(plain: str) -> Iterator[tuple[int, int]]:
    """Yield where the text says that an enterprise is: 位于…, 公司在…, 在…开了…."""
    for match in _WHERE.finditer(plain):
        stretch = _STRETCH.match(plain, match.end())
        if not stretch:
            continue
        cut = _CUT.search(stretch[0])
        text = (stretch[0][: cut.start()] if cut else stretch[0]).rstrip("()-—、")
        is_area = _HAS_AREA.search(text) and _TAIL.search(text) and not _NO_PLACE.search(text)
        if len(text) >= _SHORTEST and (is_area or is_address(text)):
            yield match.end(), match.end() + len(text)
