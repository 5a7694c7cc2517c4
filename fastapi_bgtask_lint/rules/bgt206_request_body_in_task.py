"""Task reads the request's body

The body of a request comes from the connection, and that is over when the task runs. Under a real server `body()`,
`json()`, `form()` and `stream()` raise `ClientDisconnect` there, and `is_disconnected()` is always true (seen with
uvicorn 0.54 on FastAPI 0.165). Under the TestClient the body can still be read, on every version: the tests pass. What
the handler has read before is kept in the request, and can be read again. A WebSocket is closed when its handler ends.

Read the body in the handler and hand over its content. With `--pedantic`, or when this rule is selected by its full
code, any use of the Request in a task is reported: hand over the values, such as a header or the client's address.

Suppress it where a middleware or dependency that the tool can't see has read the body of this Request.

## Bad
```py app.py
import logging

from fastapi import BackgroundTasks, FastAPI, Request
from starlette.requests import ClientDisconnect

logger = logging.getLogger(__name__)
app = FastAPI()
sizes: list[int] = []


async def measure(request: Request) -> None:
    try:
        sizes.append(len(await request.body()))
    except ClientDisconnect:
        logger.exception("the body is gone")


@app.post("/events")
async def receive(request: Request, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(measure, request)  # BGT206
    return {"status": "accepted"}
```

## Good
```py app.py
from fastapi import BackgroundTasks, FastAPI, Request

app = FastAPI()
sizes: list[int] = []


async def measure(body: bytes) -> None:
    sizes.append(len(body))


@app.post("/events")
async def receive(request: Request, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(measure, await request.body())
    return {"status": "accepted"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.callgraph.chains import related
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import EscapingResource, ResourceKind
from fastapi_bgtask_lint.resolving.values import FromParameter
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule
from fastapi_bgtask_lint.rules.wording import type_name

rule = Rule(
    __doc__,
    code="BGT206",
    name="request-body-in-task",
    severity=Severity.WARNING,
    harms=(Harm("ClientDisconnect"),),
)

_READING = frozenset({"body", "json", "form", "stream"})
_CONNECTION = frozenset({"receive", "is_disconnected", "send_text", "send_bytes", "send_json", "receive_text",
                         "receive_bytes", "receive_json", "iter_text", "iter_bytes", "iter_json"})  # fmt: skip


@rule.check
def bodies(registration: Registration, app: Application) -> Iterator[Report]:
    """The task reads from the connection of the request; once a registration."""
    targets = app.registrations.targets(registration)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is not ResourceKind.REQUEST:
            continue
        hits = (hit for target in targets for hit in app.target_hits(target, registration))
        hit = next(_reads(escaping, hits, app), None)
        if hit is not None:
            yield Report(
                f"the {type_name(escaping.value)} handed to the task is over when it runs, and {_last(hit)}() needs"
                " its connection: under a real server nothing is left to read; read it in the handler and hand over"
                " the content",
                registration.site,
                related(hit, registration.site, f"{_last(hit)}() is called here"),
            )
            return
        yield Report(
            f"the {type_name(escaping.value)} handed to the task is over when it runs; hand over the values that the"
            " task needs",
            registration.site,
            ((escaping.source, "it comes from this parameter"),),
            pedantic=True,
        )


def _reads(escaping: EscapingResource, hits: Iterator[Hit], app: Application) -> Iterator[Hit]:
    for hit in hits:
        if hit.leaf.receiver != escaping.value:
            continue
        if _last(hit) in _CONNECTION or (_last(hit) in _READING and not _is_read_before(escaping, app)):
            yield hit


def _last(hit: Hit) -> str:
    return hit.leaf.what.rpartition(".")[2]


def _is_read_before(escaping: EscapingResource, app: Application) -> bool:
    """The handler reads the body, or FastAPI does for one of its parameters: then the Request keeps it."""
    origin = getattr(escaping.value, "origin", None)
    if not isinstance(origin, FromParameter):
        return True
    used, _ = app.lifetimes.reach.read(escaping.value, (origin.context,))
    return bool(used & _READING) or app.handlers.has_body(origin.context)
