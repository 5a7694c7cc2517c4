"""What the client is told when something is wrong."""

from typing import Any

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fastapi_bgtask_lint.reference_app.database import database_away


class Problem(BaseModel):
    """The body of every error but 422."""

    detail: str


BODY = (status.HTTP_400_BAD_REQUEST, status.HTTP_413_CONTENT_TOO_LARGE)
"""What every route with a body can answer."""

TITLES = {
    status.HTTP_400_BAD_REQUEST: "The body cannot be read",
    status.HTTP_404_NOT_FOUND: "There is no such thing",
    status.HTTP_409_CONFLICT: "It cannot be done in this state",
    status.HTTP_413_CONTENT_TOO_LARGE: "The body is larger than the limit",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "The file is not UTF-8 text",
    status.HTTP_503_SERVICE_UNAVAILABLE: "The database does not answer; try again",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error statuses of a route, for the OpenAPI page. Each can find the database busy."""
    listed = (*statuses, status.HTTP_503_SERVICE_UNAVAILABLE)
    return {status: {"model": Problem, "description": TITLES[status]} for status in listed}


def not_found(what: str, identity: str) -> HTTPException:
    """There is no such row."""
    return HTTPException(status.HTTP_404_NOT_FOUND, f"There is no {what} {identity}.")


async def database_fails(request: Request, error: Exception) -> JSONResponse:
    """The database is locked, full of connections, or away. Any other error of it is ours."""
    if not database_away(error):
        raise error
    return JSONResponse(
        {"detail": "The database does not answer. Try again."},
        status.HTTP_503_SERVICE_UNAVAILABLE,
        headers={"Retry-After": "5"},
    )


async def not_valid(request: Request, error: Exception) -> JSONResponse:
    """What is wrong with the input. The input itself is not given back: it need not be what an answer can hold."""
    assert isinstance(error, RequestValidationError)
    detail = [{key: problem[key] for key in ("type", "loc", "msg")} for problem in error.errors()]
    return JSONResponse({"detail": detail}, status.HTTP_422_UNPROCESSABLE_CONTENT)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(RequestValidationError, not_valid)
    for error in (DBAPIError, PoolTimeout, ConnectionError, TimeoutError):
        app.add_exception_handler(error, database_fails)
