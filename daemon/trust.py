"""Whom we trust to vouch for the servers that we connect to."""

from __future__ import annotations

import ssl
from pathlib import Path

from store.errors import ConfigError, Problem
from store.trouble import reason


def trusting(authority: Path | None) -> ssl.SSLContext:
    """Return a context that checks certificates against *authority*, a PEM file, or where there is none against the system's authorities.

    Raises ConfigError where that file is of no use.
    """
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        why = "不是 PEM 证书" if isinstance(error, ssl.SSLError) else reason(error)
        problem = Problem(place=str(authority), key="authority", message=f"证书用不了：{why}", remedy="检查路径与内容")
        raise ConfigError([problem]) from error
