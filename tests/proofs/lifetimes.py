"""Observations of BGT2xx: what belongs to the request, and what is left of it when the task runs."""

from __future__ import annotations

import logging

from sqlalchemy import event

from tests.proofs.running import Run, wait_until


def bgt201(run: Run) -> str:
    owners: list[object] = []
    event.listen(run.module.session_factory, "after_begin", lambda session, *_: owners.append(session))
    run.client.get("/pages/home").raise_for_status()
    if len({id(owner) for owner in owners}) == 2:
        return "works"
    return "closed" if len(owners) == 2 else "held"


def _told(run: Run) -> list[str]:
    """The exceptions that the example logs, as they come."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(str(record.exc_info))  # type: ignore[method-assign]
    run.module.logger.addHandler(handler)
    return told


def _named(told: list[str], *names: str) -> str:
    """Which of these exceptions was logged."""
    return next(name for name in names if any(name in text for text in told))


def bgt202(run: Run) -> str:
    told = _told(run)
    with run.client as client:
        client.post("/users?address=a").raise_for_status()
    return "works" if run.module.sent == ["a"] else _named(told, "MissingGreenlet", "DetachedInstanceError")


def bgt203(run: Run) -> str:
    order: list[str] = []
    closed, noted = run.module.Journal.close, run.module.Journal.write

    def close(journal: object) -> None:
        order.append("close")
        closed(journal)

    def write(journal: object, line: str) -> None:
        order.append("write")
        noted(journal, line)

    run.module.Journal.close, run.module.Journal.write = close, write
    is_handed = "journal" in run.module.place.__annotations__
    run.client.post("/orders/1").raise_for_status()
    if order == ["close", "write"]:
        return "closed" if run.module.kept == [] else "other"
    assert order == ["write", "close"]
    assert run.module.kept == ["order 1"]
    return "held" if is_handed else "works"


def bgt204(run: Run) -> str:
    run.client.post("/reports?title=Sums").raise_for_status()
    return "works" if run.module.published == ["Sums"] else "gone"


def bgt205(run: Run) -> str:
    run.client.post("/reports", files={"report": b"a\nb\n"}).raise_for_status()
    return "works" if run.module.lines == [2] else "closed"


def bgt206(run: Run) -> str:
    told = _told(run) if hasattr(run.module, "logger") else []
    with run.server() as client:
        client.post("/events", content=b"abc").raise_for_status()
        wait_until(lambda: bool(run.module.sizes or told))
    return "works" if run.module.sizes == [3] else _named(told, "ClientDisconnect")


def bgt207(run: Run) -> str:
    run.client.post("/orders/ink").raise_for_status()
    return "works" if run.module.confirmed == ["ink"] else "before the commit"


def bgt208(run: Run) -> str:
    owners: list[object] = []
    event.listen(run.module.Session, "after_begin", lambda session, *_: owners.append(session))
    run.client.get("/pages?page=a").raise_for_status()
    run.client.get("/pages?page=b").raise_for_status()
    return {1: "shared", 2: "works"}[len({id(owner) for owner in owners})]


def bgt209(run: Run) -> str:
    with run.server() as client:
        client.post("/orders/ink").raise_for_status()
        came = wait_until(lambda: run.module.written == ["ink"], 1.5)
    return "works" if came else "closed"


def bgt210(run: Run) -> str:
    run.client.get("/pages/home").raise_for_status()
    with run.module.session_factory() as session:
        pages = session.execute(run.module.text("SELECT page FROM visits")).scalars().all()
    return "works" if pages == ["home"] else "not committed"
