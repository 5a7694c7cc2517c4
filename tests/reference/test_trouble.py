"""What the application needs is away or busy: the status is right, the body clear, nothing is lost."""

import contextlib
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference.servers import App, free_port, new_database, postgresql_server, running_app, smtp_server, until


def test_users_are_registered_while_the_smtp_server_is_down_and_get_their_mail_later(tmp_path: Path) -> None:
    port = free_port()
    with running_app(tmp_path, smtp_host="127.0.0.1", smtp_port=port) as app:
        job = app.register("patient")["welcome_job"]

        failed = app.ended(job)
        assert failed["state"] == "failed"
        assert "connect" in failed["error"].lower()

        with smtp_server(port) as mail:
            assert app.client.post(f"/jobs/{job}/retry").status_code == 202
            assert app.ended(job)["state"] == "done"
            assert len(mail.to("patient@example.com")) == 1


def test_an_smtp_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        running_app(tmp_path, smtp_host="127.0.0.1", smtp_port=deaf.getsockname()[1], smtp_seconds=0.3) as app,
    ):
        failed = app.ended(app.register("unheard")["welcome_job"])

    assert failed["state"] == "failed"
    assert 0.9 < failed["seconds"] < 10  # three attempts and the pauses between them


def test_a_locked_database_is_503_and_nothing_is_changed(tmp_path: Path) -> None:
    with smtp_server() as mail, running_app(tmp_path, database_seconds=0.3, **mail.settings) as app:
        with locked(app):
            answer = app.client.post("/users", json={"email": "locked@example.com", "name": "Locked"})

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json() == {"detail": "The database does not answer. Try again."}
        assert list((app.folder / "homes").glob("*")) == []
        assert app.query("SELECT count(*) FROM jobs") == [(0,)]
        app.register("locked")


def test_a_task_whose_outcome_cannot_be_written_is_done_again(tmp_path: Path) -> None:
    with (
        smtp_server() as mail,
        running_app(tmp_path, database_seconds=0.3, recovery_seconds=0.5, **mail.settings) as app,
    ):
        job = app.register("slow-lock")["welcome_job"]
        until(lambda: app.state(job) == "running")
        with locked(app):
            until(lambda: "is left for recovery" in app.log)

        app.query("UPDATE jobs SET leased_until = 0")
        assert app.ended(job)["state"] == "done"
        assert {message["Message-ID"] for message in mail.to("slow-lock@example.com")} == {
            mail.to("slow-lock@example.com")[0]["Message-ID"]
        }


def test_a_postgresql_server_that_is_away_is_503(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with contextlib.ExitStack() as stack:
        with postgresql_server(tmp_path_factory.mktemp("away")) as server:
            app = stack.enter_context(running_app(tmp_path, database_url=new_database(server), database_seconds=1))
            user = app.register("away")
        answers = [
            app.client.get(f"/users/{user['id']}"),
            app.client.post("/users", json={"email": "gone@example.com", "name": "Gone"}),
        ]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert [path.name for path in (app.folder / "homes").iterdir()] == [user["id"]]


def test_a_connection_that_postgresql_ends_is_503_once(tmp_path: Path, postgresql: str) -> None:
    with smtp_server() as mail, running_app(tmp_path, database_url=new_database(postgresql), **mail.settings) as app:
        user = app.register("cut-off")["id"]
        app.query("ALTER TABLE users RENAME TO away")  # no error that goes away by itself: ours, so 500
        assert app.client.get(f"/users/{user}").status_code == 500
        app.query("ALTER TABLE away RENAME TO users")
        app.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

        statuses = [app.client.get(f"/users/{user}").status_code for _ in range(3)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200


@contextlib.contextmanager
def locked(app: App) -> Iterator[None]:
    """The application's SQLite file in somebody else's hands."""
    database = sqlite3.connect(app.folder / "reference.sqlite3", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.rollback()
        database.close()
