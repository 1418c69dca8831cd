"""A case is laid beside the earlier report that it repeats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
import pytest_asyncio

from daemon.cli import comparison
from daemon.rehearsal import Message, take, temporary_house
from rules.rulebook import builtin_pack, load_pack
from store.model.arrival import Channel
from store.model.case import CaseState
from store.model.notice import Purpose
from tests.e2e.mails import mail
from tests.integration.houses import MAILBOX, REFUSED, Bench, Enterprise, bench

RETOLD = """我是昆明青兰办公用品有限公司的财务。增值税专用发票增版增量在办税服务厅被两次退回，一次说资料不全，一次说系统在升级，
三笔订单开不了发票。请求税务部门尽快办理发票增量。

联系电话：137****1234
"""
REPEATED = """我是{name}的。昆明高塬商贸有限公司签了买卖合同收了货，欠我们货款38万元，要了好多次都不付。<script>alert(1)</script>

请求协调对方公司支付拖欠的货款，赔偿违约金。

联系电话：{phone}
"""
NOW = datetime(2024, 10, 9, 2, tzinfo=UTC)


@pytest_asyncio.fixture
async def house() -> AsyncIterator[Bench]:
    """Open a house whose clock the test turns."""
    async with bench() as opened:
        yield opened


async def test_the_coordinator_reads_it_in_the_mail(house: Bench) -> None:
    """A refusal is proposed for what was reported before: both stand side by side in the mail to the coordinator, and in no other mail."""
    enterprise = Enterprise()
    first = await house.opened(REFUSED, enterprise)
    house.clock.advance(timedelta(days=2))
    again = EmailMessage()
    again["From"], again["To"], again["Subject"] = "stranger@other.example", MAILBOX, "货款被拖欠"
    again["Message-ID"] = "<told-again@other.example>"
    again.set_content(REPEATED.format(name=enterprise.name, phone=f"{enterprise.phone[:3]}****{enterprise.phone[-4:]}"))
    case = (await house.take(bytes(again))).case
    assert case is not None
    assert (case.decision.related_case, case.state) == (first.id, CaseState.UNDER_REVIEW)

    review, *others = sorted((queued.notice for queued in await house.notices(case)), key=lambda one: one.purpose is not Purpose.REVIEW)
    assert f"六、与以前的一件对照\n　　与{first.number}（2024年10月9日收到）对照" in review.text
    assert "〔联系电话，打码后相符〕" in review.text
    assert "请求协调对方公司支付拖欠的货款</span>" in review.html
    assert "<script>" not in review.html
    assert others
    assert not any("对照" in notice.text + notice.html for notice in others)


async def test_case_is_laid_beside_what_it_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    """Told again in a letter, the name misheard and the number masked, it is a repeat; both stand side by side, with why they may be one."""
    async with temporary_house(load_pack(builtin_pack("chenggong")), now=lambda: NOW) as house:
        first = await take(house, Message(source="1", channel=Channel.MAIL, received_at=NOW, raw=mail()))
        again = await take(house, Message(source="2", channel=Channel.LETTER, received_at=NOW, raw=RETOLD.encode()))
        assert first.case is not None
        assert again.case is not None
        found = await comparison.related(house.stores, again.case)
        nothing = await comparison.related(house.stores, first.case)

    assert nothing is None
    assert found is not None
    told = comparison.as_json(found)
    assert told is not None
    assert (told["case"], told["platform"], told["enterprise"]) == (first.case.number, None, "likely")
    notes = {row.label: row.note for row in found.rows}
    assert (notes["企业名称"], notes["联系电话"]) == ("读音或简称相同", "打码后相符")
    assert "【办税服务厅】" in found.rows[-1].this
    capsys.readouterr()
    comparison.show(found)
    printed = capsys.readouterr().out
    assert all(
        words in printed for words in ("本件", first.case.number, "很可能是同一企业", "按电话（打码后）、企业名称读音、少见的用语找到")
    )
