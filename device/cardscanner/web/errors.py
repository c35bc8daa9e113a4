"""WebRefused: why a request is not answered as it was meant, in words and a code."""

from __future__ import annotations

from starlette.responses import JSONResponse

from cardscanner.errors import CardscannerError


class WebRefused(CardscannerError):
    """A request is refused; it becomes ``{"error": {"code", "message"}}``."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: int | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        self.key = key
        """Which setting is meant."""


def refusal_answer(refused: WebRefused) -> JSONResponse:
    """Return the answer to a refused request."""
    error: dict[str, object] = {"code": refused.code, "message": str(refused)}
    headers = {}
    if refused.retry_after_s is not None:
        error["retry_after_s"] = refused.retry_after_s
        headers["Retry-After"] = str(refused.retry_after_s)
    if refused.key is not None:
        error["key"] = refused.key
    return JSONResponse({"error": error}, refused.status, headers)
