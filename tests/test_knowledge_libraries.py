"""Every row of the table of libraries against the library itself; what is not installed here is skipped by name."""

# ruff: noqa: ANN401 - this is about objects of any library
from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import io
import os
import queue
import socket
import sqlite3
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import pytest
from packaging.version import Version

from fastapi_bgtask_lint.knowledge import Row, Table, TypeRow, load

TABLE: Table = load()
ROWS = sorted(TABLE.rows.items())
TYPES = sorted(TABLE.types.items())


ALL = bool(os.environ.get("ALL_LIBRARIES"))
"""Every library has to be here: `nox -s knowledge` installs them."""
NOT_VERIFIABLE: dict[str, str] = {}
"""Distributions that pip can't install, and why: their rows are written from the documentation."""


HELD_BACK = {"redis": "8"}
"""Distributions that another of the extra `dev` keeps older than the table speaks of: arq does."""


def counted() -> str:
    """How much the table says, and how much of it no run can hold against its library."""
    libraries = set(TABLE.distributions.values())
    unverified = [name for name in (*TABLE.rows, *TABLE.types) if TABLE.distribution(name) in NOT_VERIFIABLE]
    return (
        f"{len(TABLE.rows)} callables and {len(TABLE.types)} classes of the standard library and {len(libraries)}"
        f" others; {len(unverified)} of these rows stand unverified, because pip can't install their library."
    )


def test_only_libraries_of_the_table_are_not_verifiable() -> None:
    assert NOT_VERIFIABLE.keys() <= set(TABLE.distributions.values())


def loaded(name: str) -> Any:
    """The object of a qualified name; skips the test when what it comes from, or what that needs, is not installed."""
    distribution = TABLE.distribution(name)
    if distribution is not None:
        _skip_unless_installed(name, distribution)
    found = _found(name)
    if found is None:
        pytest.fail(f"{name} does not exist")
    return found


def _skip_unless_installed(name: str, distribution: str) -> None:
    if not ALL and distribution in HELD_BACK and _is_older(distribution, HELD_BACK[distribution]):
        pytest.skip(f"{distribution} is older than {HELD_BACK[distribution]}")
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(module)
        except ImportError as error:
            if length > 1 and (error.name or "").startswith(module):
                return
            if ALL and distribution not in NOT_VERIFIABLE:
                pytest.fail(f"{distribution} is not installed: {error}")
            pytest.skip(f"not installed: {distribution}, or what {module} needs")


def _is_older(distribution: str, version: str) -> bool:
    try:
        return Version(metadata.version(distribution)) < Version(version)
    except metadata.PackageNotFoundError:
        return False


@functools.cache
def _found(name: str) -> Any:
    """An attribute of what holds it rather than a module of the same name; None where there is neither."""
    owner_name, _, last = name.rpartition(".")
    owner = _found(owner_name) if owner_name else None
    inner = getattr(owner, last, None)
    if inner is None and owner_name in INSTANCES:
        inner = getattr(INSTANCES[owner_name](), last, None)
    if inner is not None or inspect.isclass(owner):
        return inner
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError:
        return None


def _resources() -> Any:
    boto3 = importlib.import_module("boto3")
    options = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    s3, dynamo, sqs, sns, ec2 = (boto3.resource(kind, **options) for kind in ("s3", "dynamodb", "sqs", "sns", "ec2"))
    return _Any(s3, dynamo, sqs, sns, ec2, s3.Bucket("b").objects, s3.Bucket("b"))


class _Any:
    """Has the attributes of any of these."""

    def __init__(self, *objects: Any) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        for candidate in self._objects:
            if hasattr(candidate, name):
                return getattr(candidate, name)
        raise AttributeError(name)


INSTANCES: dict[str, Callable[[], Any]] = {
    "threading.Lock": threading.Lock,
    "threading.RLock": threading.RLock,
    "tempfile._TemporaryFileWrapper": tempfile.NamedTemporaryFile,
    "asyncio.Condition": asyncio.Condition,
    "botocore.client.BaseClient": lambda: importlib.import_module("boto3").client("s3", region_name="eu-west-1"),
    "boto3.resources.base.ServiceResource": _resources,
}
"""Classes whose methods show on their objects only."""


def signature(found: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(found)
    except (ValueError, TypeError):
        return None


# --- callables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_callable_is_as_written(name: str, row: Row) -> None:
    found = loaded(name)
    assert callable(found) or name.startswith("motor."), f"{name} can't be called"
    is_coroutine = inspect.iscoroutinefunction(found)
    assert is_coroutine == (row.awaitable == "coroutine"), f"{name}: awaitable should not be {row.awaitable!r}"
    described = signature(found)
    if described is None:
        return
    parameters = list(described.parameters.values())
    if row.timeout is not None:
        _check_timeout(name, row, parameters)
    if row.runs is not None:
        _check_runs(name, row, parameters)


def _check_timeout(name: str, row: Row, parameters: list[inspect.Parameter]) -> None:
    named = next((parameter for parameter in parameters if parameter.name == row.timeout), None)
    if named is None:
        assert any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters), f"{name} has no {row.timeout}"
        assert row.position is None, f"{name}: {row.timeout} has no place"
        return
    own = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name != "self"]
    if row.position is not None:
        assert own[row.position].name == row.timeout, f"{name}: {[p.name for p in own]}"
    if row.position is None and sys.version_info >= (3, 12):  # before, some of the standard library's had a place
        assert named not in own, f"{name}: {row.timeout} has place {own.index(named)}"
    if row.default is not None and row.governed is None and name not in DEFAULTS and named.default is not named.empty:
        expected = None if row.default == "none" else row.default
        unbounded = named.default is None or repr(named.default) in row.unbounded_words
        assert (None if unbounded else _seconds(named.default)) == expected, f"{name}: {named.default!r}"


def _seconds(default: Any) -> float | None:
    """A default as seconds, None for unbounded."""
    if default is socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]
        return socket.getdefaulttimeout()
    if default is None or (isinstance(default, int | float) and default < 0):
        return None
    if type(default).__name__ == "Timeout":  # of httpx
        read: float | None = default.read
        return read
    if type(default).__name__ == "_TYPE_DEFAULT":  # of urllib3
        return None
    if hasattr(default, "total_seconds"):
        seconds: float = default.total_seconds()
        return seconds
    if isinstance(default, int | float):
        return default
    raise AssertionError(f"the default {default!r} shows no seconds")


def _check_runs(name: str, row: Row, parameters: list[inspect.Parameter]) -> None:
    own = [p for p in parameters if p.name != "self"]
    names = [p.name for p in own]
    if isinstance(row.runs_argument, int):
        assert len(own) > row.runs_argument, f"{name}: {names}"
    elif row.runs_argument == "*":
        assert any(p.kind is p.VAR_POSITIONAL for p in own), f"{name}: {names}"
    else:
        assert row.runs_argument in names, f"{name}: {names}"
    if row.forwards:
        assert any(p.kind is p.VAR_POSITIONAL for p in own), f"{name}: {names}"


@pytest.mark.parametrize("name", sorted({row.instead for row in TABLE.rows.values() if row.instead}))
def test_advice_exists(name: str) -> None:
    loaded(name.replace("loop.", "asyncio.AbstractEventLoop.") if name.startswith("loop.") else name)


def _elastic_timeout(client: Any) -> float | None:
    seconds: float | None = client.transport.node_pool.get().config.request_timeout
    return seconds


DEFAULTS: dict[str, Callable[[Any], float | None]] = {
    "requests.get": lambda m: inspect.signature(m.Session.request).parameters["timeout"].default,
    "requests.Session.get": lambda m: inspect.signature(m.Session.request).parameters["timeout"].default,
    "httpx.Client.get": lambda m: m.Client().timeout.read,
    "httpx.AsyncClient.get": lambda m: m.AsyncClient().timeout.read,
    "httpx2.AsyncClient.get": lambda m: m.AsyncClient().timeout.read,
    "aiohttp.ClientSession": lambda m: m.client.DEFAULT_TIMEOUT.total,
    "aiohttp.ClientSession.post": lambda m: m.client.DEFAULT_TIMEOUT.total,
    "aiosmtplib.SMTP.send_message": lambda m: m.SMTP().timeout,
    "fastapi_mail.ConnectionConfig": lambda m: m.ConnectionConfig.model_fields["TIMEOUT"].default,
    "urllib3.PoolManager": lambda m: m.Timeout.resolve_default_timeout(m.Timeout().read_timeout),
    "boto3.client": lambda m: m.client("s3", region_name="eu-west-1").meta.config.read_timeout,
    "openai.OpenAI": lambda m: m.OpenAI(api_key="x").timeout.read,
    "openai.AsyncOpenAI": lambda m: m.AsyncOpenAI(api_key="x").timeout.read,
    "anthropic.Anthropic": lambda m: m.Anthropic(api_key="x").timeout.read,
    "anthropic.AsyncAnthropic": lambda m: m.AsyncAnthropic(api_key="x").timeout.read,
    "elasticsearch.Elasticsearch": lambda m: _elastic_timeout(m.Elasticsearch("http://x:9200")),
    "elasticsearch.AsyncElasticsearch": lambda m: _elastic_timeout(m.AsyncElasticsearch("http://x:9200")),
    "minio.Minio.put_object": lambda m: m.Minio("x")._http.connection_pool_kw["timeout"].read_timeout,
    "stripe.Customer.create": lambda m: (
        inspect.signature(m._http_client.RequestsClient.__init__).parameters["timeout"].default
    ),
    "docker.from_env": lambda m: m.constants.DEFAULT_TIMEOUT_SECONDS,
    "twilio.rest.Client": lambda _: (
        inspect.signature(importlib.import_module("twilio.http.http_client").TwilioHttpClient)
        .parameters["timeout"]
        .default
    ),
    "slack_sdk.WebClient": lambda m: m.WebClient().timeout,
    "opensearchpy.OpenSearch": lambda m: inspect.signature(m.Connection).parameters["timeout"].default,
    "opensearchpy.AsyncOpenSearch": lambda m: inspect.signature(m.AIOHttpConnection).parameters["timeout"].default,
    "psycopg_pool.ConnectionPool": lambda m: m.ConnectionPool(open=False).timeout,
}
"""How to see a default that no signature shows, given the library's module."""


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_default_that_no_signature_shows(name: str) -> None:
    loaded(name)
    row = TABLE.row(name)
    assert row is not None
    written = row if row.default is not None else TABLE.method(row.returns or "", "put_object")
    assert written is not None
    seen = DEFAULTS[name](importlib.import_module(name.partition(".")[0]))
    assert seen == (None if written.default == "none" else written.default)


@pytest.mark.parametrize("name", [name for name, row in ROWS if row.older is not None and row.timeout is not None])
def test_default_that_depends_on_the_version(name: str) -> None:
    row = TABLE.rows[name]
    pytest.importorskip("redis")
    client = _found(name)(*(["redis://x"] if name.endswith("from_url") else []))
    seen = getattr(client, "connection_pool", client).make_connection().socket_timeout
    assert row.older is not None
    written = row.older.default if _is_older("redis", row.older.below) else row.default
    assert seen == (None if written == "none" else written)


def test_default_of_methods_made_at_run_time() -> None:
    loaded("boto3.client")
    boto3 = importlib.import_module("boto3")
    client = boto3.client("s3", region_name="eu-west-1")
    assert inspect.ismethod(client.put_object)
    row = TABLE.method("botocore.client.BaseClient", "put_object")
    assert row is not None
    assert (row.blocks, row.default) == (True, client.meta.config.read_timeout)


# --- classes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "row"), TYPES, ids=[name for name, _ in TYPES])
def test_class_is_as_written(name: str, row: TypeRow) -> None:
    found = loaded(name)
    example = INSTANCES[name]() if name in INSTANCES and not inspect.isclass(found) else found
    for base in row.bases:
        assert issubclass(found, loaded(base)), f"{name} does not derive from {base}"
    entered_through_another = any(r.awaitable == "awaitable" and r.returns == name for r in TABLE.rows.values())
    if row.closes and not entered_through_another:
        assert hasattr(example, "__exit__") or hasattr(example, "__aexit__"), f"{name} has no end of `with`"
    for method in row.closers:
        assert callable(getattr(example, method, None)) or name.startswith("motor."), f"{name} has no {method}"


RESPONSES = [
    "starlette.responses", "starlette.schemas", "starlette.staticfiles", "starlette.templating", "fastapi.responses",
    "fastapi.sse", "sse_starlette", "sse_starlette.sse",
]  # fmt: skip
"""Modules that have response classes."""


@pytest.mark.parametrize("name", RESPONSES)
def test_every_response_class_is_known(name: str) -> None:
    base = loaded("starlette.responses.Response")
    module = pytest.importorskip(name)
    classes = {
        last: found for last, found in vars(module).items() if inspect.isclass(found) and issubclass(found, base)
    }
    assert classes
    names = {f"{found.__module__}.{found.__qualname__}" for found in classes.values()}
    if name.endswith(".responses") or name == "sse_starlette":
        names |= {f"{name}.{last}" for last in classes}
    assert {public for public in names if not TABLE.is_subtype(public, "starlette.responses.Response")} == set()


@pytest.mark.parametrize(("name", "target"), sorted(TABLE.aliases.items()), ids=sorted(TABLE.aliases))
def test_alias_is_the_same_thing(name: str, target: str) -> None:
    one, other = loaded(name), loaded(TABLE.canonical(target))
    if not inspect.ismodule(one):
        assert one is other
        return
    below = [row for row in (*TABLE.rows, *TABLE.types) if row.rpartition(".")[0] == target]
    last_names = {row.rpartition(".")[2] for row in below}
    shared = {last for last in last_names if hasattr(one, last)}
    assert shared, f"{name} has nothing of {target}"
    assert all(getattr(one, last) is getattr(other, last) for last in shared)


WHOLE = sorted({name for name, kind in TYPES if kind.methods_default} - {"redis.asyncio.client.Pipeline"})
"""Classes that say what every method does; the pipeline queues all commands but some that nobody queues."""


@pytest.mark.parametrize("name", WHOLE)
def test_methods_without_a_row_are_as_the_class_says(name: str) -> None:
    found = loaded(name)
    default = TABLE.types[name].methods_default
    assert default is not None
    for method in dir(found):
        without = TABLE.method(name, method) is default and not method.startswith("_")
        if without and callable(getattr(found, method)):
            is_coroutine = inspect.iscoroutinefunction(getattr(found, method))
            assert is_coroutine == (default.awaitable == "coroutine"), f"{name}.{method} is not {default.awaitable!r}"


@pytest.mark.parametrize(("name", "kind"), [(n, t) for n, t in TYPES if t.self_like], ids=lambda v: str(v)[:40])
def test_namespaces_are_no_methods(name: str, kind: TypeRow) -> None:
    if name.startswith("boto3"):
        pytest.skip("made at run time")
    found = loaded(name)
    for attribute in kind.self_like:
        static = inspect.getattr_static(found, attribute, None)
        assert static is None or isinstance(static, functools.cached_property | property)


# --- what only running shows ------------------------------------------------------------------------------------------


async def _a_coroutine_function() -> None: ...


def _decorated(name: str) -> Any:
    arguments: dict[str, Callable[[Any], Any]] = {
        "tenacity.retry": lambda found: found,
        "backoff.on_exception": lambda found: found(importlib.import_module("backoff").expo, Exception),
        "backoff.on_predicate": lambda found: found(importlib.import_module("backoff").expo),
        "stamina.retry": lambda found: found(on=Exception),
        "retry.retry": lambda found: found(),
        "retrying.retry": lambda found: found,
        "cachetools.cached": lambda found: found({}),
        "cachetools.cachedmethod": lambda found: found(lambda _: {}),
        "functools.wraps": lambda found: found(len),
        "functools.singledispatch": lambda found: found,
        "functools.lru_cache": lambda found: found,
        "functools.cache": lambda found: found,
    }
    found = loaded(name)
    return arguments.get(name, lambda found: found())(found)(_a_coroutine_function)


@pytest.mark.parametrize("name", [name for name, row in ROWS if row.decorator in ("keeps", "hides")])
def test_decorator_keeps_or_hides_async_ness(name: str) -> None:
    row = TABLE.rows[name]
    seen = inspect.iscoroutinefunction(_decorated(name))
    assert seen == (row.decorator == "keeps")


def _given(name: str) -> Iterator[Any]:
    """Values of calls that are said to give an awaitable, without doing anything yet."""
    module = importlib.import_module(name)
    if name == "redis.asyncio":
        client = module.Redis()
        yield from (client.get("k"), client.set("k", 1), client.publish("c", "m"), client.delete("k"))
    if name == "aiosqlite":
        yield module.connect(":memory:")
    if name == "sqlalchemy.ext.asyncio":
        pytest.importorskip("aiosqlite")
        yield module.create_async_engine("sqlite+aiosqlite://").connect()


@pytest.mark.parametrize("name", ["redis.asyncio", "aiosqlite", "sqlalchemy.ext.asyncio"])
def test_awaitable_without_a_coroutine_function(name: str) -> None:
    pytest.importorskip(name)
    for value in _given(name):
        assert inspect.isawaitable(value)
        if inspect.iscoroutine(value):
            value.close()


async def _seen_on_a_loop(name: str) -> bool:
    """Whether a method of a client gives an awaitable; it is dropped or cancelled before it reaches a server."""
    if name == "aiohttp.ClientSession.post":
        async with importlib.import_module("aiohttp").ClientSession() as session:
            value = session.post("http://localhost:9")
            value.close()
            return inspect.isawaitable(value)
    motor = importlib.import_module("motor.motor_asyncio")
    client = motor.AsyncIOMotorClient("mongodb://localhost:9", serverSelectionTimeoutMS=1)
    value = client.shop.orders.insert_one({})
    with pytest.raises(Exception, match="localhost:9"):
        await value
    client.close()
    return inspect.isawaitable(value)


@pytest.mark.parametrize(
    "name", ["aiohttp.ClientSession.post", "motor.motor_asyncio.AsyncIOMotorCollection.insert_one"]
)
def test_awaitable_of_a_client_on_its_loop(name: str) -> None:
    loaded(name)
    assert TABLE.rows[name].awaitable == "awaitable"
    assert asyncio.run(_seen_on_a_loop(name))


def test_with_on_a_sqlite_connection_does_not_close_it() -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("select 1")
    connection.execute("select 1")
    connection.close()
    kind = TABLE.type("sqlite3.Connection")
    assert kind is not None
    assert not kind.closes


def test_with_on_a_file_closes_it() -> None:
    with io.TextIOWrapper(io.BytesIO()) as file:
        file.write("x")
    with pytest.raises(ValueError, match="closed"):
        file.write("x")


def test_a_queue_asked_not_to_block_does_not_wait() -> None:
    row = TABLE.row("queue.Queue.get")
    assert row is not None
    assert row.by_argument is not None
    with pytest.raises(queue.Empty):
        queue.Queue[int]().get(**{row.by_argument.argument: bool(row.by_argument.value)})
