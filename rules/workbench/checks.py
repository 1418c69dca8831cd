"""Every check there is: importing this module registers them all."""

from __future__ import annotations

from rules.workbench import checks_deadlines, checks_directories, checks_rules, checks_words  # noqa: F401 - importing registers
from rules.workbench.lint import CHECKS, lint

__all__ = ["CHECKS", "lint"]
