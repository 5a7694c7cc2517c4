"""The command line: arguments -> settings -> lint -> report -> exit status.

What parses and judges is imported only when there is something to judge, so that `--version` answers at once.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import shutil
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi_bgtask_lint import __version__
from fastapi_bgtask_lint.discovery import Problem, absolute, project_root, read_bytes, reason
from fastapi_bgtask_lint.settings import (
    BrokenFile,
    Codes,
    PathFilter,
    Settings,
    SettingsError,
    is_on,
    load,
    nearest,
    with_options,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.linter import Result

_NAME = "fastapi-bgtask-lint"
_CLEAN, _FOUND, _FAILED, _INTERRUPTED = 0, 1, 2, 130
_COLLECTOR = (100_000, 50, 100)
"""Syntax trees and facts have no cycles: looking for some as often as Python does took a third of the time."""
_STDIN = "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and gives its exit status: 0 nothing found, 1 findings, 2 it could not do its work."""
    options = _parser().parse_args(arguments)
    gc.set_threshold(*_COLLECTOR)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # no name in a file can be a reason to fail
    try:
        status = _run(options)
        sys.stdout.flush()
    except SettingsError as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python would flush at its end
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _count(text: str) -> int:
    """A number of processes."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_NAME,
        description="Finds what is wrong with the background tasks of FastAPI applications, without running them.",
        epilog="Exit status: 0 nothing found, 1 findings, 2 it could not do its work.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help='files and folders (default: "."); "-" reads standard input')
    add(
        "--stdin-filename", metavar="PATH", help="the name of standard input; it takes that file's place in its project"
    )
    _add_choosing(parser)
    _add_reporting(parser)
    add(
        "--jobs", "-j", type=_count, default=os.cpu_count() or 1, metavar="N",
        help="processes to judge projects with (default: one for each processor)",
    )  # fmt: skip
    add("--no-cache", action="store_true", help="neither use nor keep what the last run found")
    instead = parser.add_argument_group("instead of linting").add_mutually_exclusive_group()
    instead.add_argument("--explain", metavar="CODE", help="what a rule is about, with a bad and a good example")
    instead.add_argument("--list-rules", action="store_true", help="all rules")
    instead.add_argument(
        "--show-settings", nargs="?", const=".", metavar="PATH", help="the settings that hold, and where from"
    )
    instead.add_argument("--version", action="version", version=f"{_NAME} {__version__}")
    return parser


def _add_choosing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is reported").add_argument
    add("--select", type=_codes, action="extend", metavar="CODES", help="only these codes or prefixes")
    add("--ignore", type=_codes, action="extend", metavar="CODES", help="not these codes or prefixes")
    add("--extend-select", type=_codes, action="extend", default=[], metavar="CODES", help="these as well")
    add("--pedantic", action="store_true", help="rules that are off by default, too")
    add("--target-fastapi", metavar="VERSION", help="the version to judge by, instead of the project's own")
    add("--disable-noqa", action="store_true", help='disregard "noqa" comments')
    add("--show-suppressed", action="store_true", help="show what comments and per-file-ignores silence, too")
    add("--exit-zero", action="store_true", help="exit status 0 even with findings")


def _add_reporting(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it is reported").add_argument
    add("--output-format", choices=("text", "concise", "json"), default="text", help="default: text")
    add("--statistics", action="store_true", help="count the findings of each rule")
    add("--quiet", action="store_true", help="findings only, no counts and no notices")


def _codes(value: str) -> list[str]:
    return [code for code in value.replace(",", " ").split() if code]


def _run(options: argparse.Namespace) -> int:
    try:
        Path.cwd()
    except OSError as error:
        return _fail(f"the working directory: {reason(error)}")
    if options.stdin_filename is not None and _STDIN not in options.paths:
        return _fail('--stdin-filename needs "-" among the paths')
    try:
        from fastapi_bgtask_lint import linter
    except Exception as error:  # noqa: BLE001 - a rule that cannot load must not look like a clean run
        return _fail(f"a rule cannot be loaded: {error}", traceback.format_exc(limit=-5))
    if options.list_rules or options.explain is not None:
        return _describe_rules(options.explain)
    codes = linter.known_codes()
    settings, problems = _settings(options, codes)
    if options.show_settings is not None:
        _print_lines(_settings_lines(settings, codes, absolute(options.show_settings)))
    else:
        result = _lint(options, settings)
        _print_report(result, options, problems)
        problems += result.problems
        if result.findings and not problems and not options.exit_zero:
            return _FOUND
    _print_problems(problems)
    return _FAILED if problems else _CLEAN


def _settings(options: argparse.Namespace, codes: Codes) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings, and what kept them from being read: then the defaults hold and the run goes on."""
    problems: tuple[Problem, ...] = ()
    try:
        settings = load(Path.cwd(), codes)
    except BrokenFile as error:
        settings, problems = Settings(), (Problem(error.path, error.reason),)
    chosen = with_options(
        settings,
        codes,
        select=options.select,
        ignore=options.ignore,
        extend_select=options.extend_select,
        pedantic=options.pedantic,
        target_fastapi=options.target_fastapi,
    )
    return chosen, problems


def _lint(options: argparse.Namespace, settings: Settings) -> Result:
    from fastapi_bgtask_lint.linter import Caching, Noqa, Stdin, lint_paths

    stdin = None
    if _STDIN in options.paths:
        name = options.stdin_filename
        stdin = Stdin(sys.stdin.buffer.read(), None if name is None else absolute(name))
    paths = [path for path in options.paths or ["."] if path != _STDIN]
    noqa = Noqa.DISREGARDED if options.disable_noqa else Noqa.HONOURED
    caching = Caching.OFF if options.no_cache else Caching.ON
    progress = _Progress()
    try:
        return lint_paths(
            paths, settings, stdin=stdin, progress=progress, noqa=noqa, caching=caching, jobs=options.jobs
        )
    finally:
        progress.clear()


class _Progress:
    """What the run is at, in one line on standard error that goes away; nothing when that is no terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if self._is_shown:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{text[:width]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the line away."""
        self("")


def _print_report(result: Result, options: argparse.Namespace, problems: Sequence[Problem]) -> None:
    from fastapi_bgtask_lint.reporting import FORMATS, Report, palette_for

    def read(path: Path) -> bytes:
        if path in result.texts:
            return result.texts[path]
        return read_bytes(path, lambda _: None) or b""

    report = Report(
        findings=result.findings,
        silenced=result.suppressed if options.show_suppressed else (),
        suppressed=len(result.suppressed),
        problems=len(result.problems) + len(problems),
        files=result.files,
        here=Path.cwd(),
        read=read,
        palette=palette_for(sys.stdout),
        with_statistics=options.statistics,
        with_summary=not options.quiet,
    )
    _print_lines(FORMATS[options.output_format](report))
    if not options.quiet:
        for folder in result.empty:
            _say(f"no Python files in {folder}")


def _print_problems(problems: Iterable[Problem]) -> None:
    sys.stdout.flush()
    for details, alike in itertools.groupby(problems, key=lambda problem: problem.traceback):
        for problem in alike:
            _say(f"{problem.place}: {problem.message}")
        if details:
            print(details, file=sys.stderr)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _say(text: str) -> None:
    print(f"{_NAME}: {text}", file=sys.stderr)


def _fail(text: str, details: str = "") -> int:
    _say(f"error: {text}")
    if details:
        print(details, file=sys.stderr)
    return _FAILED


def _describe_rules(code: str | None) -> int:
    """Prints what one rule is about, or all rules when there is no code."""
    from fastapi_bgtask_lint.reporting import rules as listing
    from fastapi_bgtask_lint.rules import all_rules

    rules = {rule.code: rule for rule in all_rules()}
    if code is None:
        _print_lines(listing.table(rules.values()))
    elif code.upper() in rules:
        _print_lines(listing.explanation(rules[code.upper()]))
    else:
        return _fail(f'--explain: unknown code "{code}"{nearest(code.upper(), rules)}')
    return _CLEAN


def _settings_lines(settings: Settings, codes: Codes, path: Path) -> Iterator[str]:
    table = "none, the defaults hold" if settings.root is None else str(settings.root / "pyproject.toml")
    yield f"table:   {table}"
    yield f"project: {project_root(path)}"
    for item in fields(settings):
        if item.name != "root":
            yield f"{item.name.replace('_', '-')} = {_as_toml(getattr(settings, item.name))}"
    globs = PathFilter(settings)
    on = [code for code in codes if is_on(code, settings, codes) and not globs.ignores(path, code)]
    where = f"excluded: {path}" if globs.excludes(path) else f"on for {path}: {' '.join(on) or 'nothing'}"
    yield where


def _as_toml(value: object) -> str:
    match value:
        case None:
            return "(not set)"
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(_as_toml(item) for item in value)}]"
        case Mapping():
            return f"{{{', '.join(f'{_as_toml(key)} = {_as_toml(item)}' for key, item in value.items())}}}"
        case _:
            return json.dumps(str(value), ensure_ascii=False)
