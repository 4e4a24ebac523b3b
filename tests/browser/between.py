"""A wire between the browser and the app that can stand still, break, or forget its connections."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

BROKEN = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


class Wire:
    """Passes on what comes to a port of its own.

    Args:
        port: where the app listens.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._whole = True
        self._pairs: list[_Pair] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def flow(self) -> None:
        """What was held is passed on."""
        self._flows.set()

    def cut(self) -> None:
        """Every connection breaks, and no new one comes about."""
        self._whole = False
        for pair in self._pairs:
            if not pair.lost:
                pair.reset()

    def mend(self) -> None:
        """New connections come about again."""
        self._whole = True

    def forget(self) -> None:
        """Whatever the present connections carry is lost, and neither end is told, as behind a router after a sleep."""
        for pair in self._pairs:
            pair.lost = True

    def close(self) -> None:
        """End it."""
        self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next connection
        self._listening.close()
        self._flows.set()
        for pair in self._pairs:
            pair.lost = True
            pair.reset()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                pair = _Pair(near, self._flows)
                try:
                    if not self._whole:
                        raise ConnectionError
                    pair.join(socket.create_connection(("127.0.0.1", self._to)))
                except OSError:
                    pair.reset()
                else:
                    self._pairs.append(pair)


class _Pair:
    """One connection: the browser's end and the app's."""

    def __init__(self, near: socket.socket, flows: threading.Event) -> None:
        self.ends = [near]
        self.flows = flows
        self.lost = False

    def join(self, far: socket.socket) -> None:
        self.ends.append(far)
        for source, into in (self.ends, reversed(self.ends)):
            threading.Thread(target=self._pass, args=(source, into), daemon=True).start()

    def reset(self) -> None:
        for end in self.ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BROKEN)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pass(self, source: socket.socket, into: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.flows.wait()
                if not self.lost:
                    into.sendall(data)
        if not self.lost:
            self.reset()
