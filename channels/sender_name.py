"""Which of the enterprises named in a text is the sender's own: the only module that knows how one says 我公司 and how one speaks of others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels import enterprises, persons
from channels.enterprises import Name
from channels.labels import Labelled
from channels.passage import HAN, Passage, any_of, shadow
from channels.view import Candidate, View
from store.model.petition import Found

WE = any_of(
    """我公司 我司 我们公司 我们单位 我单位 我店 我们店 我厂 我们厂 我校 我站 我社 我们合作社 我部 我馆 我园 我院 我所 我企业 我们企业 本公司 本司 本店 本单位 本厂 本校 本社
    本站 本企业 本部 本中心 敝公司 敝司 我们是 我是 我系 我们系 本人是 本人系 本人为 我们 本人 我方 系"""
)
_I_AM = any_of("我是 我们是 我系 我们系 本人是 本人系 本人为")

# What stands before a name: a claim, a mandate, or a sign that it is another's.
_CLAIMED = re.compile(
    rf"(?:{WE}|来访人|来信人|来访|自述系|自述是|[店厂社校司位点园馆]名?叫做?|(?<![{HAN}])我|就叫|,叫做?|名称为?|全称为?|店名|厂名|现为|(?:注册|成立|创办|开办|经营)了)"
    r"[是为系叫做,: ]{0,3}[(\"“「『《]?$"
)
_CALLS_HIMSELF = re.compile(r"(?:自称|自报|代表)(?:是|系|为)?[(\"“「]?$")
_WE_ARE = re.compile(rf"(?:我们?是|我司是|我公司是|本公司[是为系]|我们?系|本人是)[{HAN}]{{1,10}}$")
_ONE_OF_MANY = re.compile(r"一家[^,。]{0,6}$")
_MANDATED = re.compile(r"(?:受|接受|代理|代表)(?:我方)?(?:当事人|委托人|客户)?[(\"“「:]?$")
_MANDATE = re.compile(r"[)\"”」]?(?:\([^()\n]{0,40}\))?(?:之|的)?(?:全权)?(?:委托|授权)")
_FOR = re.compile(r"(?:^|[\n,。;:!?])(?:现|兹)?代[(\"“「]?$")
_SPEAKS = re.compile(r"[)\"”」]?(?:\([^()\n]{0,40}\))?(?:反映|提出|申请|咨询|投诉|来信|办理)")
_MANDATES_US = re.compile(r"[)\"”」]?(?:特|现|全权)?(?:委托|授权)(?:我|本|敝)(?:们|公司|司|所|方|单位|人)")
_OTHERS_WORDS = """一家 名叫 叫 关于 向 与 和 跟 同 由 被 把 从 找了? 给 对 将 告 欠 诉 租用 承租 投诉 举报 委托 购买 租了? 买了? 签了? 请了? 借了? 供货商 供应商 开发商 总包
    总包方 承包方 发包方 分包方 甲方 乙方 对方 房东 业主 物业 建设单位 施工单位 中标单位 出租方 合作方 客户 运营商 运营方 运营公司 平台 厂家 原租户 前租户 上家 下家 第三方 邻居
    隔壁 同行 竞争对手 以及 及 、 抄送 抄报 致 转 收件人 关联公司 母公司 经销商 代理商 服务商 保险公司 银行 前东家 其中"""
_OTHERS = re.compile(rf"{any_of(_OTHERS_WORDS)}[:(\"“「,是为叫系]{{0,3}}$")
_FIRST_PERSON = re.compile(r"我公司|我司|我们|我[店厂校站社]|本公司|本[店厂校人]|我在|我是")
_OURS = re.compile(r"我公司|我司|我们公司|本公司|我单位|我[店厂校社]|本[店厂校社]|我企业")

# What stands behind it.
_AGAINST_WORDS = """拖欠 欠 违约 拒绝 未付 不付 不给 起诉 仿冒 侵权 承建 开发 运营 负责运营 提供的 客服 供货 的供货商 建设 施工 生产的 强行 擅自 要求我 让我 一直不 至今不
    、 和 与 以及 及"""
_AGAINST = re.compile(rf"[)\"”」]?(?:\([^()\n]{{0,20}}\))?的?{any_of(_AGAINST_WORDS)}")
_ACCUSED = re.compile(any_of("非法 违法 违规 肆意 污染 偷排 诈骗 骗 侵犯 黑心 扰民 乱收费 克扣 强制 传销 跑路 不买社保 不给"))
_EMPLOYED_WORDS = """员工 职工 工人 工作人员 老职工 退休 下岗 学生 客户 消费者 会员 用户 业主 司机 上班 工作 打工 的一员 供应商 供货商 租户 分包 施工队 劳务队 合作伙伴 医务 医生
    教师 老师 护士 家长 村民 居民 家属 保安 保洁"""
_EMPLOYED = re.compile(rf"的?(?:一名|一个|普通|在职|退休|下岗|离职|临时|合同制?)*{any_of(_EMPLOYED_WORDS)}")
_ADDRESSED = re.compile(r"[)\"”]?(?:[各诸]位)?(?:领导|负责人|同志)?: {0,8}(?:\n|$)")
_ROLE_AFTER = re.compile(rf"(?:\([^()\n]{{0,60}}\)){{0,2}}的?[{HAN}]{{0,4}}{persons.ROLE}")
_CODE_AFTER = re.compile(r"[, ]{0,2}\(?[, ]?(?:[^()\n]{0,12}代码|税号|9[1-3][0-9A-Za-z]{6})")
_INTRODUCES_WORDS = r"""[,\n] $ \s{2} 反映 申请 请求 恳请 现就 就 关于 特 中标 承建 承接 成立于 位于 注册 经营 从事 主营 是一家 为一家 系一家 于20 20[0-9]{2}年 投资建设 租用
    承租 入驻 参加 参与 来信 来函 来电 来访 致函 缴存 缴纳"""
_INTRODUCES = re.compile(rf"(?:\([^()\n]{{0,60}}\)){{0,2}}{any_of(_INTRODUCES_WORDS)}|\([^()\n]{{0,12}}(?:代码|税号|9[1-3])")
_SERVICES = re.compile(any_of("银行 信用社 保险 律师事务所 会计师事务所 代账 财税 自来水 供电 电网 燃气 税务师 知识产权代理 城投 物业"))

# Short names, which only these words of trade, the mail header or quotation marks tell from other words.
PLAIN_TRADES = """教育 培训 医疗 旅游 网络 信息 数据 超市 养殖 种植 建筑 设计 体育 文化 艺术 农业 能源 电力 汽车 安防 人力 劳务 广告 物业 饮品 地产 水果 蔬菜 图书 家电 电器 家具
    酒店 钢材 水泥 游戏 快递 材料 养老"""
TRADES = """科技 电子 机械 机电 模具 制造 食品 餐饮 咖啡 茶业 酒业 园艺 花卉 鲜花 生物 医药 药业 口腔 健身 传媒 印刷 纸业 包装 物流 货运 运输 供应链 仓储 冷链 贸易 商贸
    外贸 进出口 电商 建材 装饰 装修 市政 园林 环保 水处理 化工 石化 塑料 再生 光电 光伏 电梯 汽修 汽配 置业 民宿 家政 检测 测绘 软件 智能 智联 监理 勘察 造价 审计 会展
    婚庆 摄影 眼镜 托育 家居 门窗 钢构 混凝土 砂石 苗木 种业 茶叶 饲料 粮油 水产 果蔬 乳业 烟酒 日化 母婴 玩具 文具 速运 影视 服饰 服装 纺织 珠宝 美容 烘焙 便利 石材 五金
    通信"""
_TRADE_END = re.compile(rf"{any_of(f'{TRADES} {PLAIN_TRADES}')}(?:\([^()]{{1,12}}\))?$")
_SHOP = re.compile(rf"[{HAN}A-Za-z0-9]{{2,12}}\([{HAN}]{{1,10}}店\)")
_SELF = re.compile(rf"{_I_AM}(?P<name>[{HAN}A-Za-z0-9·&]{{2,20}}?(?:\([{HAN}]{{1,10}}\))?)(?=的(?!人)|{persons.ROLE})")
_SELF_OF = re.compile(
    rf"(?:^|\n) {{0,8}}(?P<person>[{HAN}]{{2,4}})[, ] ?(?P<name>[{HAN}A-Za-z0-9]{{3,16}}(?:\([{HAN}]{{1,10}}\))?)的[,。;]"
)
_NOT_TRADE = "小区 市场 行业 产业 企业 商户 老板 人 局 园 街 城 这 的人 材料 产品 项目 公司 学校 方面 设备 用品 业"
_WE_OF_TRADE = re.compile(rf"(?:我们|我是|我在)(?P<name>[{HAN}]{{2,4}}?{any_of(TRADES)})(?!{any_of(_NOT_TRADE)})")
_QUOTED = re.compile(
    rf"(?:我们|我店|本店|我家|我馆|店名|[店厂社馆园坊们字]叫做?|{_I_AM}[^,。;!?\n\"“「『]{{0,20}}|我在[^,。;!?\n\"“「『]{{0,20}})"
    rf"[\"“「『](?P<name>[^\"“”「」『』,。\n]{{2,20}})[\"”」』](?=(?:的|店)?(?:{persons.ROLE}|门口|门前|隔壁|[,。(位在经开]))"
)
_NOT_OWN = re.compile(
    any_of(
        """家 一个 一名 一位 一些 在 做 开 卖 搞 从事 经营 路 街 村 镇 小区 广场 市场 园区 这 那 附近 项目 工程 本地 小微 我 你 他 她 百姓 企业 公司 单位 商户 店铺 里 民营 外地
        个体 中小 施工 负责 管 去年 今年 [0-9] 的 申报 代办 办理 推广 招商 客服 系统 通知 投资 采购 服务 中心 贷款 某 自己 很多 几 小 都 有 到 来 去 要 是 为 对 把 和 也 就 被 给
        让 因 从 用 买 学 没 不 参加 出示"""
    )
)
_NOT_IN_LABELLED = re.compile(any_of("我们 我是 请 没有 不愿 保密 匿名 某"))
_HEADS_SUBJECT = re.compile(rf"(?:关于|就|申请|请求|的?{any_of('情况 诉求 请示 函 挂号 预约 反映 材料 信息表 申诉')}|[-:,|_)】\]》”\" ]|$)")
# A name behind the last sentence, at most a person and a number behind it: the signature of who writes all in one line.
_CLOSES = re.compile(
    rf"[, ]{{0,3}}(?:{any_of('联系人 联系电话 电话 经办人 经办 负责人 法人 财务')}?[: ]{{0,2}}[{HAN}]{{0,4}}[, ]{{0,3}}){{0,2}}[0-9*+ -]{{0,20}}\s*$"
)
_CLOSING = 40  # points
_CLAIM = 70  # points of a name that somebody calls his own
_SHORT_NAME = 4  # characters
_LONGEST_LABELLED = 30  # characters
_SHORT_SOUGHT = 3_000  # characters in which a short name is looked for
_EARLY = 600  # characters at the head of a letter, where a sender names himself
_LABEL_REACH = 20  # characters a labelled value may have before the name (a person and his position)
_NOTE_HEAD = 200  # characters at the head of a clerk's note in which the visitor is named
_BEFORE, _AFTER = 16, 80  # characters around a name that are looked at


def own_name(view: View) -> Found | None:
    """Return the name of the sender's enterprise, in full where the text has it; None where it does not say it."""
    best = view.choose([*_labelled(view), *_signed(view), *_told(view), *_short(view)])
    if best is None:
        return None
    chosen = shadow(best.span.text)
    fuller = [name for name in view.names if name.end - name.start > len(chosen) and chosen in view.plain[name.start : name.end]]
    full = next((name for name in fuller if points_of(view, name) >= 0), None)  # 滇味楼 signs, 昆明滇味楼餐饮有限公司 is registered
    return view.passage.found(full.start, full.end, best.how) if full and "公司" not in chosen else best


def subject_name(subject: Passage) -> Found | None:
    """Return the name a subject opens with, where it says whose letter this is (…有限公司关于…的反映) and not whom it accuses."""
    for name in enterprises.names(subject.plain):
        if not subject.plain[: name.start].strip(' 【[(《“"回复转发Re:Fw') and _HEADS_SUBJECT.match(subject.plain, name.end):
            return subject.found(name.start, name.end, "text")
    return None


def _labelled(view: View) -> Iterator[Candidate]:
    for item in view.labelled:
        if item.field not in {"name", "party"}:
            continue
        inside = next((name for name in view.names if item.start <= name.start < item.end and name.end <= item.end), None)
        if inside and _is_reached(view.plain[item.start : inside.start]):
            yield Candidate(inside.start, inside.end, 100, "label")
        elif item.field == "name" and (end := _end_of_plain_name(view.plain, item)):
            yield Candidate(item.start, end, 90 if item.is_strong else 40, "label")


def _is_reached(between: str) -> bool:
    """Whether what stands between a label and the name may: a person and his position, or the name in English."""
    return len(between) <= _LABEL_REACH or between.isascii()


def _end_of_plain_name(plain: str, item: Labelled) -> int | None:
    """Where a labelled name ends that has no registered form; None where the value is no name but a sentence."""
    value = re.split(r"[,。;!?]", plain[item.start : item.end], maxsplit=1)[0].rstrip()
    end = enterprises.token_end(value.split()[0]) if value else None
    if end is not None:
        return item.start + end
    is_name = 1 < len(value) <= _LONGEST_LABELLED and not enterprises.is_office(value) and not _NOT_IN_LABELLED.search(value)
    return item.start + len(value) if is_name and item.is_strong else None


def _signed(view: View) -> Iterator[Candidate]:
    """Enterprises in the signature, and the short name before a person's (滇味楼 毕琳)."""
    marks = view.signature.marks
    with_person = {mark.line for mark in marks if mark.kind == "person"}
    for mark in marks:
        text = view.plain[mark.start : mark.end]
        if mark.kind == "enterprise":
            points = 60 if "公司" in text or "合作社" in text else 50 if len(text) > _SHORT_NAME else 45
            yield Candidate(mark.start, mark.end, points - 40 * bool(_SERVICES.search(text)), "signature")
        elif mark.kind == "word" and mark.line in with_person and len(text) >= _SHORT_NAME - 1 and not enterprises.is_office(text):
            yield Candidate(mark.start, mark.end, 30, "signature")


def _told(view: View) -> Iterator[Candidate]:
    """Names in the text, by what stands before and behind them."""
    for name in view.names:
        if not view.is_signed(name.start):
            yield Candidate(name.start, name.end, points_of(view, name), "text")


def points_of(view: View, name: Name) -> int:
    """How much speaks for it that *name* is the sender's own."""
    before = view.plain[max(0, name.start - _BEFORE) : name.start].rstrip(" ")
    after = view.plain[name.end : name.end + _AFTER]
    if _MANDATED.search(before) and _MANDATE.match(after):
        return 95  # 受某公司委托: the client is the one who complains, whoever signs
    if name.is_registered and _FOR.search(before) and _SPEAKS.match(after):
        return 95  # 代某公司反映: likewise
    if name.is_registered and _MANDATES_US.match(after):
        return 95
    if _ADDRESSED.match(after):
        return 0
    points = 5 * name.is_registered + _points_before(view, name, before, after)
    points += 10 * bool(_ROLE_AFTER.match(after)) + 20 * bool(_CODE_AFTER.match(after))
    points -= 40 * bool(_AGAINST.match(after)) + 90 * bool(_EMPLOYED.match(after))
    if points < _CLAIM and _SERVICES.search(view.plain, name.start, name.end):
        points -= 30
    return points + 20 * (view.is_note and name.start < _NOTE_HEAD)


def _points_before(view: View, name: Name, before: str, after: str) -> int:
    is_claimed = _CLAIMED.search(before) or (view.is_note and _CALLS_HIMSELF.search(before))
    if is_claimed and not _ONE_OF_MANY.search(before):
        return _CLAIM if name.is_registered else _CLAIM // 2
    if _OTHERS.search(before):
        return -60
    if name.is_registered and _WE_ARE.search(before):
        return 40
    if _opens_sentence(view.plain, name.start):
        if name.is_registered and _CLOSES.match(view.plain, name.end) and view.plain[: name.start].strip():
            return _CLOSING
        opens_letter = _INTRODUCES.match(after) or view.is_note or (name.start < _EARLY and _OURS.search(view.plain))
        return 15 * bool(opens_letter) - 20 * bool(_ACCUSED.search(after[: _AFTER // 2]))
    return 15 if name.is_registered and before.endswith("(") and _speaks_of_himself(view.plain, name.start) else 0


def _opens_sentence(plain: str, at: int) -> bool:
    before = plain[max(0, at - 30) : at].rstrip(' (“"「')
    if not before or before[-1] in "\n。;!?:-" or plain[max(0, at - 2) : at] == "  ":
        return True
    return before[-1] in ",)" and at <= len(before) and "\n" not in before  # behind a greeting at the head of the text


def _speaks_of_himself(plain: str, at: int) -> bool:
    """Whether the sentence up to a name in brackets is in the first person, or the name in English."""
    before = re.split(r"[。;!?\n]", plain[max(0, at - _AFTER) : at])[-1]
    return _FIRST_PERSON.search(before) is not None or (before.isascii() and len(before) > _SHORT_NAME)


def _short(view: View) -> Iterator[Candidate]:
    """Short names: 我是昱辰光电的…, one in quotation marks, one from the mail header that the text repeats."""
    plain = view.plain
    for match in _QUOTED.finditer(plain):
        if not enterprises.is_office(match["name"]):
            yield Candidate(*match.span("name"), 30, "text")
    for pattern in (_SELF, _SELF_OF, _WE_OF_TRADE):
        for match in pattern.finditer(plain, 0, min(len(plain), _SHORT_SOUGHT)):
            if _is_short_name(match, view.aliases) and not _EMPLOYED.match(plain, match.end()):
                yield Candidate(*match.span("name"), 28, "text")
    for alias in view.aliases:
        at = plain.find(alias)
        if at >= 0 and not _NOT_OWN.search(alias):
            yield Candidate(at, at + len(alias), 15, "text")


def _is_short_name(match: re.Match[str], aliases: tuple[str, ...]) -> bool:
    text = match["name"]
    if _NOT_OWN.search(text.split("(")[0]) or enterprises.is_office(text) or enterprises.is_place(text[:-2]) or persons.inside(text):
        return False
    if match.re is _SELF_OF and not persons.is_surely_name(match["person"]):
        return False
    return bool(_SHOP.fullmatch(text) or _TRADE_END.search(text) or any(text in alias for alias in aliases))
