"""Examines the way out: the folder or the relay, up to the login; no mail is sent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from daemon.config import RelaySection
from daemon.doctor.certificate import validity
from daemon.doctor.finding import Finding, fine, hint, trouble
from daemon.wiring import open_transport
from notifier.transport import SmtpTransport
from store.errors import ConfigError, DeliveryDeferredError

_ABOUT = "发信"


async def examine_relay(relay: RelaySection, now: datetime) -> Sequence[Finding]:
    """Return what is to be said of *relay*."""
    if relay.folder is not None:
        if relay.folder.exists() and not os.access(relay.folder, os.W_OK):
            return [trouble(_ABOUT, f"目录 {relay.folder} 写不进去", "检查权限，属主应为运行用户")]
        return [hint(_ABOUT, f"发出的邮件只写到目录 {relay.folder}，没有真正寄出", "正式运行时在 [relay] 写 host")]
    try:
        transport = open_transport(relay)
    except ConfigError as error:
        return [trouble(_ABOUT, str(error))]
    if not isinstance(transport, SmtpTransport):
        return [trouble(_ABOUT, "既没有 folder 也没有 host", "在 [relay] 写其中一个")]
    try:
        probe = await transport.probe()
    except DeliveryDeferredError as error:
        return [
            trouble(
                _ABOUT,
                str(error),
                "检查 [relay] 的 host、port、security、username 和口令，以及到该服务器的网络；证书是单位自签的，写 authority",
            )
        ]
    finally:
        await transport.close()
    login = "登录成功" if relay.username else "没有设登录名，未登录"
    found = [fine(_ABOUT, f"能连上 {relay.host}:{relay.port}，{login}；没有寄出邮件")]
    if relay.security == "none":
        found.append(hint(_ABOUT, "发信不加密，回执和交办邮件在路上谁都能看到", "服务器不在本机时，改 security 为 starttls 或 tls"))
    else:
        found.append(validity(_ABOUT, probe.certificate_ends, now))
    return found
