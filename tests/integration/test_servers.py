"""The servers that other tests rely on do what those tests believe."""

from __future__ import annotations

import pytest
from imapclient import IMAPClient

from tests.servers.cutting import line
from tests.servers.dovecot import Dovecot
from tests.servers.ground import HOST


def test_dovecot_gives_each_test_a_box_of_its_own(dovecot: Dovecot) -> None:
    """A new box is empty, takes mail by IMAP and by hand, and keeps names in Chinese."""
    box = dovecot.box()
    assert box.uids() == []
    box.put(b"Subject: one\r\n\r\n1\r\n")
    box.pour([b"Subject: two\n\n2\n", b"Subject: three\n\n3\n"])
    box.put(b"Subject: four\r\n\r\n4\r\n", folder="已处理")

    assert box.subjects() == ["one", "two", "three"]
    assert box.subjects("已处理") == ["four"]
    assert dovecot.box().uids() == []


def test_dovecot_renumbers(dovecot: Dovecot) -> None:
    """A renumbered folder holds the same mails under another UIDVALIDITY."""
    box = dovecot.box()
    box.put(b"Subject: one\r\n\r\n1\r\n")
    with box.client() as client:
        before = client.folder_status("INBOX", ["UIDVALIDITY"])
    box.renumber()
    with box.client() as client:
        after = client.folder_status("INBOX", ["UIDVALIDITY"])

    assert before != after
    assert box.subjects() == ["one"]


def test_dovecot_speaks_tls_with_a_certificate_of_its_own_authority(dovecot: Dovecot) -> None:
    """Who trusts its authority gets in."""
    box = dovecot.box()
    with IMAPClient(HOST, dovecot.tls, ssl_context=dovecot.client_context(), timeout=30) as client:
        client.login(box.user, box.password)
        assert client.folder_exists("INBOX")


def test_line_cuts_after_so_many_bytes(dovecot: Dovecot) -> None:
    """A connection through a cut line breaks; the next one through a whole line does not."""
    box = dovecot.box()
    box.put(b"Subject: one\r\n\r\n" + b"1" * 10_000)
    with line(dovecot.plain) as wire:
        wire.cut_after = 5_000
        with IMAPClient(HOST, wire.port, ssl=False, timeout=30) as client:
            client.login(box.user, box.password)
            client.select_folder("INBOX")
            with pytest.raises(IMAPClient.AbortError):
                client.fetch([1], ["BODY.PEEK[]"])
        wire.cut_after = None
        with IMAPClient(HOST, wire.port, ssl=False, timeout=30) as client:
            client.login(box.user, box.password)
            client.select_folder("INBOX")
            assert len(client.fetch([1], ["BODY.PEEK[]"])[1][b"BODY[]"]) > 10_000
    assert wire.cuts == 1
