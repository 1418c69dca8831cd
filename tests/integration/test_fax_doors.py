"""The doors of a fax line, from a real folder and from a gateway's mail, into a real house: one fax one case, nothing lost, nobody answered."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from channels.fax_fields import recognised_text
from channels.identity import mail_keys
from channels.mime import text_letter
from channels.page_reader import PageReader
from channels.reader import Reader
from daemon.config import FaxSection
from daemon.fax_doors import FaxIntake, gateways_of, open_faxes
from daemon.pipeline import LEASE, Outcome
from daemon.platform_doors import Doors
from store.errors import ConfigError
from store.model.arrival import Arrival, Channel, StoredArrival
from store.model.decision import Verdict
from store.model.notice import Purpose
from store.model.petition import Reading
from tests.faxes import FORM, degraded, fax, form_page
from tests.integration.houses import COORDINATOR, MAILBOX, PATIENCE_S, Bench, Enterprise, bench
from tests.servers.patience import patience

pytestmark = pytest.mark.timeout(600)  # recognition is work for a processor, and on a machine under load that takes its time
SCRIPT = Path(__file__).parents[2] / "systemd" / "zuozhen-faxdispatch"
TEXT = """传真  2024-10-09 10:02  1/1
区税务局：
    我公司昆明瑞钰模具有限公司（统一社会信用代码9153O114MA6PLA635B），增值税专用发票额度申请三个月没有批复，
    影响三笔订单开票，请区税务局尽快办理。
            联系人 汪建波 l38880lOO21
"""
VAGUE = "传真  2024-10-09 10:02  1/1\n营商环境太差了，希望领导重视。\n昆明瑞钰模具有限公司 汪建波\n"


@dataclass(slots=True, kw_only=True)
class Line:
    """A house with the doors of one fax line."""

    bench: Bench
    doors: Doors
    folder: Path

    async def look(self) -> int:
        """Look into the folder until what is there has stood still and was put away."""
        (watched,) = self.doors.folders
        watched.watch.folder.finished(0.0)
        return await watched.watch.look(asyncio.Event())

    async def decided(self) -> list[Outcome]:
        """Decide what waits."""
        stores, owner = self.bench.house.stores, self.bench.house.leases.service().owner
        claimed = await stores.arrivals.claim(owner=owner, now=self.bench.clock(), limit=9, lease=LEASE)
        return [await self.bench.house.pipeline.process(arrival) for arrival in claimed]


@asynccontextmanager
async def opened(tmp_path: Path, *, kind: str = "fax") -> AsyncIterator[Line]:
    """Open a house and the doors of its fax line."""
    folder = tmp_path / "fax"
    folder.mkdir()
    async with bench() as made:
        house = made.house
        section = FaxSection.model_validate({"id": "zw", "folder": folder, "senders": ["@gw.example"], "kind": kind})
        config = house.config.model_copy(update={"fax": (section,)})
        house.reader._gateways = gateways_of(config)
        intake = FaxIntake(house.stores.arrivals, now=made.clock, kept=lambda _, __: None)
        yield Line(bench=made, doors=open_faxes(config, list(house.rooms), intake), folder=folder)


async def test_fax_from_a_folder_becomes_a_case(tmp_path: Path) -> None:
    """Pages of a form: the fields of 附件2, the number it came from beside the file's name, the page kept, the file put away with a report."""
    async with opened(tmp_path) as line:
        (line.folder / "fax000017_from_087167332111.tif").write_bytes(fax(degraded(form_page({**FORM, "联系电话": ""}))))
        assert await line.look() == 1
        (outcome,) = await line.decided()
        assert outcome.case is not None
        petition = outcome.case.petition
        (page,) = petition.letter.attachments
        picture = await line.bench.house.stores.arrivals.blob(page.sha256)

    assert (petition.channel, petition.name and petition.name.value) == (Channel.FAX, FORM["企业名称"])
    assert petition.phone is not None
    assert (petition.phone.value, petition.phone.how) == ("087167332111", "fax_number")
    assert picture.startswith(b"\x89PNG")
    report = line.folder / "taken" / "fax000017_from_087167332111.tif.report.txt"
    assert report.read_text("utf-8").startswith("来件 A-")


async def test_same_file_twice_is_one_arrival(tmp_path: Path) -> None:
    """Whoever puts a fax in again, under whatever name, makes no second case; the report says so."""
    async with opened(tmp_path) as line:
        for name in ("a.txt", "b.txt"):
            (line.folder / name).write_text(TEXT, encoding="utf-8")
        assert await line.look() == 2
        assert len(await line.decided()) == 1

    assert "以前收过，没有重复立件" in (line.folder / "taken" / "b.txt.report.txt").read_text("utf-8")


async def test_what_is_no_fax_is_put_aside_with_the_reason(tmp_path: Path) -> None:
    """A program in the folder becomes no case, and is not lost."""
    async with opened(tmp_path) as line:
        (line.folder / "setup.exe").write_bytes(b"MZ\x90\0\x03\0\0\0")
        assert await line.look() == 1
        assert await line.decided() == []

    assert (line.folder / "refused" / "setup.exe").read_bytes() == b"MZ\x90\0\x03\0\0\0"
    assert "不是传真或扫描件" in (line.folder / "refused" / "setup.exe.reason.txt").read_text("utf-8")


async def test_text_of_a_gateway(tmp_path: Path) -> None:
    """Text that a gateway recognised goes the same way: a code is put right, a number is marked, the department gets it."""
    async with opened(tmp_path) as line:
        (line.folder / "1.txt").write_bytes(TEXT.encode("gb18030"))
        await line.look()
        (outcome,) = await line.decided()

    petition = outcome.petition
    assert outcome.decision.verdict is Verdict.ACCEPT
    assert petition.uscc is not None
    assert (petition.uscc.value, petition.uscc_valid) == ("91530114MA6PLA635B", True)
    assert petition.phone is not None
    assert petition.phone.value == "l38880lOO21"
    assert any("可能是 13888010021" in doubt for doubt in petition.letter.doubts)


async def _mailed(line: Line, message: EmailMessage) -> Outcome:
    """Hand *message* in as an SMTP server would, and decide it."""
    await _accepted(line, message)
    (outcome,) = await line.decided()
    return outcome


async def _accepted(line: Line, message: EmailMessage) -> None:
    raw = message.as_bytes()
    message_id, content_key = mail_keys(raw)
    (district,) = line.bench.house.rooms
    arrival = Arrival(
        district=district,
        channel=Channel.MAIL,
        door="smtp",
        source_key=content_key,
        content_key=content_key,
        message_id=message_id,
        envelope_from="noreply@gw.example",
        envelope_to=(MAILBOX,),
        received_at=line.bench.clock(),
        raw=raw,
    )
    await line.bench.house.stores.arrivals.accept([arrival])


def _from_gateway(text: str = "您收到一份传真，见附件。") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "传真网关 <fax17@gw.example>"
    message["To"] = MAILBOX
    message["Subject"] = "传真 来自 0871-67332111 2024-10-09 10:02:33"
    message["Message-ID"] = "<1@gw.example>"
    message["Date"] = "Wed, 09 Oct 2024 10:02:33 +0800"
    message.set_content(text)
    return message


async def test_mail_of_a_gateway_is_read_as_a_fax(tmp_path: Path) -> None:
    """The pages attached are the petition, the number stands in the subject; the gateway gets no receipt, the department gets the case."""
    message = _from_gateway()
    message.add_attachment(fax(degraded(form_page({**FORM, "联系电话": ""}))), maintype="image", subtype="tiff", filename="fax.tif")
    async with opened(tmp_path) as line:
        outcome = await _mailed(line, message)
        assert outcome.case is not None
        notices = await line.bench.house.stores.outbox.list(case_id=outcome.case.id, limit=10)

    petition = outcome.petition
    assert (petition.channel, petition.title) == (Channel.FAX, FORM["诉求标题"])
    assert petition.phone is not None
    assert petition.phone.value == "087167332111"
    assert [file.name for file in petition.letter.attachments] == ["fax.tif", "第1页.png"]
    assert not [queued for queued in notices if queued.notice.to.address.endswith("gw.example")]
    assert Purpose.ACKNOWLEDGE not in {queued.notice.purpose for queued in notices}


async def test_mail_of_a_gateway_with_text_alone(tmp_path: Path) -> None:
    """A gateway that recognises itself hands over a .txt; its words in the mail around it are not the enterprise's."""
    message = _from_gateway("本邮件由传真网关自动发送，请勿回复。")
    message.add_attachment(TEXT.encode(), maintype="text", subtype="plain", filename="fax.txt")
    async with opened(tmp_path) as line:
        outcome = await _mailed(line, message)

    assert outcome.petition.channel is Channel.FAX
    assert outcome.petition.name is not None
    assert outcome.petition.name.value == "昆明瑞钰模具有限公司"
    assert "请勿回复" not in outcome.petition.content


async def test_who_left_only_a_number_is_called(tmp_path: Path) -> None:
    """A fax that says too little: no mail to anybody outside, the coordinator reads whom to call and what to ask."""
    async with opened(tmp_path) as line:
        (line.folder / "f_from_087167332111.txt").write_text(VAGUE, encoding="utf-8")
        await line.look()
        (outcome,) = await line.decided()
        assert outcome.case is not None
        (queued,) = await line.bench.house.stores.outbox.list(case_id=outcome.case.id, limit=10)

    assert outcome.decision.verdict is Verdict.SUPPLEMENT
    assert (queued.notice.to.address, queued.notice.purpose) == (COORDINATOR, Purpose.REVIEW)
    assert "需请企业补充：" in queued.notice.text
    assert "请打电话 087167332111 告知" in queued.notice.text
    assert "请对照原件核对后再定" in queued.notice.text


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ([{"id": "a", "folder": "/x"}, {"id": "a", "folder": "/y"}], "传真线路 a 写了两次"),
        ([{"id": "a", "folder": "/x"}, {"id": "b", "folder": "/x"}], "目录 /x 已有别的用处"),
        ([{"id": "a", "senders": ["@g.cn"]}, {"id": "b", "senders": ["@G.cn"]}], "@g.cn 写在了两条线路里"),
        ([{"id": "a", "folder": "/x", "district": "nowhere"}], "没有代号为 nowhere 的区"),
    ],
)
async def test_sections_that_contradict_each_other(sections: list[dict[str, object]], words: str) -> None:
    """Two lines for one folder or gateway would take the same fax twice under different names."""
    async with bench() as made:
        config = made.house.config.model_copy(update={"fax": tuple(FaxSection.model_validate(section) for section in sections)})
        intake = FaxIntake(made.house.stores.arrivals, now=made.clock, kept=lambda _, __: None)
        with pytest.raises(ConfigError, match=words):
            open_faxes(config, ["chenggong"], intake)


async def test_script_of_hylafax_hands_a_fax_over(tmp_path: Path) -> None:
    """The script that ships puts a fax into the folder whole, with its number; called twice for one fax, it makes one arrival."""
    async with opened(tmp_path) as line:
        received = tmp_path / "fax000023.tif"
        received.write_bytes(fax(degraded(form_page())))
        outputs = []
        for _ in range(2):
            outputs.append(await asyncio.to_thread(_dispatch, received, "0871-6733 2111; rm -rf /", line.folder))
            assert await line.look() == 1
        undecided = await line.bench.house.stores.arrivals.undecided_count()

    assert [(output.returncode, output.stderr) for output in outputs] == [(0, b"")] * 2
    assert undecided == 1
    assert received.exists()
    assert (line.folder / "taken" / "fax000023_from_087167332111.tif").read_bytes() == received.read_bytes()
    assert not list(line.folder.glob(".fax-*"))


def _dispatch(received: Path, number: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Call the script as HylaFAX does."""
    environment = {"ZUOZHEN_FAX_FOLDER": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run([str(SCRIPT), str(received), number], env=environment, check=False, capture_output=True)


def test_script_of_hylafax_says_what_is_missing(tmp_path: Path) -> None:
    """Without the folder the fax stays where it is, and HylaFAX hears of it."""
    received = tmp_path / "fax.tif"
    received.write_bytes(b"II*\0")
    ran = _dispatch(received, "", tmp_path / "none")

    assert (ran.returncode, "没有目录" in ran.stderr.decode()) == (1, True)


def test_reader_starts_no_recognition_before_a_fax() -> None:
    """Who takes no faxes pays nothing for it."""
    assert Reader(1).pages.worker.pid is None


class _Held(PageReader):
    """Reads no page before it is let, at the latest when the service stops, and then reads the same off each."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def part(self) -> None:
        super().part()
        self.let.set()

    def _ask_twice(self, channel: Channel, _files: Sequence[bytes], number: str) -> Reading:
        assert self.let.wait(PATIENCE_S), "nobody let the pages be read"
        letter = text_letter(TEXT.encode()).letter
        return Reading(petition=replace(recognised_text(letter, number), channel=channel), blobs={})


async def _faxes(line: Line, way: str, count: int) -> None:
    pages = [fax(Image.new("1", (64, 64 + number), 1)) for number in range(count)]
    for number, raw in enumerate(pages):
        if way == "folder":
            (line.folder / f"{number}.tif").write_bytes(raw)
        else:
            message = _from_gateway()
            message.replace_header("Message-ID", f"<{number}@gw.example>")
            message.add_attachment(raw, maintype="image", subtype="tiff", filename="fax.tif")
            await _accepted(line, message)
    if way == "folder":
        assert await line.look() == len(pages)


@pytest.mark.parametrize(("way", "count"), [("folder", 20), ("gateway", 10)])
async def test_faxes_that_wait_hold_up_no_mail(tmp_path: Path, way: str, count: int) -> None:
    """Many faxes came, the first is still being read: a mail that came after them all is decided meanwhile; then each fax in its turn."""
    async with opened(tmp_path) as line:
        held, stop, decided = _Held(), asyncio.Event(), list[Channel]()
        line.bench.house.reader.pages = held
        await _faxes(line, way, count)
        mail = await line.bench.accept(Enterprise().mail())
        pipeline = line.bench.pipeline(pages=held)

        def recorded(arrival: StoredArrival, outcome: Outcome) -> None:
            decided.append(outcome.petition.channel)
            if arrival.id == mail:
                held.let.set()
            if len(decided) == count + 1:
                stop.set()

        pipeline.on_recorded(recorded)
        async with patience(PATIENCE_S, f"end of {count} faxes and a mail", lambda: f"decided: {decided}, waiting: {held.waiting}"):
            await pipeline.run(stop)

    assert decided == [Channel.MAIL, *[Channel.FAX] * count]


async def test_stop_waits_for_the_fax_in_hand_alone(tmp_path: Path) -> None:
    """Asked to stop while faxes wait for their turn, the service ends the one that is being read; the others are there at the next start."""
    async with opened(tmp_path) as line:
        held, stop, decided = _Held(), asyncio.Event(), list[int]()
        line.bench.house.reader.pages = held
        await _faxes(line, "folder", 10)
        pipeline = line.bench.pipeline(pages=held)
        pipeline.on_recorded(lambda arrival, _: decided.append(arrival.id))
        several = asyncio.Event()
        held.on_waiting(lambda: several.set() if held.waiting > 1 else None)
        running = asyncio.create_task(pipeline.run(stop))
        async with patience(PATIENCE_S, "end of the run", lambda: f"decided: {decided}, waiting: {held.waiting}"):
            await several.wait()
            stop.set()
            await running
        left = await line.bench.house.stores.arrivals.undecided_count()

    assert (len(decided), left) == (1, 9)
