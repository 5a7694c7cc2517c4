"""The process is stopped, killed, started again: nothing is lost, nothing is left half-written."""

import contextlib
import signal
from pathlib import Path

import pytest

from tests.reference.servers import (
    PATIENCE,
    SLOW,
    App,
    Mailbox,
    free_port,
    listening,
    new_database,
    running_app,
    smtp_server,
    started,
    until,
)

TEXT = b" ".join(b"word%d" % number for number in range(200_000))


@pytest.fixture
def quick(mail: Mailbox, database: str) -> dict[str, object]:
    """Settings under which stopping and recovery take seconds."""
    return {**mail.settings, "database_url": database, "shutdown_seconds": 1, "recovery_seconds": 0.5}


def test_a_process_without_tasks_stops_at_once(tmp_path: Path, quick: dict[str, object]) -> None:
    with running_app(tmp_path, **quick) as app:
        app.register("nobody-waits")
        until(lambda: app.client.get("/health").json()["running_jobs"] == 0)

        assert app.stop() < 1
        assert app.process.returncode in (0, -signal.SIGTERM)


def test_a_running_task_gets_its_time(tmp_path: Path, quick: dict[str, object], mail: Mailbox) -> None:
    with running_app(tmp_path, **{**quick, "shutdown_seconds": 15}) as app:
        job = app.register("slow-but-sure")["welcome_job"]
        until(lambda: app.state(job) == "running")

        assert app.stop() > SLOW / 2
    assert len(mail.to("slow-but-sure@example.com")) == 1


def test_a_task_that_takes_too_long_is_cancelled_and_done_by_the_next_process(
    tmp_path: Path, quick: dict[str, object], mail: Mailbox
) -> None:
    with running_app(tmp_path, **quick) as app:
        job = app.register("slow-to-stop")["welcome_job"]
        until(lambda: app.state(job) == "running")

        assert app.stop() < SLOW - 1
    assert mail.to("slow-to-stop@example.com") == []

    with running_app(tmp_path, **quick) as app:
        until(lambda: app.state(job) == "running")  # at once: the job was given back
        assert app.ended(job)["state"] == "done"
        assert app.client.get(f"/jobs/{job}").json()["runs"] == 2
    assert len(mail.to("slow-to-stop@example.com")) == 1


def test_large_work_is_stopped_in_its_processes_too_and_leaves_no_half(
    tmp_path: Path, quick: dict[str, object]
) -> None:
    quick |= {"upload_limit": 100_000_000, "shard_size": 300_000}
    with running_app(tmp_path, **quick) as app:
        user = app.register("reader-of-much")["id"]
        upload = app.upload(user, TEXT * 40).json()
        report = app.client.post("/reports", json={"upload_id": upload["id"]}).json()
        until(lambda: app.state(report["job"]) == "running")
        until(lambda: len(counting(app)) == 2)
        counters = counting(app)

        assert app.stop() < 5
        until(lambda: not any(Path(f"/proc/{process}").exists() for process in counters))
        assert app.query("SELECT result FROM reports") == [(None,)]

    with running_app(tmp_path, **quick) as app:
        assert app.ended(report["job"], 60)["state"] == "done"
        assert app.client.get(f"/reports/{report['id']}").json()["result"]["words"] == 200_000 * 40 - 39


def counting(app: App) -> list[int]:
    """The processes that count words for an application."""
    parent = f"/proc/{app.process.pid}/task/{app.process.pid}/children"
    return [int(child) for child in Path(parent).read_text().split()]


def test_a_task_that_was_killed_with_its_process_is_done_by_the_next(
    tmp_path: Path, mail: Mailbox, quick: dict[str, object]
) -> None:
    with running_app(tmp_path, **quick) as app:
        job = app.register("slow-to-die")["welcome_job"]
        until(lambda: app.state(job) == "running")
        app.stop(signal.SIGKILL)

    with running_app(tmp_path, **quick) as app:
        assert app.state(job) == "running"  # nobody can know that it is not, before its lease is over


def test_a_lease_that_is_over_is_taken_up(tmp_path: Path) -> None:
    with smtp_server() as mail:
        with running_app(tmp_path, **mail.settings) as app:
            job = app.register("slow-lease")["welcome_job"]
            until(lambda: app.state(job) == "running")
            app.stop(signal.SIGKILL)

        app.query(f"UPDATE jobs SET leased_until = 0 WHERE id = '{job}'")

        with running_app(tmp_path, **mail.settings) as app:
            assert app.ended(job)["runs"] == 2
        assert len(mail.to("slow-lease@example.com")) == 1


def test_a_task_that_never_began_is_begun(tmp_path: Path) -> None:
    """Killed between the commit and the task: the second of the request's tasks waits for the first."""
    with smtp_server() as mail:
        with running_app(tmp_path, **mail.settings) as app:
            app.register("slow-first")
            until(lambda: "send_welcome" in app.log)
            app.stop(signal.SIGKILL)
        app.query("UPDATE jobs SET leased_until = 0 WHERE task = 'tell_staff'")

        with running_app(tmp_path, **mail.settings):
            until(lambda: len(mail.to("staff@example.com")) == 1)


def test_a_process_that_was_frozen_beyond_its_lease_does_not_undo_what_its_successor_did(
    tmp_path: Path, postgresql: str
) -> None:
    database = new_database(postgresql)  # a process that is frozen with SQLite's lock would stop everybody
    with smtp_server() as mail, running_app(tmp_path / "1", database_url=database, **mail.settings) as frozen:
        job = frozen.register("slow-and-frozen")["welcome_job"]
        until(lambda: frozen.state(job) == "running")
        frozen.process.send_signal(signal.SIGSTOP)
        frozen.query("UPDATE jobs SET leased_until = 0")
        with running_app(tmp_path / "2", database_url=database, **mail.settings) as successor:
            done = successor.ended(job)
            frozen.process.send_signal(signal.SIGCONT)
            until(lambda: frozen.log.count("send_welcome") >= 2)  # it comes to its end, too
            assert frozen.stop() < PATIENCE

            assert successor.client.get(f"/jobs/{job}").json() == done


def test_a_job_that_kills_its_process_each_time_is_given_up(tmp_path: Path) -> None:
    with smtp_server() as mail:
        with running_app(tmp_path, **mail.settings) as app:
            job = app.register("slow-poison")["welcome_job"]
            until(lambda: app.state(job) == "running")
            app.stop(signal.SIGKILL)
        app.query("UPDATE jobs SET leased_until = 0, runs = 10")

        with running_app(tmp_path, **mail.settings) as app:
            ended = app.ended(job)
    assert (ended["state"], ended["error"]) == ("failed", "begun 10 times and never ended")


def test_processes_that_start_together_on_an_empty_database_share_it(tmp_path: Path, postgresql: str) -> None:
    database = new_database(postgresql)
    with smtp_server() as mail, contextlib.ExitStack() as stack:
        settings = {**mail.settings, "database_url": database}
        ports = [free_port() for _ in range(3)]
        for port in ports:
            command = ["-m", "fastapi_bgtask_lint.reference_app"]
            stack.enter_context(started(command, tmp_path / str(port), PORT=port, **settings))
        until(lambda: all(listening(port) for port in ports))
