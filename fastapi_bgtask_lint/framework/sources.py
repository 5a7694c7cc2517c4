"""Search by bytes: which files of a project mention a name, so that only they are parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi_bgtask_lint.discovery import python_files
from fastapi_bgtask_lint.framework.scopes import scopes_naming
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Frame
from fastapi_bgtask_lint.witness import Search

_FILES = 200
"""A name that stands in more files than this is too common to be searched for."""


@dataclass(eq=False)
class Sources:
    """The texts of a project's files."""

    evaluator: Evaluator
    _texts: dict[Path, bytes] = field(default_factory=dict)

    def scopes_with(self, *names: str) -> Iterator[Frame]:
        """The scopes of all modules in which one of the names stands, in the order of paths."""
        for path in self.files_with(*names):
            module = self.evaluator.project.module(path)
            if module is not None:
                yield from scopes_naming(self.evaluator, module, names)

    def scopes_calling(self, name: str) -> Iterator[Frame]:
        """The scopes of all modules that call a name, or hand it to FastAPI, in the order of paths."""
        word = re.escape(name.encode())
        called = rb"\b" + word + rb"\s*\("
        depended = rb"(?:Depends|Security)\s*\(\s*(?:\w+\s*=\s*)?(?:\w+\.)*" + word + rb"\b"
        routed = rb"add_api_(?:websocket_)?route\s*\([^()]*\b" + word + rb"\b"
        for path in self._files(Search((name.encode(),), rb"|".join((called, depended, routed)))):
            module = self.evaluator.project.module(path)
            if module is not None:
                yield from scopes_naming(self.evaluator, module, (name,))

    def files_with(self, *names: str) -> list[Path]:
        """The files in which one of the names stands as a word; none when there are too many to look at."""
        words = tuple(name.encode() for name in names)
        return self._files(Search(words, rb"\b(?:" + b"|".join(map(re.escape, words)) + rb")\b"))

    def _files(self, search: Search) -> list[Path]:
        project = self.evaluator.project
        if not self._texts:
            self._texts = {path: project.text(path) for path in python_files(project.root)}
            self._texts |= project.overrides
        found = sorted(path for path, text in self._texts.items() if search.finds(text))
        project.witness.searches.append(search)
        project.witness.matches.update(map(str, found))
        return found if len(found) <= _FILES else []
