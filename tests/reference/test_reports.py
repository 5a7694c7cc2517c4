"""Uploads, and reports about them."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.reference.servers import App, until


@pytest.fixture(scope="module")
def user(app: App) -> str:
    """Somebody with a home."""
    return str(app.register("reader")["id"])


def report(app: App, content: bytes, user: str) -> dict[str, Any]:
    """The report about a file, when it is done or has failed."""
    upload = app.upload(user, content).json()
    answer = app.client.post("/reports", json={"upload_id": upload["id"]})
    assert answer.status_code == 202
    app.ended(answer.json()["job"])
    return dict(app.client.get(answer.headers["Location"]).json())


def test_an_upload_is_stored_and_inspected(app: App, user: str) -> None:
    content = "naïve text\n".encode() * 10_000

    answer = app.upload(user, content)

    assert answer.status_code == 201
    assert answer.json()["size"] == len(content)
    app.ended(answer.json()["inspection_job"])
    shown = app.client.get(answer.headers["Location"]).json()
    assert (shown["inspection"], shown["sha256"]) == ("done", hashlib.sha256(content).hexdigest())


def test_an_upload_that_is_no_text_is_refused_and_removed(app: App, user: str) -> None:
    before = files(app)

    answer = app.upload(user, b"text" * 200_000 + b"\xff\xfe")

    assert answer.status_code == 415
    assert answer.json()["detail"].startswith("The file is not UTF-8 text")
    until(lambda: files(app) == before)


def test_an_upload_that_is_too_large_is_refused_and_not_stored(app: App, user: str) -> None:
    before = files(app)

    answer = app.upload(user, b"x" * 3_100_000)

    assert (answer.status_code, answer.json()) == (413, {"detail": "At most 3000000 bytes are taken."})
    assert files(app) == before


def test_so_is_one_that_does_not_say_how_large_it_is(app: App, user: str) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 100_000

    answer = app.client.post(
        f"/users/{user}/uploads", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert (answer.status_code, answer.json()) == (413, {"detail": "At most 3000000 bytes are taken."})


def test_a_body_that_is_no_form_is_refused(app: App, user: str) -> None:
    answer = app.client.post(
        f"/users/{user}/uploads", content=b"nonsense", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert answer.status_code in (400, 422)


def test_a_report_is_ordered_and_then_there(app: App, user: str) -> None:
    upload = app.upload(user, b"one Two two three three three").json()

    answer = app.client.post("/reports", json={"upload_id": upload["id"]})

    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["result"]) == ("pending", None)
    app.ended(answer.json()["job"])
    shown = app.client.get(answer.headers["Location"]).json()
    assert shown["state"] == "done"
    assert shown["result"] == {"words": 6, "distinct": 3, "most_common": [["three", 3], ["two", 2], ["one", 1]]}


def test_a_large_report_is_the_same_as_one_made_in_one_go(app: App, user: str) -> None:
    words = [f"größe{number * number % 9973}" for number in range(250_000)]  # cut in mid-word by the shards

    result = report(app, " ".join(words).encode(), user)["result"]

    counts = Counter(words)
    assert (result["words"], result["distinct"]) == (250_000, len(counts))
    assert dict(result["most_common"]).items() <= counts.items()
    assert [count for _, count in result["most_common"]] == [count for _, count in counts.most_common(10)]


@pytest.mark.parametrize(
    "content", [b"", b" ", b"x" * 2_500_000, b"\n" * 1_500_000, "\u2003x\u2003".encode() * 300_000]
)
def test_a_report_of_odd_files(app: App, user: str, content: bytes) -> None:
    assert report(app, content, user)["result"]["words"] == len(content.decode().split())


def test_a_report_whose_file_is_gone_fails_with_the_reason(app: App, user: str) -> None:
    upload = app.upload(user, b"text").json()
    app.ended(upload["inspection_job"])
    (app.folder / "homes" / user / upload["id"]).unlink()

    answer = app.client.post("/reports", json={"upload_id": upload["id"]})

    assert app.ended(answer.json()["job"])["state"] == "failed"
    shown = app.client.get(answer.headers["Location"]).json()
    assert (shown["state"], shown["result"]) == ("failed", None)
    assert "No such file" in shown["error"]


def files(app: App) -> set[str]:
    """What is stored in the homes."""
    return {str(path) for path in (app.folder / "homes").rglob("*") if path.is_file()}
