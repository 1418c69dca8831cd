"""`zuozhen demo` as a newcomer runs it: the first thing anybody sees of the product."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.demo.samples import samples
from tests.e2e.instance import ROOT

PATIENCE_S = 110.0


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo in a process of its own, its throw-away instance in *folder*; one that is still there at the end is killed."""
    command = [sys.executable, "-m", "tests.e2e.zuozhen", "demo", *words]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_shows_the_main_job_and_ends(tmp_path: Path) -> None:
    """Every sample is decided, then one case is shown in full with its deadlines, the mail that its department got, and what its answer brings about."""
    with demo(tmp_path, "--once") as process:
        out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, err
    assert f"投递样例来件 {len(samples())} 封" in out
    for verdict in ("受理", "拟不予受理 二（二）2", "补正", "非诉求来件", "续件"):
        assert verdict in out
    case, mail = out.split("———— 承办部门收到的邮件")
    owed = case.partition("【时限】")[2].partition("【经过】")[0]
    assert "签收" in owed
    assert "初步对接核实" in owed
    mail, answered = mail.split("———— 部门直接回复这封邮件")
    assert "主题：【坐诊接诉·交办】CG-" in mail
    told = answered.partition("———— 企业随即收到")[2]
    assert "收件人：yuduo@yuduoflower.example" in told  # whose matter the answer is about, whichever case was decided first
    assert "办理结果：已解决" in told
    assert "请直接回复本邮件评价" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_its_midst_it_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C while samples are still being worked on: what is in hand is finished, nothing is waited for that cannot come any more."""
    with demo(tmp_path, "--once") as process:
        while not [*tmp_path.glob("*/outgoing/*.eml")]:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "没有办完" not in err
    assert "其中一件" not in out
