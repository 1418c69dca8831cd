"""An IMAP server that lies: about sizes, about how much it sends, about who may log in. No real one can be brought to do that."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.ground import HOST

_UID = re.compile(rb"UID FETCH ([\d,]+) ")


@dataclass(slots=True, kw_only=True)
class Lies:
    """What the server says. *sizes* are claimed instead of the true ones; a message in *announced* begins a literal of that many octets."""

    mails: dict[int, bytes] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    announced: dict[int, int] = field(default_factory=dict)
    greeting: bytes = b"* OK hello"
    capability: bytes = b"IMAP4rev1 ID UIDPLUS"
    login: bytes = b"OK logged in"
    select: bytes = b"OK [READ-WRITE] selected"
    tells_next: bool = True  # whether SELECT has a UIDNEXT
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def lying(lies: Lies) -> Iterator[int]:
    """Run a server that answers with *lies*; yield its port."""
    listener = socket.create_server((HOST, 0))
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=_talk, args=(client, lies), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def _talk(client: socket.socket, lies: Lies) -> None:
    with contextlib.suppress(OSError), client, client.makefile("rwb") as stream:

        def say(line: bytes) -> None:
            stream.write(line + b"\r\n")
            stream.flush()

        say(lies.greeting)
        while line := stream.readline():
            tag, _, command = line.strip().partition(b" ")
            lies.heard.append(command)
            _answer(command, tag, lies, say)
            if command == b"LOGOUT":
                return


def _answer(command: bytes, tag: bytes, lies: Lies, say: Callable[[bytes], None]) -> None:
    match command.split()[0].upper():
        case b"CAPABILITY":
            say(b"* CAPABILITY " + lies.capability)
        case b"LOGIN":
            say(tag + b" " + lies.login)
            return
        case b"ID":
            say(b'* ID ("name" "liar")')
        case b"SELECT" | b"EXAMINE":
            say(b"* %d EXISTS" % len(lies.mails))
            say(b"* OK [UIDVALIDITY 7] valid")
            if lies.tells_next:
                say(b"* OK [UIDNEXT %d] next" % (max(lies.mails, default=0) + 1))
            say(tag + b" " + lies.select)
            return
        case b"UID" if b"SEARCH" in command:
            say(b"* SEARCH " + b" ".join(b"%d" % uid for uid in lies.mails))
        case b"UID" if b"FETCH" in command:
            _fetch(command, lies, say)
        case b"LOGOUT":
            say(b"* BYE")
    say(tag + b" OK done")


def _fetch(command: bytes, lies: Lies, say: Callable[[bytes], None]) -> None:
    match = _UID.match(command)
    assert match
    for number, uid in enumerate(map(int, match[1].split(b",")), 1):
        raw = lies.mails[uid]
        if b"RFC822.SIZE" in command:
            date = b'INTERNALDATE "27-Nov-2026 09:00:00 +0800"'
            say(b"* %d FETCH (UID %d RFC822.SIZE %d %s)" % (number, uid, lies.sizes.get(uid, len(raw)), date))
            continue
        section = b"BODY[HEADER]<0>" if b"HEADER" in command else b"BODY[]"
        sent = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if b"HEADER" in command else raw
        size = len(sent) if b"HEADER" in command else lies.announced.get(uid, len(sent))
        say(b"* %d FETCH (UID %d %s {%d}\r\n%s)" % (number, uid, section, size, sent))
