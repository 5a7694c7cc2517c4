"""The examples in the rules' documentation: linted, they give their marks and nothing else; run, they do as is said."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event
from starlette.types import Receive, Scope, Send

RULES = Path(__file__).parent.parent / "fastapi_bgtask_lint" / "rules"
BLOCK = re.compile(r"^```py (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"#\s*(BGT\d{3}(?:,\s*BGT\d{3})*)\s*$")

Files = dict[str, str]
Marks = set[tuple[str, int, str]]


def documentation(path: Path) -> str:
    """A rule's docstring, read without importing the rule."""
    return ast.get_docstring(ast.parse(path.read_text("utf-8")), clean=False) or ""


def examples(text: str) -> dict[str, Files]:
    """The files of the bad and of the good example."""
    bad, _, good = text.partition("\n## Good\n")
    return {"bad": dict(BLOCK.findall(bad)), "good": dict(BLOCK.findall(good))}


def marks(files: Files) -> Marks:
    """File, line and code of every mark."""
    return {
        (name, number, code)
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := MARK.search(line))
        for code in re.findall(r"BGT\d{3}", found[1])
    }


def written(files: Files, folder: Path) -> Path:
    """A project of these files."""
    (folder / "pyproject.toml").touch()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


DOCUMENTED = {path.name[:6].upper(): documentation(path) for path in sorted(RULES.glob("bgt*.py"))}
EXAMPLES = {code: examples(text) for code, text in DOCUMENTED.items()}
EACH = pytest.mark.parametrize(("code", "kind"), [(code, kind) for code in DOCUMENTED for kind in ("bad", "good")])


def test_every_rule_has_its_documentation_from_its_file() -> None:
    from fastapi_bgtask_lint.rules import all_rules

    assert {rule.code: rule.documentation.strip() for rule in all_rules()} == {
        code: text.strip() for code, text in DOCUMENTED.items()
    }


@pytest.mark.parametrize("code", DOCUMENTED)
def test_documentation_has_a_title_and_marks_its_own_code(code: str) -> None:
    title, blank, *_ = DOCUMENTED[code].splitlines()
    assert title == title.strip()
    assert title[0].isupper()
    assert not title.endswith(".")
    assert blank == ""
    assert {found for _, _, found in marks(EXAMPLES[code]["bad"])} == {code}
    assert EXAMPLES[code]["good"]
    assert not marks(EXAMPLES[code]["good"])


@EACH
def test_example_gives_its_marks_and_nothing_else(code: str, kind: str, tmp_path: Path) -> None:
    from fastapi_bgtask_lint import lint_paths

    files = EXAMPLES[code][kind]
    result = lint_paths([written(files, tmp_path)])
    assert not result.problems
    found = {(finding.place.path.name, finding.place.line, finding.code) for finding in result.findings}
    assert found == marks(files)


@dataclass
class Run:
    """An example at work: its module, and a client that notes what the application lets through to the server."""

    module: Any
    errors: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.module.app(scope, receive, send)
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            raise

    @property
    def client(self) -> TestClient:
        return TestClient(self, raise_server_exceptions=False)


Proof = Callable[[Run], object]


def imported(files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example's application, fresh."""
    written(files, folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name in files:
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    importlib.invalidate_caches()
    return importlib.import_module("app")


def unreadable(run: Run) -> object:
    run.client.post("/users?name=a")
    return run.module.created


def returns_response(run: Run) -> object:
    return [run.client.post("/orders/1", json=amounts).status_code for amounts in ([], [1, 2])], run.module.totals


def raises_handled(run: Run) -> object:
    return run.client.post("/orders?item=ink").status_code, run.errors, run.module.shipped


def session(run: Run) -> object:
    used: list[object] = []
    event.listen(run.module.session_factory, "after_begin", lambda session, *_: used.append(session))
    run.client.get("/pages/home").raise_for_status()
    return len({id(session) for session in used})


def closed_resource(run: Run) -> object:
    run.client.post("/reports?title=Sums").raise_for_status()
    return run.module.published


def longest_standstill(run: Run) -> object:
    """Whether the event loop stood still for half a second while the task ran."""

    async def ticks(gaps: list[float]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            gaps.append(loop.time() - before)

    async def measured() -> float:
        gaps: list[float] = []
        ticking = asyncio.create_task(ticks(gaps))
        await asyncio.sleep(0.02)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(run), base_url="http://test") as client:
            (await client.post("/newsletters?address=a")).raise_for_status()
        await asyncio.sleep(0.02)
        ticking.cancel()
        return max(gaps)

    return asyncio.run(measured()) > 0.45, run.module.sent


def side_of_the_database(run: Run) -> object:
    sides: list[str] = []

    def note(*_: object) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            sides.append("thread")
        else:
            sides.append("loop")

    event.listen(run.module.session_factory.kw["bind"], "before_cursor_execute", note)
    run.client.get("/pages/home").raise_for_status()
    return sides


def event_loop(run: Run) -> object:
    run.client.post("/cache/a")
    run.client.delete("/cache/a")
    return [error.split(":")[0] for error in run.errors], run.module.cache


@contextlib.contextmanager
def peer_that_never_answers() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def ends_by_itself(run: Run) -> object:
    """Whether the task has ended after a second with a peer that accepts and never answers."""
    with peer_that_never_answers() as url:
        asking = threading.Thread(target=lambda: run.client.post("/orders", params={"url": url}))
        asking.start()
        asking.join(1)
        ended = not asking.is_alive()
    asking.join(10)
    return ended


def failure_leaves(run: Run) -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    status = run.client.post("/orders/7", params={"url": url}).status_code
    return status, [error.split(":")[0] for error in run.errors], run.module.archive


def sent_to_users(run: Run) -> object:
    return run.client.post("/users?address=a").status_code, run.module.sent


def arguments(run: Run) -> object:
    return sent_to_users(run), [error.split(":")[0] for error in run.errors]


def payments(run: Run) -> object:
    return run.client.post("/payments?amount=0").status_code, run.module.alerts


def orders(run: Run) -> object:
    return run.client.post("/orders/7").status_code, run.module.log


def websocket(run: Run) -> object:
    with run.client.websocket_connect("/chat") as connection:
        connection.send_text("hello")
        connection.close()
    return run.module.seen


def generator(run: Run) -> object:
    return run.client.post("/newsletters", json=["a", "b"]).status_code, run.module.sent


def not_a_task(run: Run) -> object:
    return run.client.get("/").status_code, run.module.visits, [error.split(":")[0] for error in run.errors]


CAUGHT = "RuntimeError: Caught handled exception, but response already started."
PROOFS: dict[str, tuple[Proof, object, object]] = {
    "BGT001": (unreadable, "SyntaxError", ["a"]),
    "BGT101": (returns_response, ([200, 200], {1: 3}), ([422, 200], {1: 3})),
    "BGT103": (raises_handled, (200, [CAUGHT], []), (404, [], [])),
    "BGT201": (session, 1, 2),
    "BGT204": (closed_resource, [], ["Sums"]),
    "BGT301": (longest_standstill, (True, ["a"]), (False, ["a"])),
    "BGT302": (side_of_the_database, ["loop"], ["thread"]),
    "BGT305": (event_loop, (["RuntimeError", "RuntimeError"], {}), ([], {})),
    "BGT401": (ends_by_itself, False, True),
    "BGT402": (ends_by_itself, False, True),
    "BGT403": (failure_leaves, (200, ["ConnectError"], []), (200, [], ["7"])),
    "BGT501": (arguments, ((200, []), ["TypeError"]), ((200, ["a"]), [])),
    "BGT502": (sent_to_users, (200, []), (200, ["a"] * 3)),
    "BGT503": (sent_to_users, (200, []), (200, ["a"])),
    "BGT504": (payments, (422, []), (422, ["refused: 0"])),
    "BGT505": (orders, (200, ["confirm 7"]), (200, ["reserve 7", "confirm 7"])),
    "BGT506": (sent_to_users, (500, []), (200, ["a"])),
    "BGT507": (websocket, [], ["hello"]),
    "BGT508": (arguments, ((200, []), ["TypeError"]), ((200, ["a: welcome", "a: how to begin"]), [])),
    "BGT509": (generator, (200, []), (200, ["a", "b"])),
    "BGT512": (not_a_task, (200, ["home"], ["TypeError"]), (200, ["home"], [])),
    "BGT513": (sent_to_users, (200, []), (200, ["a"])),
}
"""What to do with an application, and what comes of it with the bad and with the good example."""


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@EACH
def test_example_does_as_is_said(code: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof, bad, good = PROOFS[code]
    outcome: object
    try:
        outcome = proof(Run(imported(EXAMPLES[code][kind], tmp_path, monkeypatch)))
    except SyntaxError:
        outcome = "SyntaxError"
    assert outcome == {"bad": bad, "good": good}[kind]
