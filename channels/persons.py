"""Names of people as they stand in Chinese business letters: the only module that knows surnames, forms of address and roles.

Works on the shadow of a passage (`channels.passage`), where traditional surnames are simplified. Nothing here says whose name it is.
"""

from __future__ import annotations

import re

from channels.passage import HAN, any_of

_SURNAMES = frozenset(
    # 百家姓
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕"
    "殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁"
    "钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓"
    "牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵"
    "冉宰郦雍郤璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融"
    "冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公"
    # common today, or in Yunnan, and not in it
    "肖闫涂代覃佟苟佘岳帅缑亢况商晋楚仝冼揭敬税占展初付兰尧修卿原召矣者普起角速木沐刀岩罕思线俸字自茶杞依侬寸番保勒早排帕哈塔延扎旦来杲栗楼檀母洛渠由盘真睢"
    "种竹素肇腾苑英藏虎要觉谌豆豹超邝邸铁闾降隋雒青革鹿麦麴候彦禚粟呙庹冮"
)
_DOUBLE = frozenset(
    """欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 司徒 长孙 宇文 夏侯 轩辕 端木 南宫 独孤 申屠 公冶 澹台 闻人 赫连 钟离 呼延 东郭 西门 左丘
    百里 拓跋 鲜于 司空 阿布 扎西 卓玛 次仁""".split()  # noqa: SIM905 - a list of words reads best as words
)
# Characters that are surnames in the register but words in most sentences: alone they prove nothing.
_WORDY = frozenset(
    "于时和有那年通全常经管成公明家都应解单强富利代要来自由后满高方平安包关万文东水花山生种母相里降双回已真青红超国广江能从别空养须查易索怀隆敬税初原召起角速木线"
    "字保早竹素觉展延修思"
)
# No given name holds one of the first; the second are in given names now and then, but in other words far more often.
_NEVER = frozenset("的了是我们在与这那您你请对把被不没也都还就说给让向从什么吗呢吧啊呀")
_RARELY = frozenset(
    "人民及等到去之于其此以为个只又已很最更将要会能可该由因但而且或若则并各每某第几些啦嘛跟着过元号楼栋层室路街区市县镇村司店"
)
_NOT_NAMES = frozenset(
    """权益 权利 权力 公司 公路 居民 费用 空间 贡献 安装 扶持 初婚 谢谢 多谢 高兴 方便 时间 时候 电话 经理 经办 管理 安全 安排 关于 于是 和谐 国庆 方面 方式
    高度 平台 平时 明确 明年 明天 全体 全部 全年 常年 通知 通过 通告 任何 何时 单位 单独 应急 应当 公章 解决 解释 双方 万元 江苏 江西 广东 广西 海南 云南 贵州 宁夏
    安徽 吉林 黎明 白天 东西 花卉 花店 米线 水务 水利 水电 金额 金融 成本 成立 成功 程序 温馨 顾客 祝福 祝愿 祝好 项目 支付 支持 支出 许可 席位 路口 路面 车间
    车辆 房租 房屋 房东 石油 农村 农业 商业 商务 文件 文化 文旅 申请 申报 申诉 连续 连锁 包括 包装 强烈 富民 充分 利息 利润 广告 国家 国土 国有 师傅 乌龙 洛龙 雨花
    龙城 惠民 惠企 荣誉 易损 古镇 相关 真实 言论 生产 生意 生活 种植 母亲 红线 老板 老师 老乡 来信 来访 来件 年底 年初 年度 年终 季度 时限 计划 计算 后续 后来 后果
    代理 代码 代表 代账 要求 自从 自动 自己 自来 自述 由于 由此 有关 有人 有限 有效 家属 家长 都是 解除 应该 管委 管网 经营 经济 经过 明细 盖章 印章 税务 税费 税号
    依据""".split()  # noqa: SIM905 - likewise
)

ROLE = any_of(
    """法定代表人 法人代表 企业法人 法人 执行合伙人 合伙人 负责人 总经理 副总经理 副总 总监 经理 董事长 理事长 副理事长 执行董事 董事 监事 股东 总裁 总 社长 厂长 店长
    店主 站长 场长 校长 园长 院长 所长 馆长 行长 科长 处长 部长 班长 组长 队长 车队长 主任 主管 会计 出纳 财务 人事 行政 法务 律师 采购 采购员 销售 业务员 业务经理 文员
    内勤 外勤 调度 助理 秘书 专员 干事 工程师 技术员 厨师长 老板娘 老板 业主 掌柜 代表 经办人 经办人员 经办 联系人 投资人 创始人 主理人 馆主 经营者 运营 客服 代理人
    委托代理人 受托人 办事员 报关员 质检员 安全员 专管员 综合管理 负责同志 户主 场主"""
)
_UNIT = any_of("人员 部 科 处 室 组 办公室 中心 车间 队")
_ROLE_TOKEN = re.compile(rf"[{HAN}A-Za-z]{{0,8}}(?:{ROLE}|{_UNIT})(?:兼[{HAN}]{{1,6}})?")
_ENGLISH_ROLE_WORDS = """Manager Director General Chief CEO CFO COO CTO Sales Engineer Assistant President Officer Legal Department Dept Best Kind Regards
    Thanks Dear Team Sent Mr Ms Mrs Co Ltd Tel Phone Mobile Email Add"""
_ENGLISH_ROLE = re.compile(rf"\b{any_of(_ENGLISH_ROLE_WORDS)}\b")
_TITLE = any_of(
    """先生 女士 小姐 总经理 副总 经理 总监 会计 出纳 老师 师傅 律师 校长 园长 院长 老板娘 老板 主任 厂长 店长 站长 社长 理事长 董事长 主管 助理 秘书 同志 大姐
    大哥 阿姨 大爷 医生 大夫 教练 某某 某"""
)
_TITLED = re.compile(rf"([{HAN}]{{1,3}}?){_TITLE}|([{HAN}]{{1,2}}?)[总董师工姐哥嫂]")
_FAMILIAR = re.compile(rf"(?:[老小阿][{HAN}]|[小老][{HAN}](?:会计|老师|姐|哥)|[{HAN}](?:老|伯))")
_OFFICIAL = re.compile(rf"(?:[厅局处科区市县省镇乡部行校园院所站社厂店班组队]长|{any_of('书记 主席 主任 总理 委员 领导 秘书')}|{_TITLE})")
_HAN_NAME = re.compile(rf"[{HAN}]{{2,4}}")
_DOTTED = re.compile(rf"[{HAN}]{{1,6}}(?:·[{HAN}]{{1,6}}){{1,2}}")  # 阿依古丽·买买提
_LATIN = re.compile(r"[A-Z][a-zA-Z]{1,15}(?:[ .][A-Z][a-zA-Z]{0,15}){0,3}")
_LATIN_FIRST = re.compile(r"(?:(?:Mr|Ms|Mrs|Miss|Dr)\.? ?)?((?!Mr\b|Ms\b)[A-Z][a-z]{1,15}(?: [A-Z][a-z]{0,15}){0,2})(?![A-Za-z])")
_ALIAS = re.compile(rf"[A-Za-z .]{{2,30}}\(([{HAN}]{{2,4}})\)")
_NOTE = re.compile(r"\([^()]{0,20}\)$")
_ROLE_FIRST = re.compile(rf"[{HAN}]{{0,6}}?{ROLE}:?")
_NAME_FIRST = re.compile(rf"([{HAN}]{{2,4}}?){ROLE}")
_ENDS = re.compile(
    r"$|[\s,、;。:!?()/\"“”‘’<>《》【】\[\]|+0-9]|"
    + any_of("一行 前来 来到 到 来 现场 反映 自述 称 说 等人 电话 手机 联系 本人 先生 女士 同志 口述 携 持 提交 递交 补充 因 代")
)
_LONGEST = 8  # characters of a name with a middle dot


def is_role(token: str) -> bool:
    """Whether *token* names a position or an office (财务, 运营负责人, 综合部, General Manager) and no person."""
    return _ROLE_TOKEN.fullmatch(token) is not None or _ENGLISH_ROLE.search(token) is not None


def is_name(token: str) -> bool:
    """Whether *token* has the shape of a full name: a known surname and one or two more characters, or a name with a middle dot."""
    if _DOTTED.fullmatch(token):
        return True
    if not _HAN_NAME.fullmatch(token) or token[:2] in _NOT_NAMES or is_role(token):
        return False
    given = token[2:] if token[:2] in _DOUBLE and len(token) > 2 else token[1:]  # noqa: PLR2004 - two characters of a double surname
    return (
        is_surname(token[: len(token) - len(given)])
        and len(given) <= 2  # noqa: PLR2004 - given names have one or two characters
        and not _OFFICIAL.fullmatch(given)
        and not _NEVER & set(given)
    )


def is_surely_name(token: str) -> bool:
    """Whether *token* is a full name even where nothing around it says so: the surname is not at the same time an everyday word."""
    return is_name(token) and (token[0] not in _WORDY or token[:2] in _DOUBLE) and not _RARELY & set(token[1:])


def is_address_form(token: str) -> bool:
    """Whether *token* is how people call somebody: 许会计, 岳师, 刘女士, 老葛, 小何会计."""
    if _FAMILIAR.fullmatch(token):
        return token not in _NOT_NAMES and token[1] not in _NEVER and (is_surname(token[1]) or is_surname(token[0]))
    titled = _TITLED.fullmatch(token)
    if titled is None or token[:2] in _NOT_NAMES:
        return False
    called = titled[1] or titled[2]
    return is_surname(called) or bool(titled[1] and is_name(called))


def is_latin_name(token: str) -> bool:
    """Whether *token* is a name in Latin letters (Leo, Ge Wenbin)."""
    return _LATIN.fullmatch(token) is not None and not token.isupper()


def is_surname(token: str) -> bool:
    """Whether *token* is a surname and no more, as people sign who do not want to be known (范)."""
    return token in _SURNAMES or token in _DOUBLE


def inside(token: str) -> tuple[int, int] | None:
    """Where in one word the person stands: all of it, or without the role (经理施建华, 孔令涛总经理) or nickname (Zoe(周怡)) around it."""
    if alias := _ALIAS.fullmatch(token):
        return alias.span(1) if is_name(alias[1]) else None
    bare = _NOTE.sub("", token)
    if (prefixed := _ROLE_FIRST.match(bare)) and (is_name(bare[prefixed.end() :]) or is_latin_name(bare[prefixed.end() :])):
        return prefixed.end(), len(bare)
    if (titled := _NAME_FIRST.fullmatch(bare)) and is_name(titled[1]):
        return titled.span(1)
    if is_surely_name(bare) or is_address_form(bare):
        return 0, len(bare)
    return (0, len(bare)) if not is_role(bare) and (is_name(bare) or is_latin_name(bare)) else None


def latin_first(text: str) -> tuple[int, int] | None:
    """Where a name in Latin letters stands at the head of *text*, a Mr. before it left out; None where none does."""
    match = _LATIN_FIRST.match(text)
    return match.span(1) if match and not is_role(match[1]) else None


def person_at(plain: str, at: int, *, sure: bool = False) -> int | None:
    """End of the person's name that begins at *at*, longest first; None where none stands there. With *sure*, full names only."""
    latin = None if sure else _LATIN.match(plain, at)
    if latin and not latin[0].isupper():
        return latin.end()
    for end in range(min(at + _LONGEST, len(plain)), at + 1, -1):
        token = plain[at:end]
        if _ENDS.match(plain, end) and (is_surely_name(token) if sure else is_name(token) or is_address_form(token)):
            return end
    return None
