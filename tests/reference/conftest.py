"""One application for each module of tests, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference.servers import (
    App,
    Mailbox,
    new_database,
    postgresql_server,
    redis_server,
    running_app,
    smtp_server,
)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server."""
    with postgresql_server(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; without one the application makes its own."""
    return new_database(request.getfixturevalue("postgresql")) if request.param == "postgresql" else ""


@pytest.fixture(scope="module")
def mail(database: str) -> Iterator[Mailbox]:
    """Where the mail of the application on that database arrives."""
    with smtp_server() as box:
        yield box


@pytest.fixture(scope="module")
def app(database: str, mail: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The application."""
    folder: Path = tmp_path_factory.mktemp("app")
    with running_app(folder, database_url=database, upload_limit=3_000_000, **mail.settings) as running:
        yield running
