"""A case is laid beside the earlier report that it repeats."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.cli import comparison
from daemon.rehearsal import Message, take, temporary_house
from rules.rulebook import builtin_pack, load_pack
from store.model.arrival import Channel
from tests.e2e.mails import mail

RETOLD = """我是昆明青兰办公用品有限公司的财务。增值税专用发票增版增量在办税服务厅被两次退回，一次说资料不全，一次说系统在升级，
三笔订单开不了发票。请求税务部门尽快办理发票增量。

联系电话：137****1234
"""
NOW = datetime(2024, 10, 9, 2, tzinfo=UTC)


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
