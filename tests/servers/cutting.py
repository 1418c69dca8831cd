"""A TCP relay that cuts its connections, as a bad line, a firewall or a dying server does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.ground import HOST

_PIECE = 4_096


class Line:
    """Listens on `port` and passes everything on; while `cut_after` is set, each connection ends after so many bytes from the server."""

    def __init__(self, target: int) -> None:
        """Pass on to *target*, a port of this machine."""
        self.cut_after: int | None = None
        self.cuts = 0
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._gate = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, name="line", daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """End every connection now; new ones are taken."""
        with self._gate:
            ends = list(self._open)
        for end in ends:
            _end(end)

    def close(self) -> None:
        """End everything."""
        _end(self._listener)
        self._listener.close()
        self._threads[0].join()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self._target))
            except OSError:
                client.close()
                continue
            with self._gate:
                self._open |= {client, server}
            for pair, allowed in (((client, server), None), ((server, client), self.cut_after)):
                thread = threading.Thread(target=self._pass, args=(*pair, allowed), name="line", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket, allowed: int | None) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE if allowed is None else min(_PIECE, allowed) or 1):
                if allowed is not None:
                    if not allowed:
                        self.cuts += 1
                        break
                    allowed -= len(piece)
                sink.sendall(piece)
        for end in (source, sink):
            _end(end)
        with self._gate:
            self._open.discard(source)
        source.close()


@contextmanager
def line(target: int) -> Iterator[Line]:
    """Open a line to the server on port *target*."""
    opened = Line(target)
    try:
        yield opened
    finally:
        opened.close()


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
