"""Observations of BGT5xx: whether what is registered runs."""

from __future__ import annotations

from tests.proofs.running import Run


def _sent(run: Run, expected: list[str]) -> str:
    """Whether a welcome was sent, and what kept it."""
    status = run.client.post("/users?address=a").status_code
    if run.module.sent == expected:
        return "works" if status == 200 and not run.errors else "other"
    assert run.module.sent == []
    return run.kinds[0] if run.errors else "never runs"


def bgt501(run: Run) -> str:
    return _sent(run, ["a"])


def bgt502(run: Run) -> str:
    return _sent(run, ["a"] * 3)


def bgt503(run: Run) -> str:
    return _sent(run, ["a"])


def bgt504(run: Run) -> str:
    assert run.client.post("/payments?amount=0").status_code == 422
    return "works" if run.module.alerts == ["refused: 0"] else "never runs"


def bgt505(run: Run) -> str:
    run.client.post("/orders/7").raise_for_status()
    return {2: "works", 1: "never runs"}[len(run.module.log)]


def bgt506(run: Run) -> str:
    return _sent(run, ["a"])


def bgt507(run: Run) -> str:
    with run.client.websocket_connect("/chat") as connection:
        connection.send_text("hello")
        connection.close()
    return "works" if run.module.seen == ["hello"] else "never runs"


def bgt508(run: Run) -> str:
    return _sent(run, ["a: welcome", "a: how to begin"])


def bgt509(run: Run) -> str:
    run.client.post("/newsletters", json=["a", "b"]).raise_for_status()
    return "works" if run.module.sent == ["a", "b"] else "never runs"


def bgt510(run: Run) -> str:
    run.client.post("/orders").raise_for_status()
    return "works" if run.module.audited == ["ordered"] else "never runs"


def bgt511(run: Run) -> str:
    return _sent(run, ["a"])


def bgt512(run: Run) -> str:
    run.client.get("/")
    assert run.module.visits == ["home"]
    return run.kinds[0] if run.errors else "works"


def bgt513(run: Run) -> str:
    return _sent(run, ["a"])


def bgt514(run: Run) -> str:
    return _sent(run, ["a"])


def bgt516(run: Run) -> str:
    return _sent(run, ["a"])


def bgt517(run: Run) -> str:
    run.client.post("/newsletters", json=["a", "b", "c"]).raise_for_status()
    return {"abc": "works", "ccc": "last value only"}["".join(run.module.sent)]
