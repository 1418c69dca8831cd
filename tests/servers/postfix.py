"""A private Postfix: takes mail with and without login, hands the programme's mailbox to an LMTP door or a Maildir, all else to a next hop.

Postfix starts as root only: by itself where we are root, else by sudo, which `.ci/test-servers` needed as well. Logins are checked by a
Dovecot that does nothing else. Everything lies in a folder of its own; /etc is not touched.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.servers.ground import HOST, end, free_ports, give, ordinary_user, own_folder, start, until_it_answers

USER, PASSWORD = "zuozhen@cg.example", "geheim-123"
SIZE_LIMIT = 3 << 20  # bytes; Postfix announces it as SIZE

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
myhostname = mx.cg.example
mydestination =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
alias_maps =
local_recipient_maps =
relay_domains = cg.example
relay_recipient_maps =
transport_maps = inline:{{ {{{user} = {transport}}} }}
virtual_mailbox_domains =
virtual_mailbox_base = /
virtual_mailbox_maps = static:{maildir}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
default_transport = smtp:[{host}]:{next_hop}
relay_transport = smtp:[{host}]:{next_hop}
smtp_destination_concurrency_limit = 4
smtp_connection_cache_on_demand = no
message_size_limit = {size}
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
smtpd_error_sleep_time = 0
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/sasl/auth
smtpd_recipient_restrictions =
  check_recipient_access inline:{{
    {{gone@enterprise.example = 550 5.1.1 No such user here}},
    {{busy@enterprise.example = 450 4.2.1 Mailbox busy, try again later}} }},
  permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
header_checks = regexp:{{ {{/^To: .*unwanted@/ REJECT Content not wanted here}} }}
smtputf8_enable = yes
"""
_MASTER = """
{plain}      inet n - n - - smtpd
{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
{smtps}      inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
virtual   unix - n n - - virtual
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""
_SASL = """
base_dir = {folder}/sasl/run
state_dir = {folder}/sasl/state
log_path = /dev/stderr
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
protocols =
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = no
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/sasl/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home=/nonexistent
}}
service anvil {{
  chroot =
}}
service auth {{
  unix_listener {folder}/sasl/auth {{
    mode = 0666
  }}
  inet_listener {{
    address = {host}
    port = {port}
  }}
}}
"""


@dataclass(slots=True)
class Postfix:
    """A running server. *plain* takes mail from anybody, *submission* demands STARTTLS and login, *smtps* TLS from the start and login."""

    folder: Path
    authority: trustme.CA
    plain: int
    submission: int
    smtps: int
    sasl: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, after `stop` with the same ports and queue."""
        self._command("postfix", "start")

    def stop(self) -> None:
        """End it; its queue stays."""
        self._command("postfix", "stop")

    def flush(self) -> None:
        """Try everything in the queue now."""
        self._command("postqueue", "-f")

    def queued(self) -> int:
        """Return how many mails it holds."""
        said = self._command("postqueue", "-j")
        return len(said.splitlines())

    def log(self) -> str:
        """Return what it has logged."""
        return subprocess.run([*_as_root(), "cat", str(self.folder / "log")], capture_output=True, text=True, check=True).stdout

    def took(self, message_id: str) -> str:
        """Return the queue id under which it took the mail with *message_id*, "" where it did not."""
        found = re.search(rf"cleanup\[\d+\]: (\w+): message-id=<{re.escape(message_id)}>", self.log())
        return found[1] if found else ""

    def _command(self, program: str, *words: str) -> str:
        command = [*_as_root(), f"/usr/sbin/{program}", "-c", str(self.folder / "conf"), *words]
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if said.returncode:
            raise RuntimeError(f"{' '.join(command)}: {said.stdout}{said.stderr}")
        return said.stdout


def _as_root() -> Sequence[str]:
    return () if os.getuid() == 0 else ("sudo", "-n")


@contextmanager
def postfix(*, door: str, next_hop: int) -> Iterator[Postfix]:
    """Run a server that hands the programme's mailbox to *door* and all else to the port *next_hop*.

    *door* is `inet:host:port` or `unix:/path` for LMTP, or `maildir:/path` of a mailbox of `ordinary_user`.
    """
    with own_folder("postfix") as folder:
        folder.chmod(0o755)
        plain, submission, smtps, sasl = free_ports(4)
        server = Postfix(folder=folder, authority=trustme.CA(), plain=plain, submission=submission, smtps=smtps)
        try:
            _write(server, door=door, next_hop=next_hop)
            server.sasl = _start_sasl(folder, sasl)
            server.start()
            yield server
        finally:
            if (folder / "queue" / "pid" / "master.pid").exists() or os.getuid():
                server.stop()
            if server.sasl is not None:
                end(server.sasl)
            if os.getuid():
                subprocess.run(["sudo", "-n", "rm", "-rf", str(folder)], check=True)


def _write(server: Postfix, *, door: str, next_hop: int) -> None:
    folder = server.folder
    certificate = server.authority.issue_cert(HOST, "localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "cert.pem", append=True)
    for name in ("conf", "queue", "data"):
        (folder / name).mkdir()
    kind, _, maildir = door.partition(":")
    transport = "virtual:" if kind == "maildir" else f"lmtp:{door}"
    owner = pwd.getpwnam(ordinary_user())
    words: dict[str, object] = {"folder": folder, "host": HOST, "user": USER, "next_hop": next_hop, "size": SIZE_LIMIT}
    words |= {"transport": transport, "maildir": f"{maildir}/", "uid": owner.pw_uid, "gid": owner.pw_gid}
    (folder / "conf" / "main.cf").write_text(_MAIN.format(**words))
    ports = {"plain": server.plain, "submission": server.submission, "smtps": server.smtps}
    (folder / "conf" / "master.cf").write_text(_MASTER.format(**{name: f"{HOST}:{port}" for name, port in ports.items()}))
    subprocess.run([*_as_root(), "chown", "-R", "root:root", str(folder / "conf"), str(folder / "queue")], check=True)
    subprocess.run([*_as_root(), "chown", "postfix", str(folder / "data")], check=True)


def _start_sasl(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the Dovecot that checks logins; its port is there only to see that it is up."""
    for name in ("sasl", "sasl/run", "sasl/state"):
        (folder / name).mkdir(mode=0o755)
    (folder / "sasl" / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    user = ordinary_user()
    group = subprocess.run(["id", "-gn", user], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "sasl" / "conf").write_text(_SASL.format(folder=folder, user=user, group=group, host=HOST, port=port))
    for path in (folder / "sasl", *(folder / "sasl").iterdir()):
        give(path)
    log = folder / "sasl" / "log"
    process = start(["dovecot" if shutil.which("dovecot") else "/usr/sbin/dovecot", "-F", "-c", str(folder / "sasl" / "conf")], log=log)
    until_it_answers(process, port, log=log)
    return process
