"""The table `[tool.fastapi-bgtask-lint]` and the options of both front doors, as one frozen value.

An unknown key, code or type is an error that names the file, the key and the nearest name that would have been right.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

TABLE = "fastapi-bgtask-lint"
_FILE = "pyproject.toml"
_QUALIFIED_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z")
_CODE_START = re.compile(r"BGT\d*\Z", re.ASCII)

Codes = Mapping[str, bool]
"""Every code that a rule has, and whether it is pedantic."""


class SettingsError(Exception):
    """The configuration or an option says something that has no meaning. The text names where and the nearest name."""


class BrokenFile(SettingsError):
    """A `pyproject.toml` that cannot be read at all, so that nobody knows whether it has the tool's table."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user wants. Paths and globs are relative to `root`, the folder of the table."""

    select: tuple[str, ...] | None = None
    """Codes or prefixes to report; None for everything that is on by default."""
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    pedantic: bool = False
    exclude: tuple[str, ...] = ()
    """Not reported in, still read when an import leads there. Patterns as in a `.gitignore`."""
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target_fastapi: str | None = None
    """A version or a set of versions (`>=0.118`) that takes the place of what the project's files say."""
    src: tuple[Path, ...] = ()
    """Further folders that absolute imports start from. Absolute."""
    session_types: tuple[str, ...] = ()
    safe_providers: tuple[str, ...] = ()
    offloaders: tuple[str, ...] = ()
    error_handlers: tuple[str, ...] = ()
    deadlines: tuple[str, ...] = ()
    blocking_calls: tuple[str, ...] = ()
    waits: Mapping[str, str] = field(default_factory=dict)
    """Qualified names of calls that wait, each with the name of its timeout argument."""
    root: Path | None = None

    def relative(self, path: Path) -> str | None:
        """A path as the globs of the table see it; None when it lies outside the table's folder."""
        if self.root is None or not path.is_relative_to(self.root):
            return None
        return path.relative_to(self.root).as_posix()


def load(start: Path, codes: Codes) -> Settings:
    """The settings of the nearest table upward from a folder; the defaults when there is none.

    Raises `SettingsError`, and its subclass `BrokenFile` when a file on the way cannot be read.
    """
    for folder in (start, *start.parents):
        table = _table(folder / _FILE)
        if table is not None:
            return _Table(folder / _FILE, codes).settings(table)
    return Settings()


def with_options(
    settings: Settings,
    codes: Codes,
    *,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    extend_select: Sequence[str] = (),
    pedantic: bool = False,
    target_fastapi: str | None = None,
    prefix: str = "--",
) -> Settings:
    """The settings with the options of a front door laid over them. `prefix` is how that door's options begin."""
    for name, values in (("select", select), ("ignore", ignore), ("extend-select", extend_select)):
        for value in values or ():
            check_code(value, codes, f"{prefix}{name}")
    if target_fastapi is not None:
        _check_versions(target_fastapi, f"{prefix}target-fastapi")
    return replace(
        settings,
        select=settings.select if select is None else tuple(select),
        ignore=settings.ignore if ignore is None else tuple(ignore),
        extend_select=(*settings.extend_select, *extend_select),
        pedantic=settings.pedantic or pedantic,
        target_fastapi=target_fastapi or settings.target_fastapi,
    )


def check_code(value: str, codes: Codes, where: str) -> None:
    """Raises `SettingsError` unless the value is a code or the beginning of one."""
    if _CODE_START.match(value) and any(code.startswith(value) for code in codes):
        return
    raise SettingsError(f'{where}: unknown code "{value}"{nearest(value.upper(), codes)}')


def is_on(code: str, settings: Settings, codes: Codes) -> bool:
    """Whether a rule is to be reported at all.

    Of the codes and prefixes that fit, the longest decides, and of equally long ones `ignore`. A pedantic rule wants
    its full code or `pedantic`; an unreadable file is always reported unless `ignore` names its full code.
    """
    if code == "BGT001":
        return code not in settings.ignore
    named = (*(settings.select or ()), *settings.extend_select)
    if codes.get(code, False) and not settings.pedantic and code not in named:
        return False
    wanted = _longest(code, named) if settings.select is not None else max(_longest(code, named), 0)
    return wanted > _longest(code, settings.ignore)


def _longest(code: str, starts: Iterable[str]) -> int:
    return max((len(start) for start in starts if code.startswith(start)), default=-1)


class PathFilter:
    """Answers, for paths, what the globs of the settings say. Patterns are read once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exclude = _spec(settings.exclude)
        self._ignores = [(_spec((glob,)), codes) for glob, codes in settings.per_file_ignores.items()]

    def excludes(self, path: Path | str) -> bool:
        """Nothing is to be reported in this file."""
        if self._exclude is None:
            return False
        name = self._settings.relative(Path(path))
        return name is not None and self._exclude.match_file(name)

    def ignores(self, path: Path, code: str) -> bool:
        """This code is not to be reported in this file."""
        name = self._settings.relative(path)
        if name is None:
            return False
        return any(
            code.startswith(starts) and spec is not None and spec.match_file(name) for spec, starts in self._ignores
        )


def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec | None:
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


def _table(path: Path) -> Any:  # noqa: ANN401 - TOML gives anything
    """The tool's table of a file, as it stands there; None when there is none."""
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BrokenFile(path, (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise BrokenFile(path, f"is not UTF-8 ({error.reason} at byte {error.start})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BrokenFile(path, f"is not TOML: {error}") from error
    tool = content.get("tool", {})
    return tool.get(TABLE) if isinstance(tool, dict) else None


class _Table:
    """Turns a decoded table into settings, or says what is wrong with it."""

    def __init__(self, path: Path, codes: Codes) -> None:
        self._path = path
        self._codes = codes
        self._readers: dict[str, Callable[[str, Any], Any]] = {
            "select": self._code_list,
            "ignore": self._code_list,
            "extend-select": self._code_list,
            "pedantic": self._boolean,
            "exclude": self._globs,
            "per-file-ignores": self._per_file_ignores,
            "target-fastapi": self._versions,
            "src": self._folders,
            "waits": self._waits,
        }
        names = (item.name.replace("_", "-") for item in fields(Settings) if item.name != "root")
        self._readers = {name: self._readers.get(name, self._qualified_names) for name in names}

    def settings(self, table: Any) -> Settings:  # noqa: ANN401 - TOML gives anything
        """The settings that a table means."""
        if not isinstance(table, dict):
            raise SettingsError(f"{self._path}: [tool.{TABLE}] must be a table, not {_kind(table)}")
        values: dict[str, Any] = {"root": self._path.parent}
        for key, value in table.items():
            reader = self._readers.get(key)
            if reader is None:
                raise self._error(key, f"unknown key{nearest(key, self._readers)}")
            values[key.replace("-", "_")] = reader(key, value)
        return Settings(**values)

    def _error(self, key: str, text: str) -> SettingsError:
        return SettingsError(f"{self._where(key)}: {text}")

    def _where(self, key: str) -> str:
        return f"{self._path}: [tool.{TABLE}] {key}"

    def _boolean(self, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise self._error(key, f"must be true or false, not {_kind(value)}")
        return value

    def _strings(self, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self._error(key, f"must be a list of strings, not {_kind(value)}")
        for item in value:
            if not isinstance(item, str):
                raise self._error(key, f"must be a list of strings, but has {_kind(item)} in it")
        return tuple(value)

    def _mapping(self, key: str, value: object) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self._error(key, f"must be a table, not {_kind(value)}")
        return value

    def _code_list(self, key: str, value: object) -> tuple[str, ...]:
        starts = self._strings(key, value)
        for start in starts:
            check_code(start, self._codes, self._where(key))
        return starts

    def _globs(self, key: str, value: object) -> tuple[str, ...]:
        globs = self._strings(key, value)
        for glob in globs:
            self._check_glob(key, glob)
        return globs

    def _check_glob(self, key: str, glob: str) -> None:
        try:
            _spec((glob,))
        except ValueError as error:
            raise self._error(key, f'"{glob}" is not a pattern: {error}') from error

    def _per_file_ignores(self, key: str, value: object) -> Mapping[str, tuple[str, ...]]:
        ignores = {}
        for glob, starts in self._mapping(key, value).items():
            self._check_glob(key, glob)
            ignores[glob] = self._code_list(f'{key}."{glob}"', starts)
        return ignores

    def _versions(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._error(key, f'must be a string such as "0.118" or ">=0.118", not {_kind(value)}')
        _check_versions(value, self._where(key))
        return value

    def _folders(self, key: str, value: object) -> tuple[Path, ...]:
        return tuple(self._path.parent / name for name in self._strings(key, value))

    def _qualified_names(self, key: str, value: object) -> tuple[str, ...]:
        names = self._strings(key, value)
        for name in names:
            self._check_qualified_name(key, name)
        return names

    def _check_qualified_name(self, key: str, name: str) -> None:
        if not _QUALIFIED_NAME.match(name):
            raise self._error(key, f'"{name}" is not a qualified name such as "package.module.function"')

    def _waits(self, key: str, value: object) -> Mapping[str, str]:
        waits = {}
        for name, argument in self._mapping(key, value).items():
            self._check_qualified_name(key, name)
            if not isinstance(argument, str) or not argument.isidentifier():
                raise self._error(f'{key}."{name}"', "must be the name of its timeout argument")
            waits[name] = argument
        return waits


def _check_versions(value: str, where: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        Version(value)
    except InvalidVersion:
        try:
            SpecifierSet(value)
        except InvalidSpecifier:
            raise SettingsError(f'{where}: "{value}" is neither a version nor a set of versions') from None


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, as the end of a message; empty when none is near."""
    found = difflib.get_close_matches(name, known, n=9, cutoff=0.5)
    if not found:
        return ""
    best = max(found, key=lambda candidate: _same_start(name, candidate))
    return f', did you mean "{best}"?'


def _same_start(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"
