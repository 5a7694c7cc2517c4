"""Refuse a body that is too large before it fills the disk: FastAPI reads the whole of it before any handler runs."""

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OVERHEAD = 10_000
"""What multipart adds to the file."""


class BodyLimit:
    """ASGI middleware that answers 413 to a body of more than `limit` bytes, announced or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once if the body's length is announced, else count while it comes in."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.limit + OVERHEAD:
            refusal = JSONResponse({"detail": self.detail}, 413, headers={"Connection": "close"})
            return await refusal(scope, receive, send)

        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit + OVERHEAD:
                raise HTTPException(413, self.detail, headers={"Connection": "close"})
            return message

        return await self.app(scope, counted, send)

    @property
    def detail(self) -> str:
        """What the client is told."""
        return f"At most {self.limit} bytes are taken."
