"""Rows of what FastAPI does with tasks: a small application each, and what it lets be seen of them.

Outcomes are declared with the row, by ranges of versions where they differ, and kept beside those of the rules.
"""

# ruff: noqa: ANN401

from collections.abc import Callable
from typing import Any

import fastapi
from fastapi import FastAPI
from fastapi.testclient import TestClient
from packaging.specifiers import SpecifierSet

from tests.proofs import kept

Row = Callable[[], str]


class Rows:
    """The rows of one file, by what happens."""

    def __init__(self) -> None:
        self.observations: dict[str, Row] = {}
        self._declared: dict[str, dict[str, str]] = {}

    def row(self, name: str, outcome: str) -> Callable[[Row], Row]:
        """Declares a row that is the same on every version."""
        return self.split(name, {"": outcome})

    def split(self, name: str, outcomes: dict[str, str]) -> Callable[[Row], Row]:
        """Declares a row whose outcome depends on the version."""

        def add(function: Row) -> Row:
            self.observations[name] = function
            self._declared[name] = outcomes
            return function

        return add

    def prove(self, name: str) -> None:
        """Holds what is seen against what is declared for the installed version, and against what is kept."""
        proven(name, self.observations[name](), self._declared[name])


def proven(name: str, outcome: str, by_versions: dict[str, str]) -> None:
    """Holds an outcome against what is declared and what is kept."""
    version = fastapi.__version__
    declared = [o for v, o in by_versions.items() if SpecifierSet(v).contains(version, prereleases=True)]
    assert [outcome] == declared, f"{name} on FastAPI {version}"
    kept.keep(name, outcome)


class Seen:
    """What tasks have done, and what reached the server."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.log: list[str] = []
        self.errors: list[str] = []

    def note(self, what: str = "ran") -> None:
        self.log.append(what)

    async def note_later(self, what: str = "ran") -> None:
        self.log.append(what)

    def fail(self) -> None:
        raise ValueError("failed")

    def get(self, path: str = "/") -> Any:
        """The answer to a request; what escapes the application is noted by its class."""
        try:
            return TestClient(self.app).get(path)
        except Exception as error:
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            self.errors.append(type(error).__name__)
            return None

    @property
    def outcome(self) -> str:
        """What ran, in order, and what escaped."""
        ran = ", ".join(self.log) or "never runs"
        return f"{ran}; {', '.join(self.errors)}" if self.errors else ran
