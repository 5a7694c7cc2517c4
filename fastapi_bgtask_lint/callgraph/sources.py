"""Search by bytes: which files of a project mention a name, so that only they are parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi_bgtask_lint.dependencies import Search
from fastapi_bgtask_lint.discovery import python_files
from fastapi_bgtask_lint.reading.facts import Call, FunctionDef
from fastapi_bgtask_lint.reading.source import Fits
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.limits import SEARCHED_FILES
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import anything, calls, nested, scopes_saying, steps_saying
from fastapi_bgtask_lint.resolving.values import Context

_CALLED = rb"{0}(?<!def {0})(?<!\w{0})[\s\\]*\("
_CALLED_BARE = _CALLED.replace(rb"(?<!\w{0})", rb"(?<![\w.]{0})")
"""The same not on an object: so functions are called that were made by another function."""
_INSIDE = rb"[\s\\]*\([^()]*(?:\([^()]*\)[^()]*)*\b{0}\b"
_HANDED = (rb"Depends" + _INSIDE, rb"Security" + _INSIDE, rb"add_api_(?:websocket_)?route" + _INSIDE)
"""How a function is handed to FastAPI."""
_HANDING = re.compile(r"Depends|Security|add_api_")
_ELSEWHERE = r"{0}(?<!def {0})(?<!\w{0})(?!\w|[\s\\]*\()"
"""A name that is not called where it stands."""


@dataclass(eq=False)
class Sources:
    """The texts of a project's files."""

    evaluator: Evaluator
    _texts: dict[Path, bytes] = field(default_factory=dict)
    _calls: dict[Context, tuple[Call, ...]] = field(default_factory=dict)

    def scopes_with(self, *names: str) -> Iterator[Context]:
        """The scopes of all modules in which one of the names stands, or one that it is a part of, by path."""
        search = Search(tuple(name.encode() for name in names), tuple(re.escape(name.encode()) for name in names))
        for module in self._modules(search):
            yield from scopes_saying(self.evaluator, module, search.fits)

    def calls_with(self, *names: str) -> Iterator[tuple[Context, Call]]:
        """The calls in the scopes of all modules in which one of the names stands as a word."""
        yield from self._calls_in(_words(names))

    def calls_of(self, context: Context, function: FunctionDef) -> Iterator[tuple[Context, Call]]:
        """The calls that may be of a function of the project or hand it to FastAPI, in the order of paths."""
        outer = context.parent
        if outer is None or not isinstance(outer.scope, FunctionDef):
            yield from self._calls_by_name(function, context.module, _CALLED)
        elif self._is_handed_on(context.module, function):
            yield from self._calls_by_name(function, context.module, _CALLED_BARE)
        else:
            yield from self._calls_near(outer)

    def _calls_by_name(self, function: FunctionDef, home: Module, called: bytes) -> Iterator[tuple[Context, Call]]:
        word = re.escape(function.name.encode())
        patterns = tuple(pattern.replace(b"{0}", word) for pattern in (called, *_HANDED))
        yield from self._calls_in(Search((function.name.encode(),), patterns), home)

    def _is_handed_on(self, module: Module, nested: FunctionDef) -> bool:
        """A nested function is returned, kept or passed: then it can be called by all who get it."""
        pattern = re.compile(_ELSEWHERE.replace("{0}", re.escape(nested.name)))
        return module.source.round_says(nested, pattern.search)

    def _calls_near(self, context: Context) -> Iterator[tuple[Context, Call]]:
        for scope in nested(self.evaluator, context):
            yield from ((scope, call) for call in self._calls_of(scope, anything))

    def _calls_in(self, search: Search, home: Module | None = None) -> Iterator[tuple[Context, Call]]:
        """The calls in scopes that a search finds; at home also in those that hand anything to FastAPI, by any name."""

        def fits_at_home(text: str) -> bool:
            return _HANDING.search(text) is not None or search.fits(text)

        for module in self._modules(search, home):
            fits = fits_at_home if module is home else search.fits
            for context in scopes_saying(self.evaluator, module, fits):
                yield from ((context, call) for call in self._calls_of(context, fits))

    def _calls_of(self, context: Context, fits: Fits) -> tuple[Call, ...]:
        """The calls of a function, which is looked through for one name after another; of a module, where it fits."""
        if context.scope is None:
            steps = (step.expression for step in steps_saying(context, fits))
            return tuple(expression for expression in steps if isinstance(expression, Call))
        if context not in self._calls:
            self._calls[context] = tuple(call for _, call in calls(context))
        return self._calls[context]

    def _modules(self, search: Search, home: Module | None = None) -> Iterator[Module]:
        files = self._files(search)
        for path in files if home is None or home.path in files else sorted((*files, home.path)):
            module = self.evaluator.project.module(path)
            if module is not None:
                yield module

    def _files(self, search: Search) -> list[Path]:
        found = self.files_with(search)
        return found if len(found) <= SEARCHED_FILES else []

    def files_with(self, search: Search) -> list[Path]:
        """The files in which a search finds something, by path."""
        project = self.evaluator.project
        if not self._texts:
            self._texts = {path: project.text(path) for path in python_files(project.root)}
            self._texts |= project.overrides
        found = sorted(path for path, text in self._texts.items() if search.finds(text))
        project.dependencies.searches.append(search)
        project.dependencies.matches.update(map(str, found))
        return found


def _words(names: tuple[str, ...]) -> Search:
    words = tuple(name.encode() for name in names)
    return Search(words, tuple(rb"%b(?<!\w%b)\b" % (word, word) for word in map(re.escape, words)))
