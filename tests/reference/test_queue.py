"""The same tasks on a queue: an application that only sends, and workers that run."""

import os
import signal
from pathlib import Path

from tests.reference.servers import Mailbox, running_app, until, worker


def test_a_worker_runs_the_tasks_that_the_application_sends(
    tmp_path: Path, redis: str, database: str, mail: Mailbox
) -> None:
    settings = {**mail.settings, "redis_url": f"{redis}/1", "database_url": database}
    with running_app(tmp_path, **settings) as app:
        job = app.register("queued")["welcome_job"]
        until(lambda: "POST" in app.log)
        assert app.state(job) == "pending"  # there is no worker yet
        user = app.register("queued-too")["id"]
        upload = app.upload(user, b"to be or not to be").json()

        with worker(tmp_path, **settings):
            assert app.ended(job)["state"] == "done"
            assert app.ended(upload["inspection_job"])["state"] == "done"
            report = app.client.post("/reports", json={"upload_id": upload["id"]}).json()
            assert app.ended(report["job"])["state"] == "done"

        assert app.client.get(f"/reports/{report['id']}").json()["result"]["words"] == 6
        assert app.client.get("/health").json()["running_jobs"] == 0
    assert len(mail.to("queued@example.com")) == 1


def test_what_could_not_be_sent_is_sent_when_the_queue_is_back(tmp_path: Path, redis: str, mail: Mailbox) -> None:
    settings = {**mail.settings, "recovery_seconds": 0.5}
    with running_app(tmp_path, redis_url=f"{redis}/2", **settings) as app:
        job = app.register("unsent")["welcome_job"]
        app.query("UPDATE jobs SET leased_until = 0")  # as if the queue had lost it
        with worker(tmp_path, redis_url=f"{redis}/3", **settings):
            assert app.state(job) == "pending"

    with running_app(tmp_path, redis_url=f"{redis}/3", **settings) as app:
        app.query("UPDATE jobs SET leased_until = 0")
        with worker(tmp_path, redis_url=f"{redis}/3", **settings):
            assert app.ended(job)["state"] == "done"


def test_a_queue_that_is_away_loses_nothing(tmp_path: Path, mail: Mailbox) -> None:
    """The user is registered; the job waits in the database."""
    with running_app(tmp_path, redis_url="redis://127.0.0.1:1", **mail.settings) as app:
        job = app.register("unqueued")["welcome_job"]
        until(lambda: "is left for recovery" in app.log)
        assert app.state(job) == "pending"

    with running_app(tmp_path, recovery_seconds=0.5, **mail.settings) as app:
        app.query("UPDATE jobs SET leased_until = 0")
        assert app.ended(job)["state"] == "done"


def test_tasks_of_a_worker_that_was_killed_are_done_by_another(tmp_path: Path, redis: str, mail: Mailbox) -> None:
    settings = {**mail.settings, "redis_url": f"{redis}/4", "recovery_seconds": 0.5}
    with running_app(tmp_path, **settings) as app:
        with worker(tmp_path, **settings) as first:
            job = app.register("slow-worker")["welcome_job"]
            until(lambda: app.state(job) == "running")
            os.killpg(first.pid, signal.SIGKILL)
        app.query("UPDATE jobs SET leased_until = 0")

        with worker(tmp_path, **settings):
            assert app.ended(job, 40)["state"] == "done"
    assert len(mail.to("slow-worker@example.com")) == 1
