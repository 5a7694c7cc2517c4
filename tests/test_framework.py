"""Registrations, the handlers that lead to them, and what they hand over, on small FastAPI modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastapi_bgtask_lint.framework.request_scope.lifetimes import ResourceKind
from fastapi_bgtask_lint.framework.routes.entry_points import Entry
from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving.scopes import function_name
from tests.programs import Program, shown

HEAD = """from functools import partial

from fastapi import BackgroundTasks, Depends, FastAPI, Request, UploadFile
from sqlalchemy.orm import Session, sessionmaker
from starlette.background import BackgroundTask

app = FastAPI()
make = sessionmaker()


def get_db():
    db = make()
    try:
        yield db
    finally:
        db.close()


def note(*values): pass
class Holder:
    def __init__(self, db): self.db = db
    def work(self): note(self.db)


"""
ROUTE = "@app.get('/')\ndef handler(tasks: BackgroundTasks, db: Session = Depends(get_db)):\n"

CALLS = {
    "add_task on an injected parameter": (ROUTE + "    tasks.add_task(note, 1)\n", 1),
    "add_task on an object that was made": (
        "def handler():\n    tasks = BackgroundTasks()\n    tasks.add_task(note)\n",
        1,
    ),
    "a BackgroundTask that is built": ("def handler():\n    return BackgroundTask(note)\n", 1),
    "add_task of another class": (
        "class Q:\n    def add_task(self, f): pass\n\n\ndef handler():\n    Q().add_task(note)\n",
        0,
    ),
    "a parameter without annotation by its name": (
        "def handler(background_tasks):\n    background_tasks.add_task(note)\n",
        1,
    ),
    "a parameter without annotation by another name": ("def handler(queue):\n    queue.add_task(note)\n", 0),
    "a parameter of another type": ("def handler(background_tasks: int):\n    background_tasks.add_task(note)\n", 0),
    "what cannot be reached": (ROUTE + "    return\n    tasks.add_task(note)\n", 0),
    "what a test rules out": (ROUTE + "    x = None\n    if x:\n        tasks.add_task(note)\n", 0),
    "an arm that a test rules out": (ROUTE + "    x = None\n    x and tasks.add_task(note)\n", 0),
    "an arm that may run": (ROUTE + "    db and tasks.add_task(note)\n", 1),
    "one for each call": (ROUTE + "    tasks.add_task(note)\n    tasks.add_task(note)\n", 2),
}


@pytest.mark.parametrize("name", CALLS)
def test_which_calls_are_registrations(tmp_path: Path, name: str) -> None:
    text, count = CALLS[name]
    found = Program(tmp_path, text, head=HEAD).registrations()
    assert len(found) == count
    assert all(one.target is not None and shown(one.target.values) == {"note"} for one in found)


def test_a_registration_knows_its_arguments(tmp_path: Path) -> None:
    (one,) = Program(tmp_path, ROUTE + "    tasks.add_task(note, 1, flag=2)\n", head=HEAD).registrations()
    assert [(a.keyword, shown(a.values)) for a in one.arguments] == [(None, {"1"}), ("flag", {"2"})]
    assert not one.builds


def test_helpers_lead_from_each_handler_to_a_registration(tmp_path: Path) -> None:
    text = (
        "def helper(tasks, task):\n    tasks.add_task(task)\n\n\ndef between(tasks):\n    helper(tasks, note)\n\n\n"
        "@app.get('/one')\ndef one(tasks: BackgroundTasks):\n    between(tasks)\n\n\n"
        "@app.get('/two')\ndef two(tasks: BackgroundTasks):\n    helper(tasks, print)\n"
    )
    found = Program(tmp_path, text, head=HEAD).registrations()
    paths = {
        (function_name(r.call_path.handler), len(r.call_path.calls), *shown(r.target.values if r.target else ()))
        for r in found
    }
    assert paths == {("one", 2, "note"), ("two", 1, "builtins.print")}


def test_a_call_that_a_test_rules_out_leads_to_no_registration(tmp_path: Path) -> None:
    text = "def helper(tasks, task=None):\n    if task:\n        tasks.add_task(task)\n\n\n"
    text += ROUTE + "    helper(tasks)\n"
    assert Program(tmp_path, text, head=HEAD).registrations() == []


HANDED = {
    "as an argument": ("    tasks.add_task(note, db)\n", {ResourceKind.SESSION}),
    "by keyword": ("    tasks.add_task(note, db=db)\n", {ResourceKind.SESSION}),
    "in a list": ("    tasks.add_task(note, [db])\n", {ResourceKind.SESSION}),
    "in a partial": ("    tasks.add_task(partial(note, db))\n", {ResourceKind.SESSION}),
    "in a lambda": ("    tasks.add_task(lambda: note(db))\n", {ResourceKind.SESSION}),
    "in a nested function": ("    def work(): note(db)\n    tasks.add_task(work)\n", {ResourceKind.SESSION}),
    "in a name that is another at the handler's end": (
        "    def work(): note(db)\n    tasks.add_task(work)\n    db = None\n",
        set(),
    ),
    "as a default": ("    tasks.add_task(lambda d=db: note(d))\n", {ResourceKind.SESSION}),
    "held by the object whose method it is": ("    tasks.add_task(Holder(db).work)\n", {ResourceKind.SESSION}),
    "a session of its own": ("    tasks.add_task(note, make())\n", set()),
    "nothing": ("    note(db)\n    tasks.add_task(note, 1)\n", set()),
    "closed by a with": ("    with open('a') as f:\n        tasks.add_task(note, f)\n", {ResourceKind.CLOSED}),
    "left open": ("    f = open('a')\n    tasks.add_task(note, f)\n", set()),
    "closed by the handler": ("    f = open('a')\n    tasks.add_task(note, f)\n    f.close()\n", {ResourceKind.CLOSED}),
}


@pytest.mark.parametrize("name", HANDED)
def test_what_of_the_request_a_task_gets(tmp_path: Path, name: str) -> None:
    text, kinds = HANDED[name]
    one = Program(tmp_path, ROUTE + text, head=HEAD)
    (registration,) = one.registrations()
    found = one.app.lifetimes.of(registration, one.app.registrations.targets(registration))
    assert {resource.kind for resource in found} == kinds


@pytest.mark.parametrize(
    ("annotation", "kind"), [("UploadFile", ResourceKind.UPLOAD), ("Request", ResourceKind.REQUEST), ("int", None)]
)
def test_parameters_that_belong_to_the_request(tmp_path: Path, annotation: str, kind: ResourceKind | None) -> None:
    text = (
        f"@app.post('/')\ndef handler(tasks: BackgroundTasks, value: {annotation}):\n    tasks.add_task(note, value)\n"
    )
    one = Program(tmp_path, text, head=HEAD)
    (registration,) = one.registrations()
    found = one.app.lifetimes.of(registration, one.app.registrations.targets(registration))
    assert {resource.kind for resource in found} == ({kind} if kind else set())


EXITS = {
    "it returns": ("    tasks.add_task(note)\n    return 1\n", False),
    "it raises": ("    tasks.add_task(note)\n    raise ValueError\n", True),
    "it raises on one way": ("    tasks.add_task(note)\n    if db: raise ValueError\n", False),
    "it raised before": ("    if db: raise ValueError\n    tasks.add_task(note)\n", False),
    "it catches": (
        "    try:\n        tasks.add_task(note)\n        raise ValueError\n    except ValueError: pass\n",
        False,
    ),
    "it catches another": (
        "    try:\n        tasks.add_task(note)\n        raise ValueError\n    except KeyError: pass\n",
        True,
    ),
    "finally returns": (
        "    try:\n        tasks.add_task(note)\n        raise ValueError\n    finally: return 1\n",
        False,
    ),
}


@pytest.mark.parametrize("name", EXITS)
def test_a_task_is_lost_when_the_handler_is_bound_to_raise(tmp_path: Path, name: str) -> None:
    text, lost = EXITS[name]
    one = Program(tmp_path, ROUTE + text, head=HEAD)
    (registration,) = one.registrations()
    assert one.app.exits.lost(registration.call_path, registration.call) is lost


@pytest.mark.parametrize(
    ("decorator", "entry"),
    [
        ("@app.get('/')", Entry.ROUTE),
        ("@app.post(path='/')", Entry.ROUTE),
        ("@app.websocket('/')", Entry.WEBSOCKET),
        ("@app.exception_handler(ValueError)", Entry.EXCEPTION_HANDLER),
        ("@app.middleware('http')", Entry.MIDDLEWARE),
        ("@app.on_event('startup')", Entry.LIFESPAN),
        ("@cache.get(1)", None),
        ("@app.get()", None),
        ("@wraps", None),
    ],
)
def test_how_fastapi_runs_a_function(tmp_path: Path, decorator: str, entry: Entry | None) -> None:
    one = Program(tmp_path, f"{decorator}\ndef handler(): pass\n", head=HEAD)
    _, context = one.function("handler")
    assert isinstance(context.scope, FunctionDef)
    assert one.app.handlers.entry(context.scope) is entry


def test_a_function_that_a_parameter_depends_on_is_a_dependency(tmp_path: Path) -> None:
    one = Program(tmp_path, ROUTE + "    pass\n", head=HEAD)
    assert one.app.handlers.is_dependency(one.function("get_db")[1])
    assert not one.app.handlers.is_dependency(one.function("note")[1])


def test_add_api_route_makes_an_operation(tmp_path: Path) -> None:
    one = Program(tmp_path, "def f(): pass\ndef g(): pass\n\n\napp.add_api_route('/', f)\nprint(g)\n", head=HEAD)
    assert one.app.handlers.is_operation(one.function("f")[1])
    assert not one.app.handlers.is_operation(one.function("g")[1])
