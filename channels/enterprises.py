"""Names of enterprises in a text: the only module that knows where such a name begins and ends.

Chinese has no word spaces, so a name in running text is found from its end (有限公司, 合作社, 经营部 …) backwards to the place name it
begins with, or to the last word that cannot be part of a name. Works on the shadow of a passage (`channels.passage`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels.passage import HAN, any_of
from store.enterprise_names import REGIONS

_LONGEST = 40  # characters; registered names stay well below
_LONGEST_SHOP = 12  # a longer run before 店 is a sentence
_SHORTEST_TOKEN = 3  # 滇味楼
_PLACES = any_of(" ".join(REGIONS))
_CHAIN = re.compile(
    rf"(?:{_PLACES}(?:省|自治区|市|区|县|州)?|[{HAN}]{{2}}(?:省|市|县|自治州)(?!{any_of('场 内 里 级 面 区 民 政 委 长 外')}))+"
)

_COOPERATIVE = any_of("农民专业合作社 专业合作社 股份合作社 合作社 联合社")
_LIMITED = r"(?:有\s?限\s?责\s?任\s?公\s?司|股\s?份\s?有\s?限\s?公\s?司|有\s?限\s?公\s?司)"  # a full line may break inside it
_FIRM = any_of(
    """律师事务所 会计师事务所 事务所 经营部 经销部 经营店 营业部 服务部 批发部 门市部 工程部 加工厂 制造厂 养殖场 种植场 家庭农场 农场 林场 工作室 商行 商贸行 贸易行 批发行
    车行 花行 商店 门诊部 诊所 医院 药房 药店 大药房 幼儿园 培训学校 学校 培训中心 民宿 客栈 酒店 宾馆 饭店 餐厅 餐馆 酒楼 茶楼 火锅店 小吃店 面馆 咖啡馆 咖啡店 奶茶店
    烘焙坊 工坊 超市 便利店 美容院 理发店 健身房 健身馆 影院 娱乐馆 网吧 网咖 电竞馆 俱乐部 会所 养老院 敬老院 修理厂 汽修厂 维修厂 洗车店 花店 服装店 宴会厅 体验馆
    展览馆 采摘园 庄园 农庄 山庄 果园 茶园 生态园 苗圃 花圃 酒庄 度假村 书屋 琴行 画室 书店 打印店 图文店 大排档 个体户 摊位 集团 研究院 设计院 检测站 加油站 加气站
    充电站 回收站 (?<!限)(?<!任)公司"""
)
_NAME_END = re.compile(rf"(?P<registered>{_LIMITED}|{_COOPERATIVE})|{_FIRM}|[厂店馆坊楼阁轩堂社行]")
_LAST_LIMITED = re.compile(_LIMITED)
_TOKEN_END = re.compile(
    rf"(?:公司|{_COOPERATIVE}|{_FIRM}|{any_of('中心 联盟 园艺 花艺 烘焙 餐饮')}|[厂店馆坊楼阁轩堂屋园铺行社站场吧院所部厅室庄居舍驿府苑栈])(?:\([^()\n]{{1,16}}\))?$"
)
# A branch is an enterprise of its own name: 甲有限公司乙分公司.
_BRANCH = re.compile(rf"(?:\([{HAN}]{{2,6}}\))?[{HAN}A-Za-z0-9]{{1,10}}?(?:{any_of('分公司 支公司 分店 分厂 分部 办事处')}|店(?![{HAN}]))")
_BRANCH_BREAK = re.compile(r"[的与和及、向请在被由对我是把给]|公司.")
_LEGAL_FORM = re.compile(rf"\({any_of('普通合伙 有限合伙 特殊普通合伙 个人独资 个人独资企业 个体工商户 个体 集团 外商独资 合资')}\)")

# What may follow a name without registered form, so that 店 in 店面 or 部 in 部分 ends none.
_CLOSED = re.compile(
    rf"(?![{HAN}A-Za-z0-9])|{any_of('的 在 位于 门口 是 经营者 店主 老板 负责人 法人 会计 经理 店长 店员')}|\((?:普通|有限|个)"
)
_NAMING = re.compile(
    rf"(?:{any_of('名称 全称 店名 厂名 校名 叫 叫做 叫作 名叫 名为 为 登记为 注册为 我是 我们是 本人是 本人系 我系 系')}|[\"“「『《【])$"
)
_NAME_CHAR = re.compile(rf"[{HAN}A-Za-z0-9·&]")
_IN_BRACKETS = re.compile(rf"[{HAN}A-Za-z]{{1,10}}")

# Words that end what stands before a name; after them the name can begin.
_BREAK = re.compile(
    any_of(
        r"""我们公司 我公司 我司 我单位 我店 我厂 我校 我站 我社 我部 我馆 我园 我院 我所 本公司 本司 本店 本单位 本厂 本校 本社 本站 敝公司 敝司 贵公司 贵司 该公司
        自己公司 自己的公司 公司名称 名称 全称 店名 厂名 校名 公司叫做? 店叫做? 厂叫做? 社叫做? 叫做 叫作 名叫 名为 改名为? 更名为? 登记为 注册为 我们是 我是 本人是
        本人系 我系 我们 本人 就是 来自 代表 委托 供货商 供应商 开发商 总包 分包方 甲方 乙方 对方 业主 建设单位 施工单位 出租方 物业(?!服务|管理|集团|发展|有限|$) 前租户 原租户 运营方 运营商 负责人
        法定代表人 法人 [0-9]{1,4}[年月日号] (?<!美)的 是 叫 了 被 您 你 这家 那家 一家 某家 把 让 系(?!统|列)"""
    )
)
# Stripped from the front of what is left: verbs always, single prepositions not at the head of a line, where 和 and 向 begin names.
_VERBS = re.compile(
    rf"""{
        any_of(
            '''请求 请 恳请 强烈要求 要求 关于 投诉 举报 反映 解决 报告 咨询 联系 通过 根据 按照 作为 属于 下属 进入 均为 自从 因为 由于 但是 而 租用 承租 入驻 购买 购得
        协调 督促 催促 感谢 曝光 揭露 严惩 整治 查处 呼吁 希望 致 原'''
        )
    }+"""
)
_PREPOSITIONS = re.compile(r"[受由与向在被给跟对从到找把将让因且并即如经为于同和及或现该此某]+")
_BETWEEN_NAMES = re.compile(r"[与和跟向由被给在到找购买租欠告诉受托]|事务所|公司|企业")
_NOT_IN_NAME = re.compile(
    any_of(
        r"""某 \*\* XX 我[们县市区省村镇] 你们 他们 [两三四五六七八九十几]家 一[个些位家名] 需要 希望 滥用 强行 应该 如何 关心 是不 已经 因此 难道 兼任
        什么 哪个 怎么 这个 那个 没有 不是 可以 因为 所以"""
    )
)
_GENERIC_WORDS = """本地 当地 外地 自己 小微 大型 中小 民营 国有 国企 上市 物流 快递 物业 保险 担保 自来水 供水 供电 电力 燃气 建筑 施工 运输 租赁 投资 开发 房地产 运营 管理
    装修 咨询 代账 劳务 银行 广告 贸易 科技 园区 平台 第三方 合作 关联 母 子 分 新 老 各 两 三 几 多 大 小 村 股份 责任 股份制 独资 外资 合资 专业 农民专业 律师 会计师
    花卉 加油 汽修"""
_GENERIC = re.compile(rf"{any_of(_GENERIC_WORDS)}*")
_OFFICE_WORDS = """局 委员会 政府 街道 街道办 办事处 管委会 支队 大队 中队 法院 检察院 仲裁院 仲裁委 派出所 税务所 监管所 市监所 司法所 工商联 商会 协会 指挥部 专班 窗口
    服务中心 政务中心 市场监管所 研究所 村委会 居委会 机关 省厅 分局 村民小组 合作总社"""
_OFFICE = re.compile(rf"{any_of(_OFFICE_WORDS)}$")
_OFFICE_START = re.compile(r"(?:国家|区|市|省|县|各)(?:级|委|府|局|直)")
_BRACKETED = re.compile(r"\s|\([^()]*\)")
_FULL_LINE = 22  # characters of a line that was broken because it was full


@dataclass(frozen=True, slots=True)
class Name:
    """One name found: code points [start, end). `is_registered` where its shape is that of a register's entry (…有限公司, a place and …经营部)."""

    start: int
    end: int
    is_registered: bool


def names(plain: str) -> Iterator[Name]:
    """Yield the names in running text, in order, without those of offices and kinds of enterprise (某公司, 自来水公司)."""
    floor = 0
    for match in _NAME_END.finditer(plain):
        is_registered = match["registered"] is not None
        if match.start() < floor or not (is_registered or _CLOSED.match(plain, match.end())):
            continue
        start = _begin(plain, match.start(), floor, is_registered=is_registered)
        if start is None:
            continue
        end = _end(plain, match.end(), has_branches=is_registered)
        name = plain[start:end]
        if is_plausible(name):
            yield Name(start, end, is_registered or (len(match[0]) > 1 and _CHAIN.match(name) is not None))
            floor = end


def token_end(token: str) -> int | None:
    """Where the name ends that a word of its own begins with (in a signature, behind a label); None where it is no enterprise."""
    limited = None
    for match in _LAST_LIMITED.finditer(token):
        limited = _end(token, match.end(), has_branches=True)
    if limited is not None:
        return limited if is_plausible(token[:limited]) else None
    form = _LEGAL_FORM.search(token)
    core = token[: form.start()] if form else token
    if not _SHORTEST_TOKEN <= len(core) <= _LONGEST or not _TOKEN_END.search(core) or not is_plausible(core):
        return None
    return form.end() if form else len(core)


def is_plausible(name: str) -> bool:
    """Whether *name* can be one enterprise: something of its own beside place and kind, no office, no pronoun."""
    if is_office(name) or _NOT_IN_NAME.search(name):
        return False
    core = _CHAIN.sub("", _BRACKETED.sub("", name), count=1) if _CHAIN.match(name) else _BRACKETED.sub("", name)
    end = _NAME_END.search(core)
    if end and end.end() == len(core):
        return end.start() > 0 and _GENERIC.fullmatch(core[: end.start()]) is None
    return len(core) > 1 and _GENERIC.fullmatch(core) is None


def is_place(text: str) -> bool:
    """Whether *text* is nothing but the name of a place."""
    return _CHAIN.fullmatch(text) is not None


def is_office(text: str) -> bool:
    """Whether *text* names an authority or one of its rooms (区税务局, 洛龙派出所, 坐诊接诉窗口)."""
    return _OFFICE.search(text) is not None or _OFFICE_START.match(text) is not None


def _end(plain: str, at: int, *, has_branches: bool) -> int:
    """Where a name ends whose form ends at *at*: behind a branch or the legal form in brackets that belongs to it."""
    if form := _LEGAL_FORM.match(plain, at):
        return form.end()
    branch = _BRANCH.match(plain, at) if has_branches else None
    return branch.end() if branch and not _BRANCH_BREAK.search(branch[0]) else at


def _begin(plain: str, at: int, floor: int, *, is_registered: bool) -> int | None:
    """Where the name begins whose form begins at *at*; None where only words that cannot be a name stand before it."""
    low = _run_start(plain, at, floor)
    run = plain[low:at]
    place = _place_start(run)
    if place is not None:
        return low + place
    cut = max((match.end() for match in _BREAK.finditer(run)), default=0)
    is_named = _NAMING.search(plain, max(0, low + cut - 4), low + cut) is not None
    if not is_registered:  # 店 and 部 end many words: only what is named as a name, or quoted, is one
        return low + cut if 1 < len(run) - cut <= _LONGEST_SHOP and is_named else None
    if verbs := _VERBS.match(run, cut):
        cut = verbs.end()
    if (cut or not _is_line_start(plain, low)) and (preposition := _PREPOSITIONS.match(run, cut)):
        cut = preposition.end()
    least = 4 if plain[at] in "农专合联" and not is_named else 2  # 合作社 is a common noun as well
    return low + cut if len(run) - cut >= least else None


def _run_start(plain: str, at: int, floor: int) -> int:
    """How far left of *at* characters of a name go on: Chinese, Latin, digits, brackets with a place, one break of a full line."""
    low, limit = at, max(floor, at - _LONGEST)
    while low > limit:
        char = plain[low - 1]
        if _NAME_CHAR.match(char) or (char == "\n" and _is_wrapped(plain, low - 1)):
            low -= 1
        elif char == ")" and (opening := plain.rfind("(", max(limit, low - 14), low - 1)) >= 0:
            if not _IN_BRACKETS.fullmatch(plain, opening + 1, low - 1):
                break
            low = opening
        else:
            break
    return low


def _is_wrapped(plain: str, newline: int) -> bool:
    """Whether the line that ends at *newline* was broken only because it was full."""
    start = plain.rfind("\n", max(0, newline - 100), newline) + 1
    return len(plain[start:newline].strip()) >= _FULL_LINE and plain[newline + 1 : newline + 2] not in {"", " ", "\t", "\n"}


def _is_line_start(plain: str, at: int) -> bool:
    return not plain[plain.rfind("\n", max(0, at - 20), at) + 1 : at].strip()


def _place_start(run: str) -> int | None:
    """Where in *run* a place begins the name; a later place begins another one only behind a word that stands between two names."""
    start, end = None, 0
    for chain in _CHAIN.finditer(run):
        if chain.start() and run[chain.start() - 1] == "(":
            continue
        if start is None or _BETWEEN_NAMES.search(run, end, chain.start()):
            start = chain.start()
        end = chain.end()
    return None if start is None or _BREAK.search(run, start) else start
