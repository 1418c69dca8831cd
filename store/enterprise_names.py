"""What of an enterprise's name is its own: 启岭 in 昆明启岭建筑工程有限公司, and how that sounds. Pure.

Callers, call takers and 12345 shorten a name and mishear it (启领建筑公司), so that the registered words around the core tell nothing.
The words below are those of names all over China; no district's own.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

REGIONS = """
    北京 天津 上海 重庆 河北 山西 内蒙古 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 广西 海南 四川 贵州 云南 西藏 陕西 甘肃 青海 宁夏 新疆
    香港 澳门 台湾 中国 昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 楚雄 红河 文山 西双版纳 大理 德宏 怒江 迪庆 呈贡 五华 盘龙 官渡 西山 东川 安宁 晋宁 富民 嵩明 宜良 石林
    禄劝 寻甸 斗南 滇中 广州 深圳 珠海 佛山 东莞 中山 惠州 汕头 杭州 宁波 温州 嘉兴 绍兴 金华 台州 义乌 南京 苏州 无锡 常州 南通 徐州 扬州 合肥 芜湖 福州 厦门 泉州 漳州
    南昌 赣州 济南 青岛 烟台 潍坊 临沂 郑州 洛阳 武汉 宜昌 襄阳 长沙 株洲 衡阳 南宁 柳州 桂林 海口 三亚 成都 绵阳 宜宾 泸州 攀枝花 贵阳 遵义 六盘水 安顺 拉萨 西安 咸阳
    宝鸡 兰州 西宁 银川 乌鲁木齐 石家庄 唐山 保定 太原 大同 呼和浩特 包头 沈阳 大连 长春 哈尔滨""".split()  # noqa: SIM905 - read as a text

_FORMS = """
    有限责任公司 股份有限公司 集团有限公司 有限公司 公司 集团 分公司 支公司 农民专业合作社 专业合作社 合作社 联合社 律师事务所 会计师事务所 事务所 经营部 经销部 经营店 营业部
    服务部 批发部 门市部 加工厂 制造厂 养殖场 种植场 家庭农场 农场 林场 工作室 商行 车行 花行 商店 门诊部 诊所 幼儿园 培训学校 学校 培训中心 中心 民宿 客栈 酒店 宾馆 饭店 餐厅
    餐馆 超市 便利店 健身房 健身馆 娱乐馆 俱乐部 养老院 修理厂 汽修厂 洗衣店 花店 个体户 研究院 设计院 检测站 加油站 工厂 厂 店 馆 行 社 部 院 企业 单位 工坊""".split()  # noqa: SIM905 - read as a text

_TRADES = """
    商贸 贸易 科技 技术 信息 数据 网络 软件 电子 电器 家电 电气 电商 电子商务 商务 文化 传媒 传播 广告 教育 培训 艺术 职业 技能 咨询 管理 服务 企业管理 供应链 物流 运输 货运 汽车 机电
    设备 机械 模具 精密 制造 工业 实业 发展 投资 控股 建筑 建设 市政 工程 装饰 装修 建材 园林 绿化 环保 能源 新能源 光电 弱电 智能 生物 医药 医疗 健康 健身 体育 口腔 美容 餐饮 食品 饮品 咖啡
    农业 花卉 鲜花 园艺 果蔬 蔬菜 水果 种业 苗木 养殖 冷链 仓储 包装 印刷 印务 纸塑 纸制品 塑料 化工 洗涤 洗衣 保洁 物业 房地产 置业 地产 租赁 劳务 派遣 人力资源 财税 财务 会计 税务 法律
    旅游 旅行社 种植 维修 创意 装备 防水 保温 传动 再生 茶业 茶叶 保鲜 涂料 加油 石化 电梯 连锁 培育 粮油 水产 畜牧 肥料 农资 灯饰 照明 门窗 玻璃 钢构 酒店 民宿 服饰 服装 家具 五金 材料 水处理 净水 检测 测绘 设计 娱乐 摄影 国际 进出口 外贸 百货 日用品 电力 通信 安防 消防 保安 金融 担保 保险 经纪 零售 批发 养老 家政
    生物科技 信息技术 文化传媒 建筑工程 劳务派遣 开发 经营 生产 加工 销售 产业 集团 联合""".split()  # noqa: SIM905 - read as a text

_SHORTEST = 2  # characters of a core: 启岭
_LONGEST_CORE = 4  # characters; such a one is rarely all of its own
_LONGEST_NAME = 60  # characters; longer is no name
_BRACKETS = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")
_BRANCH = re.compile(r"(?<=公司).+$")
_LONG_CORE = re.compile(rf"[\u3400-\u9fff]{{{_LONGEST_CORE},}}")
_NOT_WORD = re.compile(r"[\W_]+")
_REGION = re.compile(rf"(?:{'|'.join(sorted(REGIONS, key=len, reverse=True))})(?:省|市|自治区|区|县|州)?")
_ANY_REGION = re.compile(r"[\u3400-\u9fff]{2,3}(?:省|自治州|自治区)")
KINDS = f"(?:{'|'.join(sorted({*_FORMS, *_TRADES}, key=len, reverse=True))})"
"""Expression for a word of trade or form."""
_END = re.compile(f"{KINDS}$")
_NOBODY = re.compile(r"^(?:某|一[家个]|本|该|我|不[愿详]|匿名|未)|不愿|匿名|保密")

# What people and machines confuse when they hear a name: 平舌/翘舌, n/l, 前鼻/后鼻.
_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_FINALS = (("ing", "in"), ("eng", "en"), ("ang", "an"))


def plain_name(name: str) -> str:
    """Return *name* without what people write differently: width, case, spaces, punctuation."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", name).casefold())


def core(name: str) -> str:
    """Return what is the enterprise's own in *name*, without region, trade, form and branch; "" where it names nobody (某电商公司)."""
    return name_and_rest(name)[0]


@lru_cache(maxsize=10_000)
def name_and_rest(name: str) -> tuple[str, str]:
    """Return the core of *name* and what follows it there: 启岭, 建筑工程有限公司; nothing where it names nobody."""
    bare = _BRACKETS.sub("", unicodedata.normalize("NFKC", name[:_LONGEST_NAME]).casefold())
    bare = _BRANCH.sub("", _NOT_WORD.sub("", bare))
    if _NOBODY.search(bare):
        return "", ""
    bare = _without_region(bare)
    own = _without_end(bare)
    return (own, bare[len(own) :]) if len(own) >= _SHORTEST and not _END.fullmatch(own) else ("", "")


def parted(name: str) -> list[tuple[str, str]]:
    """Return the cores by which *name* may be called, each with what follows it: 沐野户外用品, 沐野户, 沐野.

    A long core holds a word of trade that nobody has listed; not one with figures, which is a series' (示例1号, 示例2号).
    """
    own, rest = name_and_rest(name)
    if not own:
        return []
    shorter = range(_LONGEST_CORE - 1, _SHORTEST - 1, -1) if _LONG_CORE.fullmatch(own) else ()
    return [(own[:size], own[size:] + rest) for size in (len(own), *shorter)]


def _without_region(name: str) -> str:
    while match := _REGION.match(name) or _ANY_REGION.match(name):
        if len(name) - match.end() < _SHORTEST or _END.fullmatch(name, match.end()):
            break
        name = name[match.end() :]
    return name


def _without_end(name: str) -> str:
    while (match := _END.search(name, _SHORTEST)) and match.start() >= _SHORTEST:
        name = name[: match.start()]
    return name


@lru_cache(maxsize=10_000)
def sound(word: str) -> str:
    """Return how *word* sounds as people confuse it, syllable by syllable; letters and digits sound as they are."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - 0.3 s and 40 MB, which only who compares names should pay

    return " ".join(_heard(syllable) for syllable in lazy_pinyin(word))


def _heard(syllable: str) -> str:
    for said, taken in _INITIALS:
        if syllable.startswith(said):
            syllable = taken + syllable.removeprefix(said)
            break
    for said, taken in _FINALS:
        if syllable.endswith(said):
            return syllable.removesuffix(said) + taken
    return syllable
