"""Which functions of a module can have to do with background tasks, by their text: only they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastapi_bgtask_lint.framework.scopes import scopes_saying
from fastapi_bgtask_lint.reading.facts import Assign, Import, ImportFrom, Name, Statement, Unread
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Frame

_WORDS = r"(?i:task|background|\bbg|_bg\b)"
_CLASS = re.compile("BackgroundTask")


def scopes_of_tasks(evaluator: Evaluator, module: Module) -> Iterator[Frame]:
    """The module itself and its functions that speak of tasks, or of what the module calls by a name of its own."""
    words = "|".join((_WORDS, *(rf"\b{re.escape(name)}\b" for name in _own_names(module))))
    yield from scopes_saying(evaluator, module, re.compile(words).search)


def _own_names(module: Module) -> Iterator[str]:
    """Names that the module gives to `BackgroundTask` and `BackgroundTasks`, or to what it makes of them."""
    for statement in module.sketch:
        if module.source.head_says(statement, _CLASS.search):
            yield from _bound(statement)


def _bound(statement: Statement) -> Iterator[str]:
    match statement:
        case Unread():
            yield statement.name
        case Assign():
            yield from (target.id for target in statement.targets if isinstance(target, Name))
        case Import() | ImportFrom():
            yield from (name.alias for name in statement.names if name.alias is not None)
