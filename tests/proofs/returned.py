"""Observations of BGT0xx and BGT1xx: what a task gives back, and to whom."""

from __future__ import annotations

from tests.proofs.running import Run


def bgt001(run: Run) -> str:
    run.client.post("/users?name=a")
    return "works" if run.module.created == ["a"] else "lost"


def bgt101(run: Run) -> str:
    refused = run.client.post("/orders/1", json=[]).status_code
    accepted = run.client.post("/orders/1", json=[1, 2]).status_code
    assert accepted == 200
    assert run.module.totals == {1: 3}
    return "works" if refused == 422 else "discarded"


def bgt103(run: Run) -> str:
    status = run.client.post("/orders?item=ink").status_code
    if run.errors == ["RuntimeError: Caught handled exception, but response already started."]:
        return "RuntimeError" if status == 200 and not run.module.shipped else "other"
    return "works" if status == 404 and not run.errors else "other"


def bgt102(run: Run) -> str:
    answer = run.client.post("/orders/1", json=[1, 2])
    assert answer.json() == {"status": "closed"}
    return "works" if run.module.totals == {1: 3} else "discarded"


def bgt104(run: Run) -> str:
    answer = run.client.post("/login?name=a")
    assert answer.status_code == 200
    assert not run.errors
    return "works" if answer.cookies.get("name") == "a" else "no effect"
