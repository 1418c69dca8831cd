"""One enterprise that reports by every door, and enterprises that only sound or look alike: the daemon as its own process, real doors.

What each of these cases means is shown one by one in tests/integration (test_reconsidering, test_comparison, test_grouping, test_pairs).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.instance import Daemon, ask, daemon, deliver, sink, write_instance
from tests.e2e.mails import mail
from tests.e2e.posting import SECRET, post
from tests.e2e.test_platform_doors import put

pytestmark = pytest.mark.timeout(300)  # each wait has its own, shorter end, and says what the daemon said

HEADS = "工单编号,工单状态,企业名称,来电号码,工单标题,工单内容,受理时间\n"
COLD_CHAIN = "冷链物流补贴四十万两千元申报公示已满，至今没有到账，三次询问都说在走流程"
ROW = "53010024101400{number},{status},昆明栖禾花卉有限公司,138****6405,冷链补贴未到账,{text},{at:%Y-%m-%d %H:%M:%S}\n"
MAILED = """尊敬的领导：

我公司昆明栖禾花卉有限公司申报的冷链物流补贴四十万两千元，公示已满，至今没有到账，三次询问都说在走流程。

请求区农业农村局尽快拨付冷链物流补贴。

联系人：沈秋实
联系电话：13800016405
"""
HEARD = (
    "我是昆明七禾花卉有限公司的，我们那个冷链物流补贴四十万两千元，公示早就满了，到现在没有到账，问了三次都说在走流程。",
    "请你们帮忙催一下，尽快把冷链物流补贴拨付下来。",
)
TENANT = """尊敬的领导：

我公司{name}租用洛羊街道春融大厦{floor}楼，{what}

联系人：{person}
联系电话：{phone}
"""


def row(status: str) -> str:
    """Return the report as 12345 tells it, received three days ago: what is long past refuses nothing."""
    return ROW.format(number=1, status=status, text=COLD_CHAIN, at=datetime.now(UTC) - timedelta(days=3))


def open_doors(config: Path) -> Path:
    """Add a hotline by HTTP and 12345 by a folder; return the folder."""
    folder = config.parent / "drop"
    folder.mkdir()
    (config.parent / "key").write_text(SECRET, encoding="utf-8")
    with config.open("a", encoding="utf-8") as file:
        file.write('[intake_http]\nlisten = "127.0.0.1:0"\n[[hotline]]\nid = "zwfw"\nkey_file = "key"\n')
        file.write('[[platform]]\nid = "12345"\nfolder = "drop"\npoll_seconds = 1\n')
    return folder


async def call(running: Daemon) -> None:
    """Hand a call in in which the name is misheard and the caller gives no number."""
    turns = [{"speaker": "来电人", "t": 2.0 + 9 * at, "text": text} for at, text in enumerate(HEARD)]
    whole = {
        "call_id": "C-1",
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "caller_number": "13800016405",
        "transcript": turns,
    }
    (event,) = await running.logged("service.started")
    answer = await post(event["ports"]["intake_http"], "/intake/hotline/zwfw", json.dumps(whole, ensure_ascii=False).encode(), "k-1")
    assert answer.status == 202, answer.said


async def test_one_matter_by_three_doors(tmp_path: Path) -> None:
    """12345 accepted it (number masked), then a mail, then a call with the name misheard: one matter, and its refusal proposed, not made.

    The list of 12345 has a bad row; a later list takes the acceptance back, and what rested on it is judged again.
    """
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        folder = open_doors(config)
        async with daemon(config) as running:
            put(folder, "1.csv", (HEADS + row("办理中") + "2,已批转,甲,1,a,b,\n").encode("gb18030"))
            await running.settled(1)
            assert await deliver(running.port, mail(MAILED, subject="冷链补贴没有到账"))
            await running.settled(2)
            await call(running)
            await running.settled(3)
            ((record,),) = ask(config, "SELECT id FROM platform_records")
            proposed = ask(config, "SELECT verdict, ground, state FROM cases ORDER BY id")
            rests_on = [json.loads(decision) for (decision,) in ask(config, "SELECT decision FROM cases ORDER BY id")]
            put(folder, "2.csv", (HEADS + row("不予受理")).encode("gb18030"))
            await running.logged("case.reconsidered")
            assert await running.stop() == 0

    assert "1 行已收下，1 行有问题" in (folder / "taken" / "1.csv.report.txt").read_text("utf-8")
    assert proposed[0] == ("refuse", 4, "under_review")
    assert rests_on[0]["related_record"] == record
    assert {"masked", "name"} <= {key for one in rests_on[0]["compared"] if one["record_id"] == record for key in one["keys"]}
    heard = "SELECT d.verdict, d.case_id FROM decisions d JOIN arrivals a ON a.id = d.arrival_id WHERE a.channel = 'hotline'"
    assert ask(config, heard) == [("follow_up", 1)]
    assert ask(config, "SELECT verdict, state FROM cases ORDER BY id")[0] == ("accept", "under_review")
    asked = [message for message in relay.messages if "coordinator@cg.example" in message["To"]]
    assert any("与以前的一件对照" in (part.get_body(("plain",)) or part).get_content() for part in asked)


async def test_neighbours_stay_apart(tmp_path: Path) -> None:
    """Two tenants of one building with matters of their own are two cases of which neither names the other."""
    texts = (
        TENANT.format(
            name="昆明云岚信息技术有限公司",
            floor=3,
            what="本月停电四次，机房服务器损坏。请求供电部门说明原因，不再无通知停电。",
            person="林一",
            phone="13811112222",
        ),
        TENANT.format(
            name="昆明滇蕊文化传媒有限公司",
            floor=5,
            what="申请增值税发票增量，两次被退回。请求区税务局尽快办理发票增量。",
            person="何二",
            phone="13833334444",
        ),
    )
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        async with daemon(config) as running:
            for number, text in enumerate(texts):
                assert await deliver(
                    running.port, mail(text, subject="情况反映", message_id=f"<{number}@enterprise.example>"), sender=f"q{number}@e.example"
                )
            await running.settled(2)
            assert await running.stop() == 0
    decisions = [json.loads(decision) for (decision,) in ask(config, "SELECT decision FROM cases ORDER BY id")]
    assert len(decisions) == 2
    assert [(one["related_case"], one["verdict"]) for one in decisions] == [
        (None, decisions[0]["verdict"]),
        (None, decisions[1]["verdict"]),
    ]
