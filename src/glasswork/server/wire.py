"""What uvicorn answers before the app is asked: here too with the protective headers, and with deadlines."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response
from websockets.server import ServerProtocol

from glasswork.server.headers import protective

HEADERS = 32 << 10  # bytes of a request's head
SILENCE = 10.0  # seconds from a connection to its first whole request
LEAVING = 5.0  # seconds in which a closed page takes what was still to be sent


class GuardedHTTP(H11Protocol):
    """HTTP whose refusals carry the protective headers; a connection that never asks is closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.loop.call_later(SILENCE, self.drop_if_silent)

    def drop_if_silent(self) -> None:
        """Close a connection that has asked for nothing."""
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if self.conn.our_state is not h11.SEND_RESPONSE and self.conn.our_state is not h11.IDLE:
            self.transport.close()  # it was answered already, and what comes after is rubbish
            return
        fixed = {"content-type": "text/plain; charset=utf-8", "connection": "close"}
        headers = [(name.encode(), value.encode()) for name, value in {**fixed, **protective(None)}.items()]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class GuardedHandshake(ServerProtocol):
    """The handshake of a socket, whose refusals carry the protective headers."""

    def send_response(self, response: Response) -> None:
        """Answer the handshake."""
        for name, value in protective(None).items():
            if name not in response.headers:
                response.headers[name] = value
        super().send_response(response)


class GuardedSocket(WebSocketsSansIOProtocol):
    """Sockets on that handshake; a page that doesn't read is cut off in the end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn = GuardedHandshake(max_size=self.config.ws_max_size, logger=self.logger)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The app has done with this page: what it doesn't take soon is thrown away."""
        super().on_task_complete(task)
        self.loop.call_later(LEAVING, self.transport.abort)

    async def send(self, message: Any) -> None:
        """Send; a refusal completes the handshake, which uvicorn would report as an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def handle_parser_exception(self) -> None:
        """Say what was wrong. Were the connection cut at once, what still comes would wipe out the words."""
        if self.close_sent or self.conn.close_sent is None:
            return
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.close_sent = True
        self.close_timer = self.loop.call_later(LEAVING, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Take what came; refuse what is no handshake, which uvicorn would leave without an answer."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.close_sent:
            fixed = {"content-length": "0", "connection": "close", **protective(None)}
            head = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())
            self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{head}\r\n".encode())
            self.handshake_complete = self.close_sent = True
            self.transport.close()
