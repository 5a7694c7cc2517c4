"""Search by bytes: which files of a project mention a name, so that only they are parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi_bgtask_lint.discovery import python_files
from fastapi_bgtask_lint.framework.scopes import anything, calls, nested, scopes_saying, steps_saying
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.reading.source import Fits
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Frame
from fastapi_bgtask_lint.witness import Search

_HANDED = (
    rb"Depends\s*\(\s*(?:\w+\s*=\s*)?(?:\w+\.)*{0}\b",
    rb"Security\s*\(\s*(?:\w+\s*=\s*)?(?:\w+\.)*{0}\b",
    rb"add_api_(?:websocket_)?route\s*\([^()]*\b{0}\b",
)
"""How a function is handed to FastAPI."""
_FILES = 200
"""A name that stands in more files than this is too common to be searched for."""


@dataclass(eq=False)
class Sources:
    """The texts of a project's files."""

    evaluator: Evaluator
    _texts: dict[Path, bytes] = field(default_factory=dict)
    _calls: dict[Frame, tuple[Call, ...]] = field(default_factory=dict)

    def scopes_with(self, *names: str) -> Iterator[Frame]:
        """The scopes of all modules in which one of the names stands, in the order of paths."""
        yield from self._scopes(_words(names))

    def calls_with(self, *names: str) -> Iterator[tuple[Frame, Call]]:
        """The calls in those scopes."""
        yield from self._calls_in(_words(names))

    def calls_of_function(self, name: str) -> Iterator[tuple[Frame, Call]]:
        """The calls in the scopes of all modules that call a name or hand it to FastAPI, in the order of paths.

        Objects have no functions of modules, so what is called on `self` is left out.
        """
        return self._calls_of_name(name, rb"{0}(?<!def {0})(?<!self\.{0})(?<!cls\.{0})(?<!\w{0})\s*\(")

    def calls_of_method(self, name: str) -> Iterator[tuple[Frame, Call]]:
        """The same for what is called on something."""
        return self._calls_of_name(name, rb"{0}(?<=\.{0})\s*\(")

    def calls_near(self, frame: Frame) -> Iterator[tuple[Frame, Call]]:
        """The calls of a function and of those nested in it: all that can name one of these."""
        for scope in nested(self.evaluator, frame):
            yield from ((scope, call) for call in self._calls_of(scope, anything))

    def _calls_of_name(self, name: str, called: bytes) -> Iterator[tuple[Frame, Call]]:
        word = re.escape(name.encode())
        patterns = (called.replace(b"{0}", word), *(handed.replace(b"{0}", word) for handed in _HANDED))
        yield from self._calls_in(Search((name.encode(),), patterns))

    def _calls_in(self, search: Search) -> Iterator[tuple[Frame, Call]]:
        for frame in self._scopes(search):
            yield from ((frame, call) for call in self._calls_of(frame, search.fits))

    def _calls_of(self, frame: Frame, fits: Fits) -> tuple[Call, ...]:
        """The calls of a function, which is looked through for one name after another; of a module, where it fits."""
        if frame.scope is None:
            steps = (step.expression for step in steps_saying(frame, fits))
            return tuple(expression for expression in steps if isinstance(expression, Call))
        if frame not in self._calls:
            self._calls[frame] = tuple(call for _, call in calls(frame))
        return self._calls[frame]

    def _scopes(self, search: Search) -> Iterator[Frame]:
        for path in self._files(search):
            module = self.evaluator.project.module(path)
            if module is not None:
                yield from scopes_saying(self.evaluator, module, search.fits)

    def _files(self, search: Search) -> list[Path]:
        project = self.evaluator.project
        if not self._texts:
            self._texts = {path: project.text(path) for path in python_files(project.root)}
            self._texts |= project.overrides
        found = sorted(path for path, text in self._texts.items() if search.finds(text))
        project.witness.searches.append(search)
        project.witness.matches.update(map(str, found))
        return found if len(found) <= _FILES else []


def _words(names: tuple[str, ...]) -> Search:
    words = tuple(name.encode() for name in names)
    return Search(words, tuple(rb"%b(?<!\w%b)\b" % (word, word) for word in map(re.escape, words)))
