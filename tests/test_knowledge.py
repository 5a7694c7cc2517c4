"""The table of libraries: what it answers, what it refuses, and that its rows agree with each other."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from fastapi_bgtask_lint.knowledge import Row, TypeRow, load
from fastapi_bgtask_lint.knowledge.table import build, parse

TABLE = load()
ROWS = sorted(TABLE.rows.items())


def row(name: str) -> Row:
    found = TABLE.row(name)
    assert found is not None, name
    return found


# --- what it answers --------------------------------------------------------------------------------------------------


def test_a_name_has_one_row_under_all_its_public_names() -> None:
    assert row("requests.api.get") is row("requests.get")
    assert row("sqlalchemy.orm.session.Session.execute") is row("sqlalchemy.orm.Session.execute")
    assert TABLE.canonical("redis.asyncio.client.Redis.get") == "redis.asyncio.Redis.get"
    assert TABLE.canonical("somebody.elses.thing") == "somebody.elses.thing"


def test_what_is_not_in_the_table_is_unknown() -> None:
    assert TABLE.row("somebody.elses.thing") is None
    assert TABLE.row("requests") is None
    assert TABLE.type("somebody.elses.Thing") is None
    assert TABLE.is_subtype("somebody.elses.Thing", "sqlalchemy.orm.Session") is None
    assert TABLE.method("somebody.elses.Thing", "get") is None
    assert TABLE.attribute("somebody.elses.Thing", "get") is None
    assert not TABLE.is_session("somebody.elses.Session")
    assert TABLE.distribution("somebody.elses.thing") is None


def test_methods_come_from_bases() -> None:
    assert row("sqlmodel.Session.commit") is row("sqlalchemy.orm.Session.commit")
    assert TABLE.method("queue.PriorityQueue", "get") is row("queue.Queue.get")
    assert TABLE.method("sqlmodel.ext.asyncio.session.AsyncSession", "execute") is not row(
        "sqlalchemy.ext.asyncio.AsyncSession.execute"
    )


def test_methods_without_a_row_do_what_the_type_says() -> None:
    command = TABLE.method("redis.asyncio.Redis", "zadd")
    assert command is not None
    assert (command.kind, command.awaitable, command.fails, command.waits) == ("network", "awaitable", True, True)
    assert TABLE.method("redis.asyncio.Redis", "__call__") is None
    pipeline = TABLE.method("redis.Redis", "pipeline")
    assert pipeline is not None
    assert pipeline.kind == "none"


def test_attributes_lead_to_further_objects() -> None:
    assert TABLE.attribute("openai.AsyncOpenAI", "chat") == "openai.AsyncOpenAI"
    assert TABLE.attribute("openai.AsyncOpenAI", "create") is None
    database = TABLE.attribute("motor.motor_asyncio.AsyncIOMotorClient", "shop")
    assert database == "motor.motor_asyncio.AsyncIOMotorDatabase"
    assert TABLE.attribute(database, "orders") == "motor.motor_asyncio.AsyncIOMotorCollection"
    assert TABLE.attribute("motor.motor_asyncio.AsyncIOMotorCollection", "insert_one") is None
    assert TABLE.attribute("asyncio.subprocess.Process", "stdout") == "asyncio.StreamReader"


@pytest.mark.parametrize(
    "name",
    [
        "sqlalchemy.orm.session.Session",
        "sqlalchemy.orm.scoped_session",
        "sqlalchemy.ext.asyncio.AsyncSession",
        "sqlalchemy.Connection",
        "sqlalchemy.ext.asyncio.AsyncConnection",
        "sqlmodel.Session",
        "sqlmodel.ext.asyncio.session.AsyncSession",
        "sqlite3.Connection",
        "aiosqlite.Connection",
        "asyncpg.Connection",
        "psycopg.AsyncConnection",
        "psycopg2.extensions.connection",
        "pymongo.client_session.ClientSession",
        "motor.motor_asyncio.AsyncIOMotorClientSession",
    ],
)
def test_sessions(name: str) -> None:
    assert TABLE.is_session(name)


@pytest.mark.parametrize(
    "name",
    [
        "sqlalchemy.orm.sessionmaker",
        "sqlalchemy.ext.asyncio.async_sessionmaker",
        "sqlalchemy.Engine",
        "asyncpg.Pool",
        "requests.Session",
        "boto3.Session",
        "httpx.AsyncClient",
        "redis.asyncio.Redis",
        "pymongo.MongoClient",
    ],
)
def test_factories_and_clients_are_no_sessions(name: str) -> None:
    assert not TABLE.is_session(name)


def test_a_response_is_a_response() -> None:
    assert TABLE.is_subtype("fastapi.responses.JSONResponse", "fastapi.Response") is True
    assert TABLE.is_subtype("fastapi.responses.JSONResponse", "starlette.responses.HTMLResponse") is False


def test_a_row_belongs_to_a_distribution() -> None:
    command = TABLE.method("redis.asyncio.Redis", "zadd")
    assert command is not None
    assert TABLE.distribution_of(command) == "redis"
    assert TABLE.distribution_of(row("redis.Redis.pipeline")) == "redis"
    assert TABLE.distribution_of(row("time.sleep")) is None


# --- what users add ---------------------------------------------------------------------------------------------------


def test_the_configuration_adds_names_and_leaves_the_table_alone() -> None:
    more = TABLE.extended(
        session_types=["shop.db.UnitOfWork"],
        offloaders=["shop.tools.in_thread"],
        error_handlers=["shop.tools.logged"],
        deadlines=["shop.tools.within"],
        blocking_calls=["legacy.api.call"],
        waits={"legacy.api.call": "patience"},
    )
    assert more.is_session("shop.db.UnitOfWork")
    assert not TABLE.is_session("shop.db.UnitOfWork")
    offloader, handler, deadline, call = (
        more.row(name) for name in ("shop.tools.in_thread", "shop.tools.logged", "shop.tools.within", "legacy.api.call")
    )
    assert offloader is not None
    assert (offloader.runs, offloader.runs_argument, offloader.forwards) == ("thread", 0, True)
    assert handler is not None
    assert handler.catches == ("Exception",)
    assert deadline is not None
    assert deadline.deadline == 0
    assert call is not None
    assert (call.blocks, call.waits, call.timeout, call.default) == (True, True, "patience", "none")
    assert TABLE.row("legacy.api.call") is None


def test_the_configuration_overrides_the_keys_of_an_existing_row() -> None:
    more = TABLE.extended(waits={"requests.api.get": "timeout"}, session_types=["sqlalchemy.orm.session.sessionmaker"])
    found = more.row("requests.get")
    assert found is not None
    assert (found.returns, found.blocks) == ("requests.Response", True)
    assert more.is_session("sqlalchemy.orm.sessionmaker")


def test_a_wait_of_the_configuration_is_unbounded_by_default_in_every_version() -> None:
    found = TABLE.extended(waits={"redis.Redis": "socket_timeout"}).row("redis.Redis")
    assert found is not None
    assert (found.default, found.older) == ("none", None)


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '[[row]]\nnames = ["a.b"]\nkind = "netwrok"',
        '[[row]]\nnames = ["a.b"]\ntime-out = "timeout"',
        '[[row]]\nnames = "a.b"',
        '[[type]]\nnames = ["a.B"]\nsesion = true',
        '[[type]]\nbases = ["a.B"]',
        "[rows]\nx = 1",
    ],
)
def test_a_misspelt_row_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse(text)


def test_what_a_row_leaves_out() -> None:
    quiet, loud = parse('[[row]]\nnames = ["a.b"]\n[[row]]\nnames = ["a.c"]\nkind = "file"').row
    assert (quiet.kind, quiet.fails, quiet.blocks, quiet.awaitable) == ("none", False, False, "no")
    assert loud.fails


# --- its rows agree with each other -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "found"), ROWS, ids=[name for name, _ in ROWS])
def test_row_agrees_with_itself(name: str, found: Row) -> None:
    assert TABLE.canonical(name) == name, "written under a name that is not the canonical one"
    assert not (found.blocks and found.awaitable == "coroutine")
    assert not found.waits or found.default is not None, "a wait says how long it may last"
    assert found.position is None or found.timeout is not None
    assert found.deadline is None or found.timeout is not None, "a deadline names its argument too"
    assert (found.runs is None) == (found.runs_argument is None)
    assert not found.forwards or isinstance(found.runs_argument, int)
    assert not found.metadata or found.kind == "file"
    assert found.older is None or found.default is not None
    assert found.older is None or TABLE.distribution_of(found) is not None


@pytest.mark.parametrize("name", sorted({n for _, r in ROWS for n in (r.returns, r.enters) if n}))
def test_types_that_rows_name_are_known(name: str) -> None:
    assert TABLE.canonical(name) == name
    without_a_row = name.startswith(("builtins.", "asyncio.Handle", "asyncio.TimerHandle")) or name.endswith("()")
    assert without_a_row or name in TABLE.types


@pytest.mark.parametrize(("name", "kind"), sorted(TABLE.types.items()), ids=sorted(TABLE.types))
def test_type_agrees_with_the_table(name: str, kind: TypeRow) -> None:
    assert TABLE.canonical(name) == name
    linked = (*kind.bases, *kind.attributes.values(), *([kind.attributes_default] if kind.attributes_default else ()))
    assert all(TABLE.type(other) is not None for other in linked)
    assert not (kind.session and kind.factory)
    assert len(kind.bases) <= 1, "the lookup of methods does not linearise several bases"


def test_no_alias_leads_to_another() -> None:
    assert {target for target in TABLE.aliases.values() if TABLE.canonical(target) != target} == set()


def test_a_name_has_one_row_only() -> None:
    with pytest.raises(ValueError, match=r"b\.toml.*a\.b"):
        build([("a.toml", '[[row]]\nnames = ["a.b"]'), ("b.toml", '[[row]]\nnames = ["a.b"]')])


def test_loading_is_quick() -> None:
    code = (
        "import time, msgspec; start = time.perf_counter(); from fastapi_bgtask_lint.knowledge import load; load();"
        "print(time.perf_counter() - start)"
    )
    fastest = min(float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(3))
    assert fastest < 0.3, "a newcomer's first run has two seconds for everything"


def test_table_is_read_once() -> None:
    assert load() is TABLE
