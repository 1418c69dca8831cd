"""Mails as enterprises send them, as many as asked for, always the same: what every benchmark works on. All of it is invented.

Of 100 mails some 78 are complaints of enterprises about 14 kinds of matter, 8 disputes between enterprises, 5 complaints that say
nothing definite, 6 advertisements and 3 automatic replies; 40 declare gb2312, GBK or GB18030, 25 come as HTML only, 8 carry 附件2 as
.docx and 9 a picture of 20 kB. One in twelve comes from an enterprise that wrote before.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from stdnum.cn import uscc

from daemon.demo.attachments import form
from daemon.demo.clients import CLIENTS, Draft, File, compose

T = TypeVar("T")

MAILBOX = "zuozhen@bench.example"
_FIRST = datetime(2026, 11, 16, 0, 30, tzinfo=UTC)
_MATTERS: Sequence[tuple[str, tuple[str, ...], str]] = (
    (
        "{month}月申请的{paper}到现在没有批下来",
        (
            "我们的厂房在{place}，{month}月{day}日在网上交齐了{paper}的全部材料，受理单写着二十个工作日办结。",
            "到期后我们打电话问，先说图纸要补一张总平面图，补了以后又说消防那一页要换版本，前后退了{times}次，每次都不说全。",
            "施工队和塔吊已经进场，停工一天要赔{money}元。",
        ),
        "请区住房和城乡建设局把还缺什么一次说清楚，材料齐了就尽快核发施工许可证。",
    ),
    (
        "稳岗返还资金{months}个月没有到账",
        (
            "我公司{month}月申报失业保险稳岗返还，系统早就显示审核通过，金额{money}元，一直没有拨付。",
            "人事到窗口问过{times}次，答复有时是等上级拨款，有时是银行账号要核对，账号核对两遍都没有错。",
        ),
        "希望区人社局查一下卡在哪一步，并答复拨付时间。",
    ),
    (
        "营业前消防安全检查约不上",
        (
            "我们在{place}租下{area}平方米开餐厅，{month}月{day}日递交了公众聚集场所投入使用、营业前消防安全检查申请。",
            "过了{days}天没有人上门，电话里说前面排了几十家，房租每月{money}元，员工已经招好，天天空等。",
        ),
        "恳请区消防救援大队定一个上门检查的日子。",
    ),
    (
        "门口围挡占了客人进店的路",
        (
            "{place}修雨水管网，{month}月{day}日起围挡把我们门店前的人行道全封了，说好四十天，现在过了{days}天还没有拆。",
            "围挡里{times}天见不到一个工人，店里营业额掉了六成，每月房租{money}元照付。",
        ),
        "请协调施工单位先开一个三米宽的口子，并告知什么时候完工。",
    ),
    (
        "增值税发票额度调整被退回{times}次",
        (
            "我公司今年接了两家外省客户，每月开票额度不够用，{month}月{day}日在电子税务局申请提高发票额度。",
            "专管员要求补合同、补流水、补厂房照片，补完又说系统评级不够，{days}天里退回{times}次，压着{money}元货款开不出票。",
        ),
        "请区税务局书面告诉我们按什么标准核定发票额度，符合标准就调整。",
    ),
    (
        "店招审批和执法口径不一致",
        (
            "我们在{place}的门头去年按街道统一样式做的，{month}月{day}日综合执法局又发通知，说尺寸超了{times}厘米要拆。",
            "做的时候图纸是给街道看过的，重做一块要{money}元。",
        ),
        "请区综合执法局和街道商量一个统一的口径，给出店招设置的尺寸要求。",
    ),
    (
        "货车通行证到期后换不了",
        (
            "我公司有{times}台冷藏车给{place}一带的超市配送，通行证{month}月{day}日到期，网上一提交就说路段不开放。",
            "现在只能夜里十点以后进城，一个月多付装卸费{money}元。",
        ),
        "希望交警部门给生鲜配送车辆核发白天的货车通行证，或者指定一条能走的路线。",
    ),
    (
        "招商时答应的装修补贴一直没有兑现",
        (
            "{month}月我公司从外地搬到{place}，投资协议里写着装修补贴{money}元，验收合格后三个月拨付。",
            "验收过了{months}个月，对接的人换了{times}任，每一任都说要重新上会。",
        ),
        "请区商务和投资促进局按协议兑现，或者给一个拨付的时间表。",
    ),
    (
        "商标被同行仿冒，举报后没有回音",
        (
            "我公司在{place}卖自有品牌的鲜花饼，{month}月发现隔壁批发市场有商户印了几乎一样的包装和商标。",
            "我们{month}月{day}日带着商标注册证去市场监管所举报，登记了，过了{days}天没有人告诉我们有没有立案，损失大概{money}元。",
        ),
        "请区市场监管局依法查处商标侵权，并把处理情况告诉我们。",
    ),
    (
        "转供电加价，电费高出一大截",
        (
            "我们租用{place}的标准厂房，物业按每度一块二收电费，比供电局的目录电价高出许多，{months}个月多收了{money}元。",
            "问收费依据，物业说含线损和服务费，拿不出文件，我们已经交涉{times}次。",
        ),
        "请价格和市场监管部门查一查转供电乱收费，多收的电费退给我们。",
    ),
    (
        "环评手续卡在排水方案上",
        (
            "我公司在{place}新上一条果酱生产线，环评报告表{month}月{day}日送审，专家意见改完{days}天了还没有批复。",
            "窗口说要等水务部门的排水意见，水务部门说要先看环评批复，两边{times}次让我们再等等。设备款{money}元已经付了。",
        ),
        "请生态环境分局牵头跟区水务局碰一次头，把先后次序定下来。",
    ),
    (
        "不动产登记证办了{months}个月",
        (
            "我公司{place}的厂房{month}月就竣工验收备案了，不动产首次登记交了{times}次材料，每次都说测绘数据对不上。",
            "没有不动产证，银行贷款{money}元批不下来，{days}天后旧贷款就到期了。",
        ),
        "请区自然资源局协调测绘单位核对数据，尽快办理不动产登记。",
    ),
    (
        "高新技术企业奖补申报平台打不开",
        (
            "我公司{month}月通过高新技术企业认定，按文件可以申请奖补{money}元，申报系统{month}月{day}日截止。",
            "截止前{times}天系统一直报错，客服电话没有人接，截图都在，过后再问就说已经截止。",
        ),
        "请区科技和工业信息化局准予补报。",
    ),
    (
        "花卉冷库经常跳闸",
        (
            "我们在斗南花卉市场租了{area}平方米冷库，{month}月以来跳闸{times}次，最长一次停了{days}个小时。",
            "一批出口的玫瑰全部报损，货款{money}元，库管只说在等配件。",
        ),
        "请区斗南花卉产业综合服务中心督促市场修好制冷机组，修好以前给我们安排备用库。",
    ),
)
_DISPUTES: Sequence[tuple[str, tuple[str, ...], str]] = (
    (
        "供应商收了定金不发货",
        (
            "{month}月{day}日我公司向一家贸易公司订购包装材料，合同写明{days}天交货，付了定金{money}元。",
            "对方至今没有发货，电话也不接了，我们上门{times}次，门都锁着。",
        ),
        "请帮我们要求对方退还定金并支付违约金。",
    ),
    (
        "合伙人不肯结清货款",
        (
            "我公司和另一家公司合作卖茶叶，按合作协议每季度结算一次，对方已经欠我们货款{money}元，拖了{months}个月。",
            "多次催要，对方说客户没有付款给他，账目也不给看。",
        ),
        "希望让对方尽快支付拖欠的货款。",
    ),
)
_VAGUE: Sequence[tuple[str, tuple[str, ...], str]] = (
    ("办事太难了", ("现在做点生意真不容易，到处都是难处，有的部门办事拖拉，跑断了腿也没有结果。",), "请领导多关心、多支持小企业。"),
    ("反映一些问题", ("我们企业遇到很多问题，邮件里不方便说。",), "希望领导重视，给我们回个电话。"),
)
_ADVERTS: Sequence[tuple[str, tuple[str, ...], str]] = (
    (
        "年终特惠：企业邮箱买三年送一年",
        ("尊敬的客户，本公司推出企业邮箱、网站建设、短信群发优惠套餐，限时抢购，量大从优，欢迎来电咨询。",),
        "详情请点击链接，退订请回复TD。",
    ),
    (
        "专业代办各类资质，包过",
        ("我公司专业代办建筑资质、安全生产许可证、食品许可，价格优惠，快速拿证，不过全额退款，诚招代理。",),
        "加微信领取报价单，优惠截止本月底。",
    ),
)
_AUTOMATIC: Sequence[tuple[str, tuple[str, ...], str]] = (
    ("自动回复: 收到您的邮件", ("您好，您的邮件已经收到，我正在外出差，回来以后尽快回复您。",), "这是一封自动回复的邮件。"),
)
_KINDS = ((_MATTERS, 78), (_DISPUTES, 8), (_VAGUE, 5), (_ADVERTS, 6), (_AUTOMATIC, 3))
_PROGRAMS = (("qq", 22), ("qq-html", 12), ("netease", 13), ("foxmail", 10), ("outlook", 18), ("iphone", 22), ("legacy", 3))
_PLACES = (
    "洛龙街道春融街",
    "斗南街道彩云南路",
    "吴家营街道联大街",
    "马金铺街道庄园路",
    "乌龙街道景明南路",
    "雨花街道聚贤街",
    "七甸街道工业大道",
)
_PAPERS = ("建筑工程施工许可", "施工许可证", "施工图审查", "竣工验收备案")
_HEADS, _TAILS = "腾岳澄霖煦禾屿朗润瑾沐棠", "达源泰和丰晟恒宇诚远茂通"
_TRADES = ("食品", "机械设备", "包装材料", "餐饮管理", "物流", "商贸", "生物科技", "花卉", "建材", "信息技术")
_FAMILY, _GIVEN = "殷阮田沐赵寇邬明项柏简楚", ("岚", "砚秋", "知遥", "书禾", "立言", "南溪", "怀瑾", "若川")
_CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message and its envelope sender."""

    sender: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enterprise:
    name: str
    code: str
    address: str
    contact: str
    phone: str
    mailbox: str


def mails(count: int, seed: int = 1) -> list[Mail]:
    """Return *count* different mails, each as long and as odd as such mail is (1 to 55 kB)."""
    dice = random.Random(seed)
    known: list[_Enterprise] = []
    found = []
    for number in range(count):
        returns = known and dice.random() < 1 / 12
        enterprise = dice.choice(known) if returns else _enterprise(dice, f"{seed}-{number}")
        known.append(enterprise)
        found.append(_mail(dice, enterprise, number, f"{seed}-{number}"))
    return found


def _mail(dice: random.Random, enterprise: _Enterprise, number: int, name: str) -> Mail:
    kind = _weighed(dice, _KINDS)
    subject, story, request = _filled(dice, dice.choice(kind))
    is_ours = kind not in (_ADVERTS, _AUTOMATIC)
    text = _letter(dice, enterprise, story, request) if is_ours else "\n".join((*story, request))
    files: tuple[File, ...] = ()
    chance = dice.random()
    if kind is _MATTERS and chance < 0.10:
        files = (_form(enterprise, subject, "".join(story) + request),)
        text = "领导您好，诉求写在附件的表里，请查收。"
    elif is_ours and chance < 0.20:
        files = (File(name="现场照片.jpg", content_type="image/jpeg", octets=dice.randbytes(20_000)),)
    draft = Draft(
        sender_name=enterprise.name if dice.random() < 0.5 else enterprise.contact,
        sender=enterprise.mailbox,
        to_name="坐诊接诉",
        to=MAILBOX,
        subject=subject,
        date=_FIRST + timedelta(seconds=37 * number),
        text=text,
        headers=("Auto-Submitted: auto-replied",) if kind is _AUTOMATIC else (),
        files=files,
    )
    # Raw 8 bit mail of old programs has no attachments.
    program = "iphone" if files else _weighed(dice, _PROGRAMS)
    return Mail(sender=enterprise.mailbox, raw=compose(CLIENTS[program], draft, name))


def _weighed(dice: random.Random, choices: Sequence[tuple[T, int]]) -> T:
    return dice.choices([choice for choice, _ in choices], [weight for _, weight in choices])[0]


def _filled(dice: random.Random, matter: tuple[str, tuple[str, ...], str]) -> tuple[str, tuple[str, ...], str]:
    slots = {
        "place": f"{dice.choice(_PLACES)}{dice.randint(2, 480)}号",
        "paper": dice.choice(_PAPERS),
        "month": dice.randint(3, 10),
        "months": dice.randint(3, 11),
        "day": dice.randint(1, 28),
        "days": dice.randint(12, 90),
        "times": dice.randint(3, 9),
        "area": dice.randint(60, 1800),
        "money": f"{dice.randint(4, 980) * 1000 + dice.randint(0, 999):,}",
    }
    subject, story, request = matter
    return subject.format(**slots), tuple(sentence.format(**slots) for sentence in story), request.format(**slots)


def _letter(dice: random.Random, enterprise: _Enterprise, story: Sequence[str], request: str) -> str:
    """Return the letter with the enterprise's particulars as a form at the end, in its first sentence, or only in part."""
    match dice.randint(0, 2):
        case 0:
            end = (
                f"企业名称：{enterprise.name}",
                f"统一社会信用代码：{enterprise.code}",
                f"地址：{enterprise.address}",
                f"联系人：{enterprise.contact}",
                f"联系电话：{enterprise.phone}",
            )
            return "\n".join(("尊敬的领导：", *story, request, *end))
        case 1:
            start = f"领导好，我们是{enterprise.name}（统一社会信用代码{enterprise.code}），地址在{enterprise.address}。"
            return "\n\n".join((start, "".join(story), request, f"联系人 {enterprise.contact} 电话{enterprise.phone}"))
        case _:
            return "\n".join((f"您好！我是{enterprise.name}的负责人{enterprise.contact}。", *story, request, enterprise.phone))


def _form(enterprise: _Enterprise, title: str, content: str) -> File:
    return form(
        {
            "name": enterprise.name,
            "uscc": enterprise.code,
            "address": enterprise.address,
            "contact": enterprise.contact,
            "phone": enterprise.phone,
            "title": title,
            "content": content,
        }
    )


def _enterprise(dice: random.Random, name: str) -> _Enterprise:
    head = "".join(dice.choice(signs) for signs in (_HEADS, _TAILS, _HEADS))
    body = "91530114MA" + "".join(dice.choice(_CODE_SIGNS) for _ in range(7))
    return _Enterprise(
        name=f"昆明{head}{dice.choice(_TRADES)}有限公司",
        code=body + uscc.calc_check_digit(body),
        address=f"呈贡区{dice.choice(_PLACES)}{dice.randint(2, 480)}号",
        contact=dice.choice(_FAMILY) + dice.choice(_GIVEN),
        phone=f"1990000{dice.randint(0, 9999):04d}",
        mailbox=f"qy{name}@enterprise.example",
    )
