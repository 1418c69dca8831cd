"""The files for systemd are right in systemd's own eyes, and what they promise fits the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import _USAGE
from daemon.health.pulse import LIMIT_S

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "zuozhen.service"
BACKUP = ROOT / "systemd" / "zuozhen-backup.service"
_INSTALLED = "/opt/zuozhen/.venv/bin/zuozhen"
_EXPOSURE = 15  # tenths, of 100; what is left is the network, which mail needs


def settings() -> dict[str, list[str]]:
    """Return what the unit sets: every value of every key."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@pytest.fixture(params=[UNIT, BACKUP], ids=lambda path: path.stem)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a unit as it would be where the program is installed here."""
    source: Path = request.param
    program = str(Path(sys.executable).with_name("zuozhen"))
    copy = tmp_path / source.name
    copy.write_text(source.read_text("utf-8").replace(_INSTALLED, program), encoding="utf-8")
    return copy


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze, which needs no running systemd."""
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)


def test_unit_is_well_formed(unit: Path) -> None:
    """No complaint of systemd: no unknown key, no missing program and no contradiction is in the unit."""
    said = analyze("verify", "--man=no", str(unit))
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_unit_with_a_mistake_is_found(unit: Path) -> None:
    """The check above can fail: a key that does not exist is told."""
    unit.write_text(unit.read_text("utf-8").replace("UMask=", "UnMask="), encoding="utf-8")
    assert "UnMask" in analyze("verify", "--man=no", str(unit)).stderr


def test_unit_is_hardened(unit: Path) -> None:
    """By systemd's own measure the service is exposed to next to nothing but the network."""
    said = analyze("security", "--offline=true", f"--threshold={_EXPOSURE}", str(unit))
    assert said.returncode == 0, said.stdout[-300:]


def test_backup_is_timed(tmp_path: Path) -> None:
    """The timer is well-formed, starts the backup, and the backup's name is a new one each time; old ones go by tmpfiles."""
    for path in (BACKUP, BACKUP.with_suffix(".timer")):
        (tmp_path / path.name).write_text(path.read_text("utf-8").replace(_INSTALLED, "/bin/true"), encoding="utf-8")
    said = analyze("verify", "--man=no", str(tmp_path / "zuozhen-backup.timer"))
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    assert "zuozhen-$(date +%%Y%%m%%d-%%H%%M%%S).zip" in BACKUP.read_text("utf-8")
    assert "d /var/backups/zuozhen 0700 zuozhen zuozhen 14d" in (ROOT / "systemd" / "zuozhen.tmpfiles").read_text("utf-8")


def test_user_can_be_made() -> None:
    """The user that the unit runs as is the one that systemd-sysusers makes."""
    said = subprocess.run(
        ["systemd-sysusers", "--dry-run", str(ROOT / "systemd" / "zuozhen.sysusers")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert "u zuozhen " in (ROOT / "systemd" / "zuozhen.sysusers").read_text("utf-8")
    assert settings()["User"] == settings()["Group"] == ["zuozhen"]


def test_unit_fits_the_program() -> None:
    """A mistake of the configuration is not tried again and again, children outlive the signal, the folders are those of the pages."""
    found = settings()
    assert found["Type"] == ["notify"]
    assert found["RestartPreventExitStatus"] == [str(_USAGE)]
    assert found["KillMode"] == ["mixed"]
    assert found["OOMPolicy"] == ["continue"]
    assert found["WatchdogSec"] == ["2min"]
    assert LIMIT_S < 120
    page = (ROOT / "docs" / "上线.md").read_text("utf-8")
    for word in ("/etc/zuozhen/zuozhen.toml", "/etc/zuozhen/credentials", "/var/lib/zuozhen", "secret_relay", "systemctl reload zuozhen"):
        assert word in page
    assert _INSTALLED in UNIT.read_text("utf-8")


def test_no_python_beside_the_units() -> None:
    """The folder is no package: units, and the script that a fax server calls."""
    assert {path.suffix for path in UNIT.parent.iterdir()} - {""} <= {".service", ".sysusers", ".tmpfiles", ".timer"}
    assert [path.name for path in UNIT.parent.iterdir() if not path.suffix] == ["zuozhen-faxdispatch"]
