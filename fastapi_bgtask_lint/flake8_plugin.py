"""The adapter for flake8: its options and file names in, the same findings as the command line's out.

flake8 asks for one file at a time. The whole run is done once a process, at the first file, and each file gets what
stands in it. flake8 then applies its own selection and `noqa` to the lines, which only repeats what has been done.

flake8 shows nothing at all when a plugin raises an exception. So a bug that costs the findings at one place only is
shown as a line there, under a code that no rule has; an exception is raised for one that costs a whole project.
"""

from __future__ import annotations

import argparse
import ast
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from flake8 import utils
from flake8.exceptions import ExecutionError

from fastapi_bgtask_lint import __version__, linter
from fastapi_bgtask_lint.discovery import absolute
from fastapi_bgtask_lint.reporting.report import one_line
from fastapi_bgtask_lint.settings import BrokenFile, Settings, SettingsError, load, with_options

if TYPE_CHECKING:
    from fastapi_bgtask_lint.findings import Finding

_LOG = logging.getLogger(__name__)
_STDIN = "-"
_NO_NAME = "stdin"
"""What flake8 calls standard input that has no name."""
_UNREADABLE = "BGT001"
_BUG = "BGT000"

Line: TypeAlias = tuple[int, int, str]
"""Line from 1, column from 0, and the text that begins with the code."""


class Plugin:
    """One file, as flake8 hands it over."""

    name = "fastapi-bgtask-lint"
    version = __version__
    _run: ClassVar[_Run]
    """flake8 builds a plugin for each file and hands the options to the class only."""

    def __init__(self, tree: ast.AST, filename: str) -> None:
        self._filename = filename

    @staticmethod
    def add_options(manager: Any) -> None:  # noqa: ANN401 - flake8 has no types for others
        """Declares the options, which flake8 reads from its own configuration as well."""

        def add(name: str, **how: Any) -> None:  # noqa: ANN401
            manager.add_option(f"--bgtask-{name}", parse_from_config=True, **how)

        add("select", comma_separated_list=True, metavar="CODES", help="only these codes or prefixes")
        add("ignore", comma_separated_list=True, metavar="CODES", help="not these codes or prefixes")
        add("extend-select", comma_separated_list=True, default="", metavar="CODES", help="these as well")
        add("pedantic", action="store_true", help="rules that are off by default, too")
        add("target-fastapi", metavar="VERSION", help="the version to judge by, instead of the project's own")

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Takes up the options and the project's own table. What makes no sense in them ends flake8."""
        try:
            cls._run = _Run(options, _settings(options))
        except SettingsError as error:
            raise ExecutionError(f"fastapi-bgtask-lint: {error}") from error

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """What stands in the file: line from 1, column from 0, text, and the plugin."""
        for line in self._run.lines_in(self._filename):
            yield *line, Plugin


@dataclass(slots=True)
class _Run:
    """The run of this process, done when the first file asks for it."""

    options: argparse.Namespace
    settings: Settings
    _lines: Mapping[Path, list[Line]] | None = field(default=None)

    def lines_in(self, filename: str) -> list[Line]:
        """What is reported in a file, by the name that flake8 gives it."""
        if self._lines is None:
            self._lines = self._linted()
        nameless = filename == _NO_NAME and _STDIN in self.options.filenames
        return self._lines.get(linter.NAMELESS if nameless else absolute(filename), [])

    def _linted(self) -> Mapping[Path, list[Line]]:
        names = self.options.filenames or ["."]
        result = linter.lint_paths(
            [name for name in names if name != _STDIN],
            self.settings,
            stdin=self._stdin() if _STDIN in names else None,
            noqa=linter.Noqa.DISREGARDED if self.options.disable_noqa else linter.Noqa.HONOURED,
        )
        by_file = defaultdict(list)
        for problem in result.problems:
            if not problem.traceback:
                _LOG.warning("%s: %s", problem.place, problem.message)
            elif problem.line is not None:
                by_file[problem.path].append((problem.line, 0, f"{_BUG} {one_line(problem.message)}"))
            else:
                raise RuntimeError(f"{problem.place}: {problem.message}\n{problem.traceback}")
        # A file that can't be read has no tree: flake8 reports it in its own words (E902, E999).
        for finding in (one for one in result.findings if one.code != _UNREADABLE):
            by_file[finding.place.path].append(_line(finding))
        return by_file

    def _stdin(self) -> linter.Stdin:
        name = self.options.stdin_display_name
        text = utils.stdin_get_value()  # flake8 has read it already and keeps it for plugins
        return linter.Stdin(linter.encoded(text), None if name == _NO_NAME else absolute(name))


def _line(finding: Finding) -> Line:
    return finding.place.line, finding.place.column - 1, f"{finding.code} {one_line(finding.message)}"


def _settings(options: argparse.Namespace) -> Settings:
    codes = linter.known_codes()
    try:
        settings = load(Path.cwd(), codes)
    except BrokenFile as error:
        _LOG.warning("%s", error)
        settings = Settings()
    return with_options(
        settings,
        codes,
        select=options.bgtask_select,
        ignore=options.bgtask_ignore,
        extend_select=options.bgtask_extend_select or (),
        pedantic=bool(options.bgtask_pedantic),
        target_fastapi=options.bgtask_target_fastapi,
        prefix="--bgtask-",
    )
