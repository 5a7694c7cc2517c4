"""What becomes of the request's resources while its tasks run, and what tasks do to a real server."""

# ruff: noqa: ANN401, B008
from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fastapi
import httpx
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import QueuePool

from tests.proofs.rows import proven
from tests.proofs.running import Run, wait_until

OPEN_CLOSED_OPEN = {"<0.106": "open", ">=0.106,<0.118": "closed", ">=0.118": "open"}


# --- dependencies -----------------------------------------------------------------------------------------------------


class Resource:
    """Open until it is closed."""

    def __init__(self) -> None:
        self.state = "open"


def _state_in_task(**options: Any) -> str:
    app = FastAPI()
    seen: list[Any] = []

    def provide() -> Iterator[Resource]:
        resource = Resource()
        yield resource
        resource.state = "closed"

    @app.get("/")
    def handler(tasks: BackgroundTasks, resource: Resource = Depends(provide, **options)) -> None:
        tasks.add_task(lambda: seen.append(resource.state))

    TestClient(app).get("/").raise_for_status()
    return str(seen[0])


def test_value_of_a_yield_dependency() -> None:
    proven("value of a yield dependency when the task runs", _state_in_task(), OPEN_CLOSED_OPEN)


@pytest.mark.skipif("fastapi.__version__ in ('0.95.2', '0.105.0', '0.106.0', '0.115.14', '0.117.1', '0.118.0')")
def test_value_of_a_dependency_with_function_scope() -> None:
    proven(
        "value of a dependency with function scope when the task runs",
        _state_in_task(scope="function"),
        {">=0.121": "closed"},
    )


def test_dependency_that_raises_after_its_yield() -> None:
    app = FastAPI()
    seen: list[Any] = []

    def provide() -> Iterator[None]:
        yield
        raise ValueError

    @app.get("/")
    def handler(tasks: BackgroundTasks, none: None = Depends(provide)) -> None:
        tasks.add_task(seen.append, "ran")

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    outcome = f"{answer.status_code}, {'task has run' if seen else 'task never runs'}"
    proven(
        "dependency raises after its yield",
        outcome,
        {"<0.106": "200, task has run", ">=0.106,<0.118": "500, task never runs", ">=0.118": "200, task has run"},
    )


class Shop:
    """An application with a database whose dependency commits after its yield, or rolls back."""

    def __init__(
        self, folder: Path, provide: Callable[[sessionmaker[Session]], Callable[[], Iterator[Session]]]
    ) -> None:
        self.engine = create_engine(f"sqlite:///{folder / 'shop.db'}", poolclass=QueuePool, pool_size=2)
        self.sessions = sessionmaker(self.engine)
        with self.sessions.begin() as session:
            session.execute(text("CREATE TABLE orders (item TEXT)"))
        self.app = FastAPI()
        self.get_session = provide(self.sessions)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def rows(self) -> int:
        """How many orders are committed."""
        with self.sessions() as session:
            return int(session.execute(text("SELECT count(*) FROM orders")).scalar_one())

    def out(self) -> int:
        """How many connections are in use."""
        assert isinstance(self.engine.pool, QueuePool)
        return self.engine.pool.checkedout()


def committing(sessions: sessionmaker[Session]) -> Callable[[], Iterator[Session]]:
    def get_session() -> Iterator[Session]:
        with sessions() as session:
            try:
                yield session
                session.commit()
            except Exception:
                session.rollback()
                raise

    return get_session


def closing(sessions: sessionmaker[Session]) -> Callable[[], Iterator[Session]]:
    def get_session() -> Iterator[Session]:
        with sessions() as session:
            yield session

    return get_session


INSERT = text("INSERT INTO orders VALUES ('ink')")


def test_task_of_a_dependency_that_commits(tmp_path: Path) -> None:
    shop, seen = Shop(tmp_path, committing), []

    @shop.app.get("/")
    def handler(tasks: BackgroundTasks, session: Session = Depends(shop.get_session)) -> None:
        session.execute(INSERT)
        tasks.add_task(lambda: seen.append(shop.rows()))

    shop.client.get("/").raise_for_status()
    proven(
        "dependency commits after its yield: what the task's own session sees",
        {0: "nothing", 1: "the rows"}[seen[0]],
        {"<0.106": "nothing", ">=0.106,<0.118": "the rows", ">=0.118": "nothing"},
    )


def test_failing_task_of_a_dependency_that_commits(tmp_path: Path) -> None:
    shop = Shop(tmp_path, committing)

    def fail() -> None:
        raise ValueError

    @shop.app.get("/")
    def handler(tasks: BackgroundTasks, session: Session = Depends(shop.get_session)) -> None:
        session.execute(INSERT)
        tasks.add_task(fail)

    status = shop.client.get("/").status_code
    proven(
        "dependency commits after its yield, and the task raises",
        f"{status}, {'committed' if shop.rows() else 'rolled back'}",
        {"<0.106": "200, rolled back", ">=0.106,<0.118": "200, committed", ">=0.118": "200, rolled back"},
    )


def test_connection_of_a_session_that_is_not_handed_over(tmp_path: Path) -> None:
    shop, seen = Shop(tmp_path, closing), []

    @shop.app.get("/")
    def handler(tasks: BackgroundTasks, session: Session = Depends(shop.get_session)) -> None:
        session.execute(text("SELECT 1"))
        tasks.add_task(lambda: seen.append(shop.out()))

    shop.client.get("/").raise_for_status()
    proven(
        "request's session not handed over: its connection while the task runs",
        {0: "free", 1: "held"}[seen[0]],
        {"<0.106": "held", ">=0.106,<0.118": "free", ">=0.118": "held"},
    )


def test_connection_of_a_session_that_a_task_uses(tmp_path: Path) -> None:
    shop, kept_alive, seen = Shop(tmp_path, closing), [], []

    @shop.app.get("/")
    def handler(tasks: BackgroundTasks, session: Session = Depends(shop.get_session)) -> None:
        kept_alive.append(session)
        tasks.add_task(session.execute, text("SELECT 1"))

    shop.client.get("/").raise_for_status()
    gc.collect()
    seen.append(shop.out())
    proven(
        "request's session used in the task: its connection after the request",
        {0: "given back", 1: "stays out"}[seen[0]],
        {"<0.106": "given back", ">=0.106,<0.118": "stays out", ">=0.118": "given back"},
    )


def test_commit_between_add_task_and_return(tmp_path: Path) -> None:
    shop = Shop(tmp_path, closing)
    seen: list[Any] = []

    @shop.app.get("/")
    def handler(tasks: BackgroundTasks, session: Session = Depends(shop.get_session)) -> None:
        session.execute(INSERT)
        tasks.add_task(lambda: seen.append(shop.rows()))
        session.commit()

    shop.client.get("/").raise_for_status()
    proven(
        "commit after add_task and before the return: what the task sees",
        {0: "nothing", 1: "the rows"}[seen[0]],
        {"": "the rows"},
    )


class Base(DeclarativeBase):
    """The mapped classes of these proofs."""


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def test_object_of_a_plain_session(tmp_path: Path) -> None:
    shop = Shop(tmp_path, closing)
    seen: list[str] = []
    Base.metadata.create_all(shop.engine)

    def tell(author: Author) -> None:
        try:
            seen.append(f"{author.name} loads")
        except Exception as error:
            seen.append(type(error).__name__)

    @shop.app.get("/")
    def handler(tasks: BackgroundTasks, session: Session = Depends(shop.get_session)) -> None:
        author = Author(name="a")
        session.add(author)
        session.commit()
        tasks.add_task(tell, author)

    shop.client.get("/").raise_for_status()
    proven(
        "ORM instance of a Session after a commit, in the task",
        seen[0],
        {"<0.106": "a loads", ">=0.106,<0.118": "DetachedInstanceError", ">=0.118": "a loads"},
    )


def test_with_block_that_ends_before_the_return() -> None:
    app = FastAPI()
    seen: list[Any] = []

    @app.get("/")
    def handler(tasks: BackgroundTasks) -> None:
        with TemporaryDirectory() as folder:
            tasks.add_task(lambda: seen.append(Path(folder).exists()))

    TestClient(app).get("/").raise_for_status()
    proven("folder of a with block that ends before the return", "there" if seen[0] else "deleted", {"": "deleted"})


def test_body_that_is_read_in_the_task() -> None:
    app = FastAPI()
    seen: list[Any] = []

    async def read(request: Request) -> None:
        seen.append(await request.body())

    @app.post("/unread")
    async def deferred(request: Request, tasks: BackgroundTasks) -> None:
        tasks.add_task(read, request)

    @app.post("/read")
    async def read_before(request: Request, tasks: BackgroundTasks) -> None:
        await request.body()
        tasks.add_task(read, request)

    for path in ("/unread", "/read"):
        TestClient(app).post(path, content=b"a").raise_for_status()
    proven("request.body() in the task, test client", "works" if seen == [b"a"] * 2 else "fails", {"": "works"})
    seen.clear()
    worked = []
    for path in ("/unread", "/read"):
        seen.clear()
        run = Run(_Module(app))
        with run.server() as client:
            with contextlib.suppress(httpx.HTTPError):
                client.post(path, content=b"a")
            wait_until(functools.partial(_any, seen, run.errors))
        worked.append("works" if seen == [b"a"] else run.kinds[0])
    proven(
        "request.body() in the task, uvicorn",
        f"unread: {worked[0]}, read before: {worked[1]}",
        {"": "unread: ClientDisconnect, read before: works"},
    )


def _any(*lists: list[Any]) -> bool:
    return any(lists)


class _Module:
    def __init__(self, app: FastAPI) -> None:
        self.app = app


# --- under a real server ----------------------------------------------------------------------------------------------


def test_forty_waiting_tasks_keep_def_endpoints_waiting() -> None:
    app = FastAPI()
    free: list[bool] = []

    def wait() -> None:
        wait_until(lambda: bool(free))

    @app.post("/wait")
    async def start(tasks: BackgroundTasks) -> None:
        tasks.add_task(wait)

    @app.get("/plain")
    def plain() -> None: ...

    @app.get("/async")
    async def on_loop() -> None: ...

    with Run(_Module(app)).server() as client:
        for _ in range(40):
            client.post("/wait").raise_for_status()
        client.get("/async", timeout=5).raise_for_status()
        try:
            client.get("/plain", timeout=0.7)
            outcome = "answered"
        except httpx.ReadTimeout:
            outcome = "not answered"
        free.append(True)
    proven(
        "40 def tasks wait: a def endpoint, an async endpoint", f"{outcome}, answered", {"": "not answered, answered"}
    )


APPLICATION = """
import asyncio, threading
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()

async def for_ever():
    try:
        await asyncio.Event().wait()
    except Exception:
        print("exception", flush=True)
    finally:
        print("finally", flush=True)

def in_thread():
    threading.Event().wait()

@app.post("/async")
async def start(tasks: BackgroundTasks):
    tasks.add_task(for_ever)

@app.post("/thread")
async def start_thread(tasks: BackgroundTasks):
    tasks.add_task(in_thread)

@app.get("/")
async def ready(): ...
"""


@contextlib.contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The application above in a process of its own."""
    (folder / "served.py").write_text(APPLICATION, "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", str(port), "--log-level", "critical", *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert wait_until(lambda: _is_ready(client))
            yield process, client
    finally:
        process.kill()
        process.wait()


def _is_ready(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.get("/").status_code == 200
    return False


def _stops(process: subprocess.Popen[str], seconds: float) -> str:
    process.send_signal(signal.SIGTERM)
    return "stops" if wait_until(lambda: process.poll() is not None, seconds) else "does not stop"


def test_sigterm_while_a_task_waits_for_ever(tmp_path: Path) -> None:
    with served(tmp_path) as (process, client):
        client.post("/async").raise_for_status()
        outcome = _stops(process, 3)
    proven("a task waits for ever, then SIGTERM", outcome, {"": "does not stop"})


def test_graceful_shutdown_cancels_an_async_task(tmp_path: Path) -> None:
    with served(tmp_path, "--timeout-graceful-shutdown", "1") as (process, client):
        client.post("/async").raise_for_status()
        outcome = _stops(process, 6)
        said = process.stdout.read() if process.stdout is not None and outcome == "stops" else ""
    proven(
        "a task waits for ever, then SIGTERM, with --timeout-graceful-shutdown 1",
        f"{outcome}, {' and '.join(said.split())} seen",
        {"": "stops, finally seen"},
    )


def test_client_that_goes_away_in_mid_stream() -> None:
    app = FastAPI()
    seen: list[str] = []

    @app.get("/")
    async def handler(tasks: BackgroundTasks) -> fastapi.responses.StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"." * 100_000
                await asyncio.sleep(0.01)

        tasks.add_task(seen.append, "ran")
        return fastapi.responses.StreamingResponse(parts())

    with Run(_Module(app)).server() as client:
        with client.stream("GET", "/") as answer:
            next(answer.iter_raw())
        ran = wait_until(lambda: seen == ["ran"], 5)
    proven("client gone in mid-stream", "tasks run" if ran else "tasks never run", {"": "tasks run"})


def test_graceful_shutdown_cuts_a_thread_off(tmp_path: Path) -> None:
    with served(tmp_path, "--timeout-graceful-shutdown", "1") as (process, client):
        client.post("/thread").raise_for_status()
        outcome = _stops(process, 4)
    proven("a def task waits for ever, then SIGTERM, with --timeout-graceful-shutdown 1", outcome, {"": "stops"})


def test_streamed_answer_behind_middleware() -> None:
    app = FastAPI()

    async def slow() -> None:
        await asyncio.sleep(1.5)

    @app.middleware("http")
    async def passing(request: Request, call_next: Callable[[Request], Any]) -> Any:
        return await call_next(request)

    @app.get("/")
    async def handler(tasks: BackgroundTasks) -> fastapi.responses.StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "a"

        tasks.add_task(slow)
        return fastapi.responses.StreamingResponse(parts())

    with Run(_Module(app)).server() as client:
        before = time.monotonic()
        client.get("/").raise_for_status()
        took = time.monotonic() - before
    proven(
        "streamed answer behind BaseHTTPMiddleware",
        "after the tasks" if took > 1.2 else "at once",
        {"<0.107": "after the tasks", ">=0.107": "at once"},
    )
