"""Registration and its mails."""

import httpx

from tests.reference.servers import App, Mailbox, until


def test_a_user_is_registered_at_once_and_the_mail_arrives(app: App, mail: Mailbox) -> None:
    user = app.register("ada")

    assert user["welcome_mail"] == "pending"
    until(lambda: len(mail.to("ada@example.com")) == 1)
    assert mail.to("ada@example.com")[0]["Subject"] == "Welcome"
    assert app.ended(user["welcome_job"])["runs"] == 1
    assert app.client.get(f"/users/{user['id']}").json() == {**user, "welcome_mail": "done"}
    until(lambda: any("ada@example.com" in str(message.get_payload()) for message in mail.to("staff@example.com")))


def test_the_answer_says_where_the_user_is(app: App) -> None:
    answer = app.client.post("/users", json={"email": "where@example.com", "name": "Where"})

    assert answer.headers["Location"] == f"/users/{answer.json()['id']}"
    assert app.client.get(answer.headers["Location"]).status_code == 200


def test_the_answer_does_not_wait_for_the_mail(app: App) -> None:
    user = app.register("slow-mail")

    assert app.state(user["welcome_job"]) in ("pending", "running")  # the SMTP server takes its time


def test_a_mail_that_is_refused_fails_and_the_next_task_still_runs(app: App, mail: Mailbox) -> None:
    user = app.register("refused")

    job = app.ended(user["welcome_job"])
    assert (job["state"], job["runs"]) == ("failed", 1)
    assert "nobody of that name" in job["error"]
    assert mail.offers.count("refused@example.com") == 1  # refused for good: no second attempt
    until(lambda: any("refused@example.com" in str(message.get_payload()) for message in mail.to("staff@example.com")))


def test_a_mail_that_is_put_off_is_sent_again(app: App, mail: Mailbox) -> None:
    user = app.register("busy")

    assert app.ended(user["welcome_job"])["state"] == "done"
    assert mail.offers.count("busy@example.com") == 3
    assert len(mail.to("busy@example.com")) == 1


def test_a_failed_mail_can_be_tried_again(app: App, mail: Mailbox) -> None:
    job = app.register("refused-again")["welcome_job"]
    assert app.ended(job)["state"] == "failed"

    answer = app.client.post(f"/jobs/{job}/retry")

    assert (answer.status_code, answer.json()["state"], answer.json()["error"]) == (202, "pending", None)
    until(lambda: mail.offers.count("refused-again@example.com") == 2)
    assert app.ended(job)["state"] == "failed"


def test_only_a_failed_job_is_run_again(app: App) -> None:
    job = app.register("done-once")["welcome_job"]
    app.ended(job)

    answer = app.client.post(f"/jobs/{job}/retry")

    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "The job is done; only a failed one can be run again."},
    )


def test_a_second_user_with_the_address_is_refused_and_leaves_nothing(app: App, mail: Mailbox) -> None:
    app.register("twin")
    until(lambda: len(mail.to("twin@example.com")) == 1)
    homes = set((app.folder / "homes").iterdir())

    answer = app.client.post("/users", json={"email": "Twin@example.com", "name": "Twin"})

    assert (answer.status_code, answer.json()) == (409, {"detail": "Twin@example.com is registered already."})
    assert set((app.folder / "homes").iterdir()) == homes
    assert len(mail.to("twin@example.com")) == 1


def test_an_address_that_is_none_is_refused_with_its_reason(app: App) -> None:
    for email in ("ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\nBcc: all@example.com"):
        answer = app.client.post("/users", json={"email": email, "name": "Ada"})

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "email"]


def test_a_new_address_is_committed_before_the_answer_and_the_mail(app: App, mail: Mailbox) -> None:
    user = app.register("moving")
    app.ended(user["welcome_job"])

    answer = app.client.put(f"/users/{user['id']}/email", json={"email": "moved@example.com"})

    assert answer.json()["email"] == "moved@example.com"
    until(lambda: len(mail.to("moved@example.com")) == 1)
    assert app.client.get(f"/users/{user['id']}").json()["email"] == "moved@example.com"


def test_a_new_address_that_is_taken_changes_nothing(app: App, mail: Mailbox) -> None:
    app.register("taken")
    user = app.register("mover")

    answer = app.client.put(f"/users/{user['id']}/email", json={"email": "taken@example.com"})

    assert answer.status_code == 409
    assert app.client.get(f"/users/{user['id']}").json()["email"] == "mover@example.com"


def test_what_is_unknown_is_not_found(app: App) -> None:
    answers: list[httpx.Response] = [
        app.client.get("/users/nobody"),
        app.client.put("/users/nobody/email", json={"email": "nobody@example.com"}),
        app.upload("nobody", b"text"),
        app.client.get("/uploads/nothing"),
        app.client.post("/reports", json={"upload_id": "nothing"}),
        app.client.get("/reports/nothing"),
        app.client.get("/jobs/nothing"),
        app.client.post("/jobs/nothing/retry"),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert answers[0].json() == {"detail": "There is no user nobody."}


def test_what_no_database_can_hold_is_refused(app: App) -> None:
    answers = [
        app.client.get("/users/%00"),
        app.client.post("/jobs/%00/retry"),
        app.client.post("/reports", json={"upload_id": "\0"}),
        app.client.post("/users", json={"email": "nul@example.com", "name": "a\0b"}),
        app.client.post(
            "/users",
            content=rb'{"email": "half@example.com", "name": "\ud800"}',
            headers={"Content-Type": "application/json"},
        ),
    ]

    assert [answer.status_code for answer in answers] == [422] * len(answers)
    assert answers[-1].json()["detail"][0]["loc"] == ["body", "name"]


def test_a_body_that_cannot_be_read_is_refused(app: App) -> None:
    headers = {"Content-Type": "application/json"}

    assert app.client.post("/users", content=b"\xff", headers=headers).status_code == 400
    assert app.client.post("/users", content=b"{", headers=headers).status_code == 422
    assert app.client.post("/users", content=b"x" * 3_100_000, headers=headers).status_code == 413
