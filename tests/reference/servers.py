"""The processes that the tests talk to: the application, its workers, an SMTP server, PostgreSQL, Redis."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine

from fastapi_bgtask_lint.reference_app.settings import Settings

MODULE = "fastapi_bgtask_lint.reference_app"
ROOT = Path(__file__).parents[2]
SLOW = 5.0
"""Seconds that the SMTP server thinks over a slow recipient."""
PATIENCE = 20.0
"""Seconds after which something that should happen has not."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something comes true; it is an error if it does not."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not true after {seconds} s"
        time.sleep(0.02)


def listening(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@dataclass
class App:
    """The application in a process of its own."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    folder: Path
    port: int
    database: URL

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; the seconds that it took."""
        before = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - before

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text()

    def register(self, name: str, domain: str = "example.com") -> dict[str, Any]:
        """A new user."""
        answer = self.client.post("/users", json={"email": f"{name}@{domain}", "name": name.title()})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def upload(self, user: str, content: bytes) -> httpx.Response:
        """Upload a file for a user."""
        return self.client.post(f"/users/{user}/uploads", files={"file": ("file.txt", content)})

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers to a statement, whether the application runs or not."""

        async def rows() -> list[tuple[Any, ...]]:
            engine = create_async_engine(self.database)
            async with engine.begin() as connection:
                result = await connection.execute(text(statement))
                found = [tuple(row) for row in result] if result.returns_rows else []
            await engine.dispose()
            return found

        return asyncio.run(rows())

    def state(self, job: str) -> str:
        """How a job stands."""
        return str(self.client.get(f"/jobs/{job}").json()["state"])

    def ended(self, job: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """A job when it is done or has failed."""
        until(lambda: self.state(job) in ("done", "failed"), seconds)
        return dict(self.client.get(f"/jobs/{job}").json())


@contextlib.contextmanager
def running_app(folder: Path, module: str = MODULE, /, **settings: object) -> Iterator[App]:
    """The application started by its own command, with these settings, keeping its data in the folder."""
    port = free_port()
    with started(["-m", module], folder, port=port, **settings) as process:
        until(lambda: listening(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            database = Settings(data_folder=folder, database_url=str(settings.get("database_url", ""))).database
            yield App(process, client, folder, port, database)


@contextlib.contextmanager
def worker(folder: Path, /, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the queue, with the same settings as its application."""
    command = [str(Path(sys.executable).with_name("arq")), "fastapi_bgtask_lint.reference_app.worker.WorkerSettings"]
    with started(command, folder, **settings) as process:
        yield process


@contextlib.contextmanager
def started(arguments: list[str], folder: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process with these settings in its environment, and its output in the folder's log."""
    variables = {name.upper(): str(value) for name, value in settings.items()}
    environment = {**os.environ, "DATA_FOLDER": str(folder), "PYTHONPATH": str(ROOT), **variables}
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


@dataclass
class Mailbox:
    """An SMTP server that keeps what it gets, and behaves by the recipient's name.

    `refused...` is refused for good, `busy...` twice for the moment, `slow...` after some seconds.
    """

    port: int
    seconds: float = 0.0
    """What it takes over each mail."""
    messages: list[Message] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.offers.append(address)
        if address.startswith("refused"):
            return "550 nobody of that name"
        if address.startswith("busy") and self.offers.count(address) <= 2:
            return "451 later, please"
        if address.startswith("slow"):
            await asyncio.sleep(SLOW)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        await asyncio.sleep(self.seconds)
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"

    def to(self, address: str) -> list[Message]:
        """What has arrived for somebody."""
        return [message for message in self.messages if message["To"] == address]

    @property
    def settings(self) -> dict[str, object]:
        """What makes an application send its mail here."""
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": self.port}


@contextlib.contextmanager
def smtp_server(port: int | None = None, seconds: float = 0.0) -> Iterator[Mailbox]:
    """An SMTP server in a thread of this process."""
    box = Mailbox(port or free_port(), seconds)
    controller = Controller(box, "127.0.0.1", box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a Redis server of our own."""
    program = program_of("redis-server", package="redis-server")
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--dir", str(folder), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        until(lambda: listening(port))
        yield f"redis://127.0.0.1:{port}"
        process.terminate()


@contextlib.contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server of our own. It refuses to be root, so root starts it as Debian's user for it."""
    initdb, postgres = program_of("initdb", package="postgresql"), program_of("postgres", package="postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    data, port = folder / "data", free_port()
    data.mkdir()
    if user is not None:
        shutil.chown(data, user)
        for parent in (folder, *folder.parents):
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    subprocess.run(
        [initdb, "-D", str(data), "-U", "app", "--auth=trust", "--no-sync"],
        user=user, cwd=data, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    command = [postgres, "-D", str(data), "-p", str(port), "-k", str(data), "-F"]
    with subprocess.Popen(command, user=user, cwd=data, stderr=subprocess.DEVNULL) as process:
        until(lambda: ready(port))
        yield f"postgresql://app@127.0.0.1:{port}/postgres"
        process.send_signal(signal.SIGINT)  # end now, also with clients connected


def new_database(server: str) -> str:
    """The URL of an empty database on a PostgreSQL server."""
    name = f"app{time.time_ns()}"
    subprocess.run([program_of("createdb", package="postgresql"), f"--maintenance-db={server}", name], check=True)
    return server.rpartition("/")[0] + f"/{name}"


def ready(port: int) -> bool:
    """Whether PostgreSQL takes connections."""
    return subprocess.run(
        [program_of("pg_isready", package="postgresql"), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False
    ).returncode == 0  # fmt: skip


def program_of(name: str, *, package: str) -> str:
    """The path of a program. Where it is missing the test is skipped and says which of Debian's packages has it."""
    found = shutil.which(name) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {package}")
    return found
