"""Until when a certificate holds: that of a server we talk to, and our own, without a library for certificates."""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.doctor.finding import Finding, fine, hint, trouble

_SOON = timedelta(days=14)
_WHILE = timedelta(days=30)


def validity(about: str, ends: float | None, now: datetime) -> Finding:
    """Return what is to be said of a certificate that holds until *ends* (seconds since 1970), None where it is not known."""
    if ends is None:
        return hint(about, "看不出证书的有效期")
    end = datetime.fromtimestamp(ends, UTC)
    left = end - now
    words = f"证书有效期到 {end.astimezone():%Y-%m-%d}"
    if left <= timedelta(0):
        return trouble(about, f"{words}，已经过期", "换上新证书后重新启动")
    if left < _SOON:
        return trouble(about, f"{words}，只剩 {left.days} 天", "尽快换证书")
    if left < _WHILE:
        return hint(about, f"{words}，还有 {left.days} 天", "准备换证书")
    return fine(about, words)


def own_certificate_ends(certificate: Path, key: Path) -> float | None:
    """Return until when our own certificate holds: we shake hands with ourselves, in memory. None where it holds no longer or says nothing.

    Raises OSError or ssl.SSLError where the files cannot be used.
    """
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate vouches for itself
    client.load_verify_locations(certificate)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):  # flights of a handshake
        for side in (asking, answering):
            with contextlib.suppress(ssl.SSLError):  # it wants to read, or finds the certificate out of date
                side.do_handshake()
    ends = (asking.getpeercert() or {}).get("notAfter") if asking.version() else None
    return ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else None
