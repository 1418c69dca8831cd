"""A private Dovecot (2.3, or 2.4 where that is installed): TLS, a fresh mailbox for each test, Maildir that a test may write by hand."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
import trustme
from imapclient import IMAPClient, imap_utf7

from tests.servers.ground import HOST, end, free_ports, give, ordinary_user, own_folder, start, until_it_answers

PASSWORD = "geheim-123"
_USERS = 2_000  # more than one worker's tests will ever ask for; written once, since Dovecot looks at its file once a second

_BOTH = """
base_dir = {folder}/run
log_path = /dev/stderr
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
protocols = imap
listen = 127.0.0.1
first_valid_uid = 1
first_valid_gid = 1
mailbox_idle_check_interval = 1 secs
mail_max_userip_connections = 100
auth_failure_delay = 0
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 256
}}
"""
_TWO_THREE = (
    """
state_dir = {folder}/state
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/homes/%u
}}
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:User quota
  quota_rule = *:storage=4G
  quota_vsizes = yes
}}
"""
    + _BOTH
)
_TWO_FOUR = (
    """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
state_dir = {folder}/state
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = ~/Maildir
ssl = yes
ssl_server_cert_file = {folder}/cert.pem
ssl_server_key_file = {folder}/key.pem
passdb passwd-file {{
  passwd_file_path = {folder}/users
  default_password_scheme = plain
}}
userdb static {{
  fields {{
    uid = {user}
    gid = {group}
    home = {folder}/homes/%{{user}}
  }}
}}
mail_plugins {{
  quota = yes
}}
protocol imap {{
  mail_plugins {{
    imap_quota = yes
  }}
}}
quota "User quota" {{
  driver = count
  quota_storage_size = 4G
}}
"""
    + _BOTH
)


@dataclass(slots=True)
class Dovecot:
    """A running server. *tls* and *plain* (STARTTLS offered) are its ports; *authority* vouches for its certificate."""

    folder: Path
    authority: trustme.CA
    tls: int = 0
    plain: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _numbers: count[int] = field(default_factory=count)

    @property
    def log(self) -> Path:
        """Where it says what it does."""
        return self.folder / "log"

    def start(self) -> None:
        """Start it, after `stop` on the same ports and with the same mail."""
        self._process = start(
            ["dovecot" if shutil.which("dovecot") else "/usr/sbin/dovecot", "-F", "-c", str(self.folder / "conf")], log=self.log
        )
        until_it_answers(self._process, self.plain, log=self.log)

    def stop(self) -> None:
        """End it with all its connections; the mail stays."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def box(self) -> Box:
        """Return a user nobody has used, with an empty INBOX."""
        return Box(server=self, user=f"u{next(self._numbers):04}@cg.example")

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this server and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        return context


@dataclass(frozen=True)
class Box:
    """One mailbox account and the hands of other people in it."""

    server: Dovecot
    user: str
    password: str = PASSWORD

    @contextmanager
    def client(self, folder: str | None = None) -> Iterator[IMAPClient]:
        """Log in as another program of the same user would, with *folder* selected."""
        with IMAPClient(HOST, self.server.plain, ssl=False, timeout=30) as client:
            client.login(self.user, self.password)
            if folder:
                client.select_folder(folder)
            yield client

    def put(self, *mails: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        """Let *mails* arrive by IMAP, *at* as their INTERNALDATE."""
        with self.client() as client:
            if folder != "INBOX" and not client.folder_exists(folder):
                client.create_folder(folder)
            for raw in mails:
                client.append(folder, raw, msg_time=at)

    def pour(self, mails: Sequence[bytes], folder: str = "INBOX") -> None:
        """Lay *mails* into the Maildir by hand, as a local delivery does: thousands in a moment."""
        place = self.maildir(folder) / "new"
        with self.client() as client:  # Dovecot makes the folder
            client.select_folder(folder)
        for number, raw in enumerate(mails):
            (place / f"1700000000.{number}.test").write_bytes(raw)

    def maildir(self, folder: str = "INBOX") -> Path:
        """Return where *folder* lies on disk."""
        root = self.server.folder / "homes" / self.user / "Maildir"
        return root if folder == "INBOX" else root / ("." + imap_utf7.encode(folder).decode())

    def file(self, subject: str, folder: str = "INBOX") -> Path:
        """Return the file of the one mail with this Subject."""
        place = self.maildir(folder)
        mark = f"Subject: {subject}".encode()
        (found,) = [path for path in (*(place / "cur").iterdir(), *(place / "new").iterdir()) if mark in path.read_bytes()]
        return found

    def uids(self, folder: str = "INBOX") -> list[int]:
        """Return the UIDs in *folder*."""
        with self.client(folder) as client:
            return [int(uid) for uid in client.search()]

    def flags(self, folder: str = "INBOX") -> dict[int, set[str]]:
        """Return the flags of every message in *folder*, but for what only says that it is new."""
        with self.client(folder) as client:
            found = client.get_flags(client.search())
            return {uid: {flag.decode() for flag in flags} - {"\\Recent"} for uid, flags in found.items()}

    def subjects(self, folder: str = "INBOX") -> list[str]:
        """Return the Subject fields in *folder*, in the order of UIDs."""
        with self.client(folder) as client:
            found = client.fetch(client.search(), ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
            return [found[uid][b"BODY[HEADER.FIELDS (SUBJECT)]"].decode().partition(":")[2].strip() for uid in sorted(found)]

    def renumber(self, folder: str = "INBOX") -> None:
        """Give *folder* another UIDVALIDITY, as a restored or moved mailbox has."""
        for file in self.maildir(folder).glob("dovecot*"):
            if file.name.startswith(("dovecot-uidlist", "dovecot.index")):
                file.unlink()


@contextmanager
def running() -> Iterator[Dovecot]:
    """Start a server in a folder of its own, and take both away again."""
    with own_folder("dovecot") as folder:
        server = Dovecot(folder=folder, authority=trustme.CA())
        server.plain, server.tls = free_ports(2)
        _write(server)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One server a worker; a test takes a box of its own. A test that stops it must use `running` instead."""
    with running() as server:
        yield server


def _write(server: Dovecot) -> None:
    folder = server.folder
    certificate = server.authority.issue_cert(HOST, "localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "cert.pem", append=True)
    users = [f"u{number:04}@cg.example" for number in range(_USERS)]
    (folder / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users))
    shape = _TWO_FOUR if _version() >= (2, 4) else _TWO_THREE
    user = ordinary_user()
    text = shape.format(folder=folder, user=user, group=_group(user), plain=server.plain, tls=server.tls)
    (folder / "conf").write_text(text)
    for name in ("homes", "run", "state"):
        (folder / name).mkdir()
    for path in folder.iterdir():
        give(path)


def _version() -> tuple[int, ...]:
    said = subprocess.run(
        ["dovecot" if shutil.which("dovecot") else "/usr/sbin/dovecot", "--version"], capture_output=True, text=True, check=True
    )
    return tuple(int(part) for part in said.stdout.split()[0].split(".")[:2])


def _group(user: str) -> str:
    return subprocess.run(["id", "-gn", user], capture_output=True, text=True, check=True).stdout.strip()
