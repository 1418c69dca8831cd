"""An invented district, petition and case for the tests of the notifier; each test changes what it is about."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from notifier.address_book import Addresses
from store.model.arrival import Channel
from store.model.case import Case, CaseState
from store.model.decision import Decision, Hit, Quote, Verdict
from store.model.district import Department, District, Ground
from store.model.due import CountedDay, Due
from store.model.letter import Address, Attachment, Letter
from store.model.notice import Notice, NoticeState, Purpose, QueuedNotice
from store.model.petition import Found, Petition, Span

_RULES = Path(__file__).parents[1] / "rules"
_WORDINGS = (_RULES / "wording", _RULES / "packs" / "chenggong" / "wording")  # the district's own replaces the product's

DISTRICT = District(
    id="chenggong",
    name="昆明市呈贡区",
    programme="“区委书记、区长、局长坐诊接诉”",
    document="区委办〔2024〕48号",
    coordinator="区政务服务局",
    case_number="CG-{year}-{seq:05d}",
    timezone="Asia/Shanghai",
    departments={
        "dnhh": Department(id="dnhh", name="区斗南花卉产业综合服务中心", duty="斗南花卉市场交易秩序、花卉冷链与出口通关协调"),
        "scj": Department(id="scj", name="区市场监管局", duty="营业执照登记变更注销、乱收费查处"),
        "sfj": Department(id="sfj", name="区司法局", duty="行政复议、行政执法监督、企业法律服务"),
        "zwj": Department(id="zwj", name="区政务服务局", duty="统筹坐诊接诉"),
    },
    grounds={
        2: Ground(
            number=2,
            article="二（二）2",
            text="属于经营主体之间的民事纠纷问题的；",
            advice="可与对方协商，或申请调解、仲裁，或向人民法院提起诉讼",
        )
    },
    supplements={"投诉对象": "所反映的是哪个部门、单位或哪项业务"},
    wording={path.name: path.read_text(encoding="utf-8") for folder in _WORDINGS for path in sorted(folder.iterdir())},
)

SENDER = Address(name="坐诊接诉专窗", address="zuozhen@gov.example")
COORDINATOR = Address(name="区政务服务局", address="zwj@gov.example")
FLOWERS = Address(name="", address="dnhh@gov.example")
ADDRESSES = Addresses(sender=SENDER, coordinator=COORDINATOR, departments={"dnhh": FLOWERS})


def found(value: str, how: str = "label") -> Found:
    """Return a field of a petition as if it stood alone in the body."""
    return Found(value=value, how=how, span=Span(source="body", start=0, end=len(value), text=value))


LETTER = Letter(
    message_id="tencent_0123@qq.example",
    sender=Address(name="滇蕊鲜花", address="dianrui@qq.example"),
    to=(SENDER,),
    subject="关于公共预冷库停用的情况反映",
    attachments=(Attachment(name="排号单.jpg", content_type="image/jpeg", size=245_760, sha256="0" * 64),),
    doubts=("来件未声明字符编码，按 GB18030 读取。",),
)

PETITION = Petition(
    channel=Channel.MAIL,
    name=found("昆明滇蕊鲜花有限公司"),
    uscc=found("91530114MA3CXG217X"),
    uscc_valid=False,
    address=found("斗南街道花市街12号"),
    contact=found("普艳红", "signature"),
    phone=found("13800000000"),
    title="关于斗南公共预冷库4间长期停用、排号不透明的情况反映",
    content=(
        "我公司是斗南花卉市场的入驻企业，主营玫瑰、洋桔梗鲜切花。今年9月中旬以来，市场公共预冷库8间中有4间一直挂着“检修”的牌子，"
        "已挂了二十几天，剩下4间要排号，排号没有公开的规矩，后来的反而先进。\n\n"
        "10月1日至3日，我公司因排不上预冷，报损玫瑰约3200扎，损失5.6万元。\n"
        "请花卉服务中心督促尽快修复停用的预冷库，并把排号规则公开贴出来。"
    ),
    letter=LETTER,
)

HITS = (
    Hit(
        rule="斗南_冷链",
        effect="交区斗南花卉产业综合服务中心，分量 5",
        basis="本区规则包设定",
        quotes=(
            Quote(source="content", start=60, end=63, text="预冷库", words="花卉冷链"),
            Quote(source="content", start=8, end=14, text="斗南花卉市场", words="斗南"),
        ),
        department="dnhh",
        weight=5.0,
        about="花卉冷链与出口通关协调",
    ),
    Hit(
        rule="点名_花卉中心",
        effect="交区斗南花卉产业综合服务中心，分量 2",
        basis="本区规则包设定",
        quotes=(),
        department="dnhh",
        weight=2.0,
        about="提到区斗南花卉产业综合服务中心",
    ),
    Hit(
        rule="排号_窗口",
        effect="交区政务服务局，分量 1",
        basis="本区规则包设定",
        quotes=(Quote(source="content", start=90, end=92, text="排号", words="排队"),),
        department="zwj",
        weight=1.0,
        overridden_by="斗南_冷链",
        about="窗口排队",
    ),
)

DUE = Due(
    kind="verification",
    label="初步对接核实",
    basis="三（四）",
    start=date(2024, 9, 30),
    start_label="挂号截止",
    due=date(2024, 10, 12),
    provisional=False,
    days=(
        *(CountedDay(day=date(2024, 10, n), counted=False, why="国庆节放假（国办发明电〔2023〕7号）") for n in range(1, 8)),
        *(CountedDay(day=date(2024, 10, n), counted=True, why="工作日") for n in range(8, 12)),
        CountedDay(day=date(2024, 10, 12), counted=True, why="国庆节调休上班（国办发明电〔2023〕7号）"),
    ),
)

DECISION = Decision(
    verdict=Verdict.ACCEPT,
    proposed=False,
    ground=None,
    topic="花卉冷链设施停用",
    department="dnhh",
    accompanying=("scj",),
    advice=None,
    missing=(),
    related_case=None,
    urgent=False,
    review=("统一社会信用代码校验不符，请核对企业主体",),
    named_departments=("dnhh",),
    scores=(("dnhh", 7.0), ("zwj", 1.0)),
    hits=HITS,
    near_misses=(),
    due=DUE,
    rulebook="0" * 64,
    engine="durable-rules",
)

CASE = Case(
    id=12,
    district="chenggong",
    number="CG-2024-00012",
    state=CaseState.ASSIGNED,
    opened_at=datetime(2024, 9, 27, 17, 30, tzinfo=UTC),  # 28 September in China
    arrival_id=31,
    petition=PETITION,
    decision=DECISION,
    verdict=Verdict.ACCEPT,
    ground=None,
    department="dnhh",
    accompanying=("scj",),
    due=DUE,
)

UNDER_REVIEW = replace(
    CASE,
    state=CaseState.UNDER_REVIEW,
    verdict=Verdict.REFUSE,
    ground=2,
    department=None,
    due=None,
    decision=replace(
        DECISION,
        verdict=Verdict.REFUSE,
        proposed=True,
        ground=2,
        advice="sfj",
        hits=(
            Hit(
                rule="民事纠纷_合同",
                effect="不予受理，情形 2（须人工确认）",
                basis="二（二）2",
                quotes=(Quote(source="content", start=0, end=4, text="合同纠纷", words="合同纠纷"),),
                about="企业之间的合同争议",
            ),
        ),
        review=("来件同时提到请求行政机关查处",),
        scores=(),
    ),
)

AWAITING = replace(
    CASE,
    state=CaseState.AWAITING_SUPPLEMENT,
    verdict=Verdict.SUPPLEMENT,
    department=None,
    due=None,
    decision=replace(DECISION, verdict=Verdict.SUPPLEMENT, missing=("投诉对象", "希望解决什么问题。"), hits=(), review=()),
)

REFUSED = replace(UNDER_REVIEW, state=CaseState.REFUSED)


def with_petition(case: Case, petition: Petition) -> Case:
    """Return *case* with another petition."""
    return replace(case, petition=petition)


def with_letter(case: Case, letter: Letter) -> Case:
    """Return *case* as if it had come with another letter."""
    return replace(case, petition=replace(case.petition, letter=letter))


NOTICE = Notice(
    purpose=Purpose.ASSIGN,
    to=Address(name="区斗南花卉产业综合服务中心", address="dnhh@gov.example"),
    subject="【坐诊接诉·交办】CG-2024-00012 关于斗南公共预冷库4间长期停用的情况反映",
    text="区斗南花卉产业综合服务中心：\n\n　　现交贵单位办理。\n",
    html="<html><body><p>现交贵单位办理。</p></body></html>\n",
    attach_original=True,
)

QUEUED = QueuedNotice(
    id=7,
    district="chenggong",
    case_id=12,
    case_number="CG-2024-00012",
    arrival_id=31,
    notice=NOTICE,
    message_id="5f0c1e7a9b3d4c2e8f6a7b1c0d9e8f70.assign@gov.example",
    state=NoticeState.QUEUED,
    tries=0,
    problem="",
    created_at=datetime(2024, 9, 28, 1, 30, tzinfo=UTC),
    next_try_at=None,
    sent_at=None,
)
