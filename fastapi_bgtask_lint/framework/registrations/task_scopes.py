"""Which functions of a module can have to do with background tasks, by their text: only they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastapi_bgtask_lint.reading.facts import Assign, ClassDef, DeferredDefinition, ImportFrom, Statement
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.bindings import imported_as, targets
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module, Project
from fastapi_bgtask_lint.resolving.scopes import scopes_saying
from fastapi_bgtask_lint.resolving.values import Context

_WORDS = r"(?i:task|background|\bbg|_bg\b)"
_CLASS = "BackgroundTask"
_CLASSES = frozenset({"BackgroundTask", "BackgroundTasks"})


def scopes_of_tasks(evaluator: Evaluator, module: Module) -> Iterator[Context]:
    """The module itself and its functions that speak of tasks, or of what the module calls by a name of its own."""
    words = "|".join((_WORDS, *(rf"\b{re.escape(name)}\b" for name in _own_names(evaluator.project, module))))
    yield from scopes_saying(evaluator, module, re.compile(words).search)


def _own_names(project: Project, module: Module) -> set[str]:
    """Names for `BackgroundTask` and `BackgroundTasks`, or for what is made of them, here or in a module beside."""
    names = {name for statement in statements(module.skeleton) for name in _imported(project, module, statement)}
    known = -1
    while len(names) > known:
        known = len(names)
        words = re.compile("|".join((_CLASS, *(rf"\b{re.escape(name)}\b" for name in names))))
        for statement in module.skeleton:
            if module.source.head_says(statement, words.search):
                names |= set(_bound((statement,)))
    return names


def _bound(block: tuple[Statement, ...]) -> Iterator[str]:
    for statement in statements(block):
        match statement:
            case DeferredDefinition() | ClassDef():
                yield statement.name
            case Assign():
                yield from (name.id for target in statement.targets for name, _ in targets(target))
            case ImportFrom():
                yield from (name.alias for name in statement.names if name.alias is not None and name.name in _CLASSES)


def _imported(project: Project, module: Module, statement: Statement) -> Iterator[str]:
    """The names of what may be classes in a module of the project that speaks of tasks."""
    if isinstance(statement, ImportFrom) and _leads_to_tasks(project, module, statement):
        names = (imported_as(statement, name) for name in statement.names)
        yield from (name for name in names if name[:1].isupper() and name not in _CLASSES)


def _leads_to_tasks(project: Project, module: Module, statement: ImportFrom) -> bool:
    """What is imported is the project's, from a module that mentions the classes."""
    location = project.imported_from(statement, module.path)
    return location is not None and location.is_file and _CLASS.encode() in project.text(location.path)
