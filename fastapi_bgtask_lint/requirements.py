"""The versions of a distribution that a project allows, by its lock file, `pyproject.toml` or requirements files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from fastapi_bgtask_lint.dependencies import Dependencies, listed
from fastapi_bgtask_lint.discovery import stamp

_LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock")
_REQUIREMENTS_FILES = ("requirements*.txt", "requirements/*.txt")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OLDEST = Version("0")


@dataclass(eq=False)
class Requirements:
    """Reads the files in which projects state the versions of their dependencies."""

    root: Path
    """The outermost folder that is searched."""
    dependencies: Dependencies
    """Records the files that were read or looked for."""
    _known: dict[tuple[str, Path], tuple[SpecifierSet, ...]] = field(default_factory=dict)

    def allowed(self, distribution: str, path: Path) -> tuple[SpecifierSet, ...]:
        """The specifiers of a distribution in the nearest folder above a file that has any; empty when none has.

        A lock file takes precedence over `pyproject.toml`, which takes precedence over requirements files. Several
        specifiers are alternatives: environment markers, extras and groups decide which of them applies.
        """
        return self._in_folder_or_above(canonicalize_name(distribution), path.parent)

    def _in_folder_or_above(self, distribution: str, folder: Path) -> tuple[SpecifierSet, ...]:
        key = (distribution, folder)
        if key not in self._known:
            found = self._in_folder(distribution, folder)
            if not found and folder not in (self.root, folder.parent):
                found = self._in_folder_or_above(distribution, folder.parent)
            self._known[key] = found
        return self._known[key]

    def _in_folder(self, distribution: str, folder: Path) -> tuple[SpecifierSet, ...]:
        for read in (self._locked, self._declared, self._required):
            found = tuple(dict.fromkeys(read(distribution, folder)))
            if found:
                return found
        return ()

    def _locked(self, distribution: str, folder: Path) -> Iterator[SpecifierSet]:
        name = "[-_.]+".join(map(re.escape, distribution.split("-")))
        entry = re.compile(rf'^name = "{name}"\s*\nversion = "([^"]+)"', re.MULTILINE | re.IGNORECASE)
        for lock_file in _LOCK_FILES:
            found = [specifiers(match[1]) for match in entry.finditer(self._text(folder / lock_file))]
            if found:
                yield from (locked for locked in found if locked is not None)
                return

    def _declared(self, distribution: str, folder: Path) -> Iterator[SpecifierSet]:
        try:
            data = tomllib.loads(self._text(folder / "pyproject.toml"))
        except tomllib.TOMLDecodeError:
            return
        found = list(_of_requirements(distribution, _project_requirements(data)))
        yield from found or _of_poetry(distribution, data)

    def _required(self, distribution: str, folder: Path) -> Iterator[SpecifierSet]:
        for pattern in _REQUIREMENTS_FILES:
            for path in self._listed(folder, pattern):
                yield from _of_requirements(distribution, map(_without_options, self._text(path).splitlines()))

    def _text(self, path: Path) -> str:
        self.dependencies.stamps[str(path)] = stamp(str(path))
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _listed(self, folder: Path, pattern: str) -> list[Path]:
        names = listed(str(folder), pattern)
        self.dependencies.globs.append((str(folder), pattern, names))
        return list(map(Path, names))


def specifiers(text: str) -> SpecifierSet | None:
    """The set of specifiers in a text such as `>=0.106,<0.118`, or `0.118` for that version; None for invalid text."""
    try:
        return SpecifierSet(text if re.match(r"\s*[<>=!~]", text) else f"=={text.strip()}")
    except InvalidSpecifier:
        return None


def is_older(allowed: Iterable[SpecifierSet], version: str) -> bool | None:
    """Whether all allowed versions are older than a version; None when only some are, or no version is known."""
    limit = Version(version)
    answers = {found < limit for alternative in allowed for found in _allowed_bounds(alternative, limit)}
    return answers.pop() if len(answers) == 1 else None


def _allowed_bounds(allowed: SpecifierSet, limit: Version) -> Iterator[Version]:
    """Allowed versions on each side of a limit, if there are any on that side.

    The lowest version that a specifier allows is its own version, the version just after it or, if it excludes a
    series, the start of the next series. So the lowest version that all of them allow on a side of the limit is one of
    these.
    """
    candidates = [_OLDEST, limit]
    for specifier in allowed:
        try:
            bound = Version(specifier.version.removesuffix(".*"))
        except InvalidVersion:
            continue
        candidates += (bound, _just_after(bound), _next_series(bound))
    return allowed.filter(candidates, prereleases=True)


def _just_after(version: Version) -> Version:
    return Version(f"{version.epoch}!{version.base_version.rpartition('!')[2]}" + ".0" * 4 + ".1")


def _next_series(version: Version) -> Version:
    *series, last = version.release
    return Version(f"{version.epoch}!" + ".".join(map(str, (*series, last + 1))))


# --- requirements (PEP 508) -------------------------------------------------------------------------------------------


def _project_requirements(data: dict[str, Any]) -> Iterator[str]:
    project = _table(data, "project")
    groups = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    groups += list(_table(data, "dependency-groups").values())
    for group in groups:
        if isinstance(group, list):
            yield from (text for text in group if isinstance(text, str))


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _without_options(line: str) -> str:
    """A line of a requirements file without its comment, its options and the backslash that continues it."""
    return line.partition("#")[0].partition(" --")[0].rstrip("\\ \t").strip()


def _of_requirements(distribution: str, requirements: Iterable[str]) -> Iterator[SpecifierSet]:
    for text in requirements:
        name = _NAME.match(text)
        if name is None or canonicalize_name(name[0]) != distribution:
            continue
        try:
            found = Requirement(text).specifier
        except InvalidRequirement:
            continue
        if found:
            yield found


# --- Poetry's own table -----------------------------------------------------------------------------------------------


def _of_poetry(distribution: str, data: dict[str, Any]) -> Iterator[SpecifierSet]:
    for name, wanted in _table(_table(_table(data, "tool"), "poetry"), "dependencies").items():
        if canonicalize_name(name) != distribution:
            continue
        for constraint in wanted if isinstance(wanted, list) else [wanted]:
            text = constraint.get("version") if isinstance(constraint, dict) else constraint
            if isinstance(text, str) and text.strip() != "*":
                parts = [_of_poetry_constraint(part.strip()) for part in text.split(",")]
                found = specifiers(",".join(parts))
                if found is not None:
                    yield found


def _of_poetry_constraint(text: str) -> str:
    """`^1.2` allows versions up to the next change of the first number that is not zero, `~1.2` of the minor one."""
    caret, tilde = text.startswith("^"), text.startswith("~") and not text.startswith("~=")
    if not (caret or tilde):
        return text if re.match(r"[<>=!~]", text) else f"=={text}"
    bound = text[1:].strip()
    numbers = [int(number) for number in re.findall(r"\d+", bound)[:3]]
    kept = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1) if caret else 1
    series = numbers[: kept + 1]
    if not series:
        return text
    return f">={bound},<" + ".".join(map(str, (*series[:-1], series[-1] + 1)))
