"""The five root packages belong to this product alone (docs/adr/0001)."""

from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("daemon", "rules", "channels", "store", "notifier")


@pytest.mark.parametrize("name", OURS)
def test_no_other_distribution_claims_our_names(name: str) -> None:
    """A foreign package called like one of ours would silently mix with it."""
    assert set(packages_distributions().get(name, ["zuozhen"])) == {"zuozhen"}


def test_systemd_is_no_package() -> None:
    """The folder systemd/ must yield to a real systemd package."""
    assert not (ROOT / "systemd" / "__init__.py").exists()
