"""Streamed: a response without an end, whose client is never waited for.

Nothing is made for a client that has not taken what it was sent: each piece is asked for when there is room
for it, so a slow client gets fewer and newer pieces, and what is held for it is one piece and the buffer of
its connection. A client that takes nothing for half a minute is cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = structlog.get_logger(__name__)

PATIENCE_S = 30.0
CHECK_S = 5.0
"""A stream outlives a log-out, or the end of its account, by no more than this and one piece."""

NextPiece = Callable[[], Awaitable[bytes | None]]
"""Waits for what is to be sent next; ``None`` ends the response."""


class Streamed(Response):
    """``source`` is entered before the first byte, so it may refuse; it is left when the client goes."""

    def __init__(
        self,
        source: AbstractContextManager[NextPiece],
        media_type: str,
        headers: Mapping[str, str] | None = None,
        patience_s: float = PATIENCE_S,
        allowed: Callable[[], bool] = lambda: True,
        check_s: float = CHECK_S,
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._source = source
        self._patience_s = patience_s
        self._allowed = allowed
        self._check_s = check_s
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send pieces until the client or the source has had enough."""
        with self._source as next_piece:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            sending = asyncio.create_task(self._send_all(next_piece, send))
            leaving = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    await sending
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, next_piece: NextPiece, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        check_at_s = clock() + self._check_s
        while True:
            if not await self._has_room(send):
                log.info("a client that reads nothing is cut off", after_s=self._patience_s)
                return
            piece = await next_piece()
            if clock() >= check_at_s:
                check_at_s = clock() + self._check_s
                piece = piece if self._allowed() else None
            if piece is None:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _has_room(self, send: Send) -> bool:
        """Wait until the client took what it was sent: the server lets even an empty piece wait for that."""
        try:
            async with asyncio.timeout(self._patience_s):
                await send({"type": "http.response.body", "body": b"", "more_body": True})
        except TimeoutError:
            return False
        return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
