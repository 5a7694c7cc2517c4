"""What the table says of the end of a `with`: each class that it says to close is closed, used again, and refuses.

Classes that only a server, a browser or a broker can give are named below, so that none is forgotten.
"""

# ruff: noqa: ANN401, PTH123, SIM115 - this is about objects of any library, in the `with` of another place
from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import inspect
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fastapi_bgtask_lint.knowledge import Table, load
from tests.test_knowledge_libraries import ALL, loaded

TABLE: Table = load()


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that answers each request with an empty object."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def _module(name: str) -> Any:
    return importlib.import_module(name) if ALL else pytest.importorskip(name)


def _file(folder: Path) -> str:
    path = folder / "words.txt"
    path.write_text("x")
    return str(path)


def _archive(folder: Path) -> str:
    path = folder / "words.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("words.txt", "x")
    return str(path)


def _sheet(folder: Path) -> str:
    path = folder / "words.xlsx"
    _module("openpyxl").Workbook().save(path)
    return str(path)


def _picture(folder: Path) -> str:
    path = folder / "words.png"
    _module("PIL.Image").new("RGB", (2, 2)).save(path)
    return str(path)


def _document(folder: Path) -> str:
    document = _module("fpdf").FPDF()
    document.add_page()
    document.output(folder / "words.pdf")
    return str(folder / "words.pdf")


Making = Callable[[Path, str], Any]
Using = Callable[[Any], Any]

ENDED: dict[str, tuple[Making, Using]] = {
    "io.TextIOWrapper": (lambda f, _: open(_file(f)), lambda x: x.read()),
    "codecs.StreamReaderWriter": (lambda f, _: _module("codecs").open(_file(f)), lambda x: x.read()),
    "tempfile._TemporaryFileWrapper": (lambda *_: _module("tempfile").NamedTemporaryFile(), lambda x: x.read()),
    "tempfile.SpooledTemporaryFile": (lambda *_: _module("tempfile").SpooledTemporaryFile(), lambda x: x.read()),
    "gzip.GzipFile": (lambda f, _: _module("gzip").open(f / "words.gz", "w"), lambda x: x.write(b"x")),
    "bz2.BZ2File": (lambda f, _: _module("bz2").open(f / "words.bz2", "w"), lambda x: x.write(b"x")),
    "lzma.LZMAFile": (lambda f, _: _module("lzma").open(f / "words.xz", "w"), lambda x: x.write(b"x")),
    "zipfile.ZipFile": (lambda f, _: zipfile.ZipFile(_archive(f)), lambda x: x.read("words.txt")),
    "zipfile.ZipExtFile": (lambda f, _: zipfile.ZipFile(_archive(f)).open("words.txt"), lambda x: x.read()),
    "tarfile.TarFile": (lambda f, _: tarfile.open(f / "words.tar", "w"), lambda x: x.add(__file__)),
    "subprocess.Popen": (
        lambda *_: subprocess.Popen(["true"], stdin=subprocess.PIPE),
        lambda x: x.communicate(b"x"),
    ),
    "socket.socket": (lambda *_: _module("socket").socket(), lambda x: x.getsockname()),
    "concurrent.futures.Executor": (
        lambda *_: _module("concurrent.futures").ThreadPoolExecutor(),
        lambda x: x.submit(len, ""),
    ),
    "multiprocessing.pool.Pool": (lambda *_: _module("multiprocessing").Pool(1), lambda x: x.apply(len, ("",))),
    "anyio.AsyncFile": (lambda f, _: _module("anyio").open_file(_file(f)), lambda x: x.read()),
    "aiofiles.threadpool.text.AsyncTextIOWrapper": (
        lambda f, _: _module("aiofiles").open(_file(f)),
        lambda x: x.read(),
    ),
    "httpx.Client": (lambda _, url: _module("httpx").Client(base_url=url), lambda x: x.get("/")),
    "httpx.AsyncClient": (lambda _, url: _module("httpx").AsyncClient(base_url=url), lambda x: x.get("/")),
    "httpx2.Client": (lambda _, url: _module("httpx2").Client(base_url=url), lambda x: x.get("/")),
    "httpx2.AsyncClient": (lambda _, url: _module("httpx2").AsyncClient(base_url=url), lambda x: x.get("/")),
    "aiohttp.ClientSession": (lambda _, url: _module("aiohttp").ClientSession(url), lambda x: x.get("/")),
    "requests.Response": (lambda _, url: _module("requests").get(url, stream=True), lambda x: x.json()),
    "http.client.HTTPResponse": (lambda _, url: _module("urllib.request").urlopen(url), lambda x: _json(x.read())),
    "urllib3.HTTPConnectionPool": (
        lambda _, url: _module("urllib3").connection_from_url(url),
        lambda x: x.request("GET", "/"),
    ),
    "openai.OpenAI": (lambda _, url: _module("openai").OpenAI(api_key="x", base_url=url), lambda x: x.models.list()),
    "openai.AsyncOpenAI": (
        lambda _, url: _module("openai").AsyncOpenAI(api_key="x", base_url=url),
        lambda x: x.models.retrieve("x"),
    ),
    "anthropic.Anthropic": (
        lambda _, url: _module("anthropic").Anthropic(api_key="x", base_url=url),
        lambda x: x.models.list(),
    ),
    "anthropic.AsyncAnthropic": (
        lambda _, url: _module("anthropic").AsyncAnthropic(api_key="x", base_url=url),
        lambda x: x.models.retrieve("x"),
    ),
    "elasticsearch.Elasticsearch": (lambda _, url: _module("elasticsearch").Elasticsearch(url), lambda x: x.info()),
    "azure.storage.blob.BlobServiceClient": (
        lambda _, url: _module("azure.storage.blob").BlobServiceClient(f"{url}a", credential="eA=="),
        lambda x: x.get_account_information(),
    ),
    "azure.storage.blob.aio.BlobServiceClient": (
        lambda _, url: _module("azure.storage.blob.aio").BlobServiceClient(f"{url}a", credential="eA=="),
        lambda x: x.get_account_information(),
    ),
    "sqlalchemy.engine.Connection": (
        lambda *_: _module("sqlalchemy").create_engine("sqlite://").connect(),
        lambda x: x.execute(_module("sqlalchemy").text("select 1")),
    ),
    "sqlalchemy.ext.asyncio.AsyncConnection": (
        lambda *_: _module("sqlalchemy.ext.asyncio").create_async_engine("sqlite+aiosqlite://").connect(),
        lambda x: x.execute(_module("sqlalchemy").text("select 1")),
    ),
    "aiosqlite.Connection": (lambda *_: _module("aiosqlite").connect(":memory:"), lambda x: x.execute("select 1")),
    "duckdb.DuckDBPyConnection": (lambda *_: _module("duckdb").connect(), lambda x: x.execute("select 1")),
    "pandas.ExcelFile": (lambda f, _: _module("pandas").ExcelFile(_sheet(f)), lambda x: x.parse()),
    "PIL.Image.Image": (lambda f, _: _module("PIL.Image").open(_picture(f)), lambda x: x.load()),
    "pypdf.PdfReader": (lambda f, _: _module("pypdf").PdfReader(_document(f)), lambda x: x.pages[0].extract_text()),
    "pymupdf.Document": (lambda f, _: _module("pymupdf").open(_document(f)), lambda x: x.load_page(0)),
    "soundfile.SoundFile": (
        lambda f, _: _module("soundfile").SoundFile(f / "words.wav", "w", 8000, 1),
        lambda x: x.write([0.0]),
    ),
}
"""How to get an object, and a use of it that works inside its `with`."""
REFUSES: dict[str, tuple[Making, Using, str]] = {
    "pymongo.MongoClient": (
        lambda *_: _module("pymongo").MongoClient(_MONGO),
        lambda x: x.a.b.find_one(),
        "after close",
    ),
    "pymongo.AsyncMongoClient": (
        lambda *_: _module("pymongo").AsyncMongoClient(_MONGO),
        lambda x: x.a.b.find_one(),
        "after close",
    ),
    "grpc.Channel": (
        lambda *_: _module("grpc").insecure_channel("127.0.0.1:9"),
        lambda x: x.unary_unary("/x/y")(b"", timeout=1),
        "closed channel",
    ),
    "psycopg_pool.ConnectionPool": (
        lambda *_: _module("psycopg_pool").ConnectionPool("port=9", open=False),
        lambda x: x.getconn(timeout=1),
        "already closed",
    ),
}
"""The same for what would need a server to work, and how it says that it is closed."""
_MONGO = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50"


def _json(text: bytes) -> Any:
    return _module("json").loads(text)


QUIET = {
    "sqlalchemy.orm.Session": "begins anew, on a connection that nobody gives back",
    "sqlalchemy.ext.asyncio.AsyncSession": "begins anew, on a connection that nobody gives back",
    "contextlib.ExitStack": "what it held has ended",
    "contextlib.AsyncExitStack": "what it held has ended",
    "tempfile.TemporaryDirectory": "the folder is gone",
    "pandas.ExcelWriter": "what is written now reaches no file",
    "xlsxwriter.Workbook": "what is written now reaches no file",
    "pdfplumber.pdf.PDF": "pages read before are kept",
    "pymongo.cursor.Cursor": "gives nothing more",
    "pymongo.command_cursor.CommandCursor": "gives nothing more",
    "pymongo.asynchronous.cursor.AsyncCursor": "gives nothing more",
    "pymongo.asynchronous.command_cursor.AsyncCommandCursor": "gives nothing more",
}
"""Classes that close, and do not say so when used again."""
ASK_A_SERVER = {
    "aiohttp.ClientResponse",
    "aiohttp.ClientWebSocketResponse",
    "smtplib.SMTP",
    "aiosmtplib.SMTP",
    "imaplib.IMAP4",
    "ftplib.FTP",
    "pymongo.client_session.ClientSession",
    "pymongo.asynchronous.client_session.AsyncClientSession",
    "motor.motor_asyncio.AsyncIOMotorClientSession",
    "pymysql.connections.Connection",
    "pymysql.cursors.Cursor",
    "mysql.connector.abstracts.MySQLConnectionAbstract",
    "mysql.connector.abstracts.MySQLCursorAbstract",
    "aiomysql.Connection",
    "aiomysql.Cursor",
    "aiomysql.Pool",
    "clickhouse_connect.driver.client.Client",
    "aiokafka.AIOKafkaProducer",
    "aiokafka.AIOKafkaConsumer",
    "pika.BlockingConnection",
    "pika.adapters.blocking_connection.BlockingChannel",
    "aio_pika.abc.AbstractConnection",
    "aio_pika.abc.AbstractChannel",
    "websockets.asyncio.client.ClientConnection",
    "websockets.sync.client.ClientConnection",
    "grpc.aio.Channel",
    "selenium.webdriver.remote.webdriver.WebDriver",
    "playwright.sync_api.Browser",
    "playwright.async_api.Browser",
    "playwright.sync_api.Page",
    "playwright.async_api.Page",
    "psycopg2.extensions.cursor",
    "psycopg.Connection",
    "psycopg.Cursor",
    "psycopg.AsyncConnection",
    "psycopg.AsyncCursor",
    "psycopg_pool.AsyncConnectionPool",
    "asyncpg.Connection",
    "asyncpg.Pool",
    "aiosqlite.Cursor",
    "paramiko.SSHClient",
    "paramiko.SFTPClient",
}
"""Classes that close, which this machine can't show."""
GOES_ON: dict[str, tuple[Making, Using]] = {
    "requests.Session": (lambda *_: _module("requests").Session(), lambda x: x.get),
    "urllib3.PoolManager": (lambda *_: _module("urllib3").PoolManager(), lambda x: functools.partial(x.request, "GET")),
}
"""Clients whose `with` frees something and that work on after it: handing one over harms nothing."""


@contextlib.asynccontextmanager
async def _entered(make: Making, folder: Path, url: str) -> AsyncIterator[Any]:
    made = make(folder, url)
    if inspect.iscoroutine(made):
        made = await made
    if hasattr(made, "__aexit__"):
        async with made as entered:
            yield entered
    else:
        with made as entered:
            yield entered


async def _used(use: Using, entered: Any) -> Any:
    used = use(entered)
    return await used if inspect.isawaitable(used) else used


async def _used_inside(make: Making, use: Using, folder: Path, url: str) -> None:
    async with _entered(make, folder, url) as entered:
        await _used(use, entered)


async def _used_after(make: Making, use: Using, folder: Path, url: str, says: str = "") -> None:
    async with _entered(make, folder, url) as entered:
        pass
    with pytest.raises(Exception, match=says):
        await _used(use, entered)


@pytest.mark.parametrize("name", sorted(ENDED))
def test_what_with_closes_works_inside_and_not_after(name: str, tmp_path: Path, url: str) -> None:
    loaded(name)
    asyncio.run(_used_inside(*ENDED[name], tmp_path, url))
    asyncio.run(_used_after(*ENDED[name], tmp_path, url))


@pytest.mark.parametrize("name", sorted(REFUSES))
def test_what_with_closes_says_so(name: str, tmp_path: Path, url: str) -> None:
    loaded(name)
    make, use, says = REFUSES[name]
    asyncio.run(_used_after(make, use, tmp_path, url, says))


def test_a_runner_of_a_loop_ends_with_its_with() -> None:
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
    with pytest.raises(RuntimeError, match="closed"):
        runner.get_loop()


@pytest.mark.parametrize("name", sorted(GOES_ON))
def test_what_goes_on_after_its_with_is_not_said_to_close(name: str, tmp_path: Path, url: str) -> None:
    loaded(name)
    kind = TABLE.type(name)
    assert kind is not None
    assert not kind.closes
    make, use = GOES_ON[name]
    with make(tmp_path, url) as entered:
        pass
    assert use(entered)(url)


def test_every_class_that_closes_is_shown_or_named() -> None:
    closing = {name for name, kind in TABLE.types.items() if kind.closes}
    assert closing == ENDED.keys() | REFUSES.keys() | QUIET.keys() | ASK_A_SERVER | {"asyncio.Runner"}
