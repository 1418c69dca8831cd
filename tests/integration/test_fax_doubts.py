"""What recognition was not sure of, as a clerk meets it: in the department's mail, in `zuozhen case show`, and saved by `zuozhen case files`."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from daemon.cli import run
from daemon.config_reader import load_config
from daemon.fax_doors import FaxIntake, HandedPages
from daemon.wiring import open_house, utc_now
from store.model.arrival import Channel
from tests.faxes import FORM, degraded, fax, form_page

pytestmark = pytest.mark.timeout(600)  # recognition is work for a processor, and on a machine under load that takes its time


@pytest.fixture
def config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """Return the configuration of a fresh instance."""
    loud = structlog.get_config()
    assert run(("init", str(tmp_path / "instance"))) == 0
    capsys.readouterr()
    yield tmp_path / "instance" / "zuozhen.toml"
    structlog.configure(**loud)


async def _taken(config: Path, raw: bytes) -> str:
    """Take a fax in, decide it and send what is owed; return its number."""
    async with open_house(load_config(config)) as house:
        intake = FaxIntake(house.stores.arrivals, now=utc_now, kept=lambda _, __: None)
        (district,) = house.rooms
        handed = HandedPages(district=district, line="zw", channel=Channel.FAX, key="k", number="", raw=raw)
        receipt = await intake.accept(handed)
        outcome = await house.pipeline.process(await house.stores.arrivals.get(receipt.arrival_id))
        while await house.sender.send_due():
            pass
    assert outcome.case is not None
    return outcome.case.number


def test_doubtful_number_is_shown_with_its_piece_of_the_page(config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A bad line went through the telephone number: whoever is to call sees the picture, on paper, on the terminal and in a folder."""
    page = form_page()
    page.paste(255, (1095, 497, 1560, 505))
    raw = fax(degraded(page))

    number = asyncio.run(_taken(config, raw))
    shown = (run(("case", "show", number, "--config", str(config))), capsys.readouterr().out)
    saved = [run(("case", "files", number, "--to", str(tmp_path / "out"), "--config", str(config))) for _ in range(2)]
    told = capsys.readouterr()

    assert shown[0] == 0
    assert f"联系电话：{FORM['联系电话']}　〔信息表，把握 " in shown[1]
    assert "识别：文字由机器从 1 页图像认出" in shown[1]
    assert "存疑处的图像：联系电话（第 1 页）" in shown[1]
    assert saved == [0, 0]
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(files) == sorted(["原始来件.tif", "第1页.png", "存疑-联系电话-第1页.png"])
    assert files["原始来件.tif"] == raw
    assert "已经有了，没有覆盖" in told.err
    mails = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in (config.parent / "outgoing").glob("*.eml")
    ]
    pictures = [part.get_payload(decode=True) for mail in mails for part in mail.walk() if part.get_content_type() == "image/png"]
    assert files["存疑-联系电话-第1页.png"] in pictures
