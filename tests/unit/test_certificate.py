"""How long certificates hold, told early enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from daemon.doctor.certificate import own_certificate_ends, validity
from daemon.doctor.finding import Level

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "level"),
    [
        (timedelta(days=-1), Level.TROUBLE),
        (timedelta(days=13), Level.TROUBLE),
        (timedelta(days=20), Level.HINT),
        (timedelta(days=90), Level.OK),
        (None, Level.HINT),
    ],
)
def test_told_in_time(left: timedelta | None, level: Level) -> None:
    """Trouble in the last two weeks and after, worth knowing in the last month."""
    ends = None if left is None else (NOW + left).timestamp()

    assert validity("门", ends, NOW).level is level


def test_our_own_certificate(tmp_path: Path) -> None:
    """Read from the files as the door would use them, whoever signed it."""
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
    issued = trustme.CA().issue_cert("mail.example", not_after=ends)
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")

    assert own_certificate_ends(tmp_path / "cert.pem", tmp_path / "key.pem") == ends.timestamp()


def test_our_own_certificate_that_has_ended(tmp_path: Path) -> None:
    """It says nothing any more; `validity` tells that as well."""
    issued = trustme.CA().issue_cert("mail.example", not_before=NOW - timedelta(days=4000), not_after=NOW - timedelta(days=3000))
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")

    assert own_certificate_ends(tmp_path / "cert.pem", tmp_path / "key.pem") is None
