"""Five nasty mails through the real daemon: each readable in a case, or refused or quarantined with a reason; no mojibake, no wrong answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.instance import ROOT, ask, daemon, deliver, sink, write_instance

GENERATOR = ROOT.parent / "shared" / "bench" / "gen_corpus.py"
READABLE = "已经连续停水七天，𠮷田先生家也一样"


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the mails by the name of their file."""
    if not GENERATOR.exists():
        pytest.skip(f"第三方样本不在项目旁：{GENERATOR}")
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run([sys.executable, GENERATOR, folder / "mails", "1"], check=True)
    return {path.stem: path.read_bytes() for path in (folder / "mails_nasty").iterdir()}


async def test_five_nasty_mails(nasty: dict[str, bytes], tmp_path: Path) -> None:
    """Undeclared GB18030, 30 MB, 500 levels, 10,000 headers, an automatic answer: one after the other through the same daemon."""
    async with sink() as relay:
        config = write_instance(tmp_path, relay.port)
        async with daemon(config) as running:
            for name in sorted(nasty):
                assert await deliver(running.port, nasty[name], sender=f"nasty{name[0]}@qq.com"), name
            await running.settled(len(nasty))
            assert await running.stop() == 0
    cases = dict(ask(config, "SELECT title, content FROM cases"))
    for title in ("未声明编码的投诉", "超大附件投诉", "一万行Received"):
        assert READABLE in str(cases[title])
    states = dict(ask(config, "SELECT envelope_from, state FROM arrivals"))
    problems = dict(ask(config, "SELECT envelope_from, problem FROM arrivals"))
    assert states["nasty3@qq.com"] == "done" or "层" in str(problems["nasty3@qq.com"])
    assert states["nasty5@qq.com"] == "done"
    assert all(recipient != "nasty5@qq.com" for _, recipient in relay.envelopes)
    assert all("\ufffd" not in str(value) for pair in cases.items() for value in pair)
