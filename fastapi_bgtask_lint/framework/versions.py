"""The versions of FastAPI that a project allows, and what they mean for the resources of a request."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from fastapi_bgtask_lint.dependencies import Dependencies, listed
from fastapi_bgtask_lint.discovery import stamp

_SAMPLES = tuple(Version(f"0.{minor}.{patch}") for minor in range(60, 200) for patch in (0, 99))
"""The first and the last version of each series: those that do not exist yet count as the newest."""
_LOCKED = re.compile(r'^name = "fastapi"\s*\nversion = "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Versions:
    """What a project allows."""

    allowed: SpecifierSet | None
    """None when nothing says."""

    @property
    def samples(self) -> tuple[Version, ...]:
        """Versions that stand for the allowed ones; for all when nothing says, or nothing is left."""
        if self.allowed is None:
            return _SAMPLES
        named = [Version(s.version) for s in self.allowed if s.operator in ("==", "===", "~=") and _plain(s.version)]
        return (*self.allowed.filter(_SAMPLES, prereleases=True), *named) or _SAMPLES

    def within(self, versions: str) -> bool:
        """Some allowed version lies in a range, a specifier set such as `>=0.106,<0.118`."""
        return _is_within(self, versions)


@functools.cache
def _is_within(allowed: Versions, versions: str) -> bool:
    return any(True for _ in SpecifierSet(versions).filter(allowed.samples, prereleases=True))


@dataclass
class ProjectVersions:
    """Reads the files of projects for the version of FastAPI."""

    root: Path
    target: str | None
    dependencies: Dependencies
    _known: dict[Path, Versions] = field(default_factory=dict)

    def of(self, path: Path) -> Versions:
        """What the nearest project above a file says; `target-fastapi` where it is set."""
        if self.target is not None:
            return Versions(_specifier(self.target))
        folder = path.parent
        if folder not in self._known:
            self._known[folder] = self._read(folder)
        return self._known[folder]

    def _read(self, folder: Path) -> Versions:
        while True:
            for read in (self._locked, self._declared, self._required):
                found = read(folder)
                if found is not None:
                    return Versions(found)
            if folder == self.root or folder.parent == folder:
                return Versions(None)
            folder = folder.parent

    def _locked(self, folder: Path) -> SpecifierSet | None:
        for name in ("uv.lock", "poetry.lock", "pdm.lock"):
            found = _LOCKED.search(self._text(folder / name))
            if found is not None:
                return _specifier(found[1])
        return None

    def _declared(self, folder: Path) -> SpecifierSet | None:
        try:
            data = tomllib.loads(self._text(folder / "pyproject.toml"))
        except tomllib.TOMLDecodeError:
            return None
        found = next((s for text in _requirements(data) if (s := _of_requirement(text)) is not None), None)
        return found or _poetry(data)

    def _required(self, folder: Path) -> SpecifierSet | None:
        for path in self._listed(folder, "requirements*.txt") + self._listed(folder, "requirements/*.txt"):
            for line in self._text(path).splitlines():
                found = _of_requirement(line.partition("#")[0].partition(" --")[0].strip())
                if found is not None:
                    return found
        return None

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


def _plain(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _specifier(text: str) -> SpecifierSet | None:
    try:
        return SpecifierSet(text if re.match(r"\s*[<>=!~]", text) else f"=={text.strip()}")
    except InvalidSpecifier:
        return None


def _requirements(data: dict[str, Any]) -> Iterator[str]:
    project = _table(data, "project")
    groups = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    groups += list(_table(data, "dependency-groups").values())
    for group in groups:
        if isinstance(group, list):
            yield from (text for text in group if isinstance(text, str))


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _poetry(data: dict[str, Any]) -> SpecifierSet | None:
    wanted = _table(_table(_table(data, "tool"), "poetry"), "dependencies").get("fastapi")
    text = wanted.get("version") if isinstance(wanted, dict) else wanted
    if not isinstance(text, str) or text == "*":
        return None
    if text.startswith("^"):
        parts = [int(part) for part in re.findall(r"\d+", text)[:3]]
        upper = f"0.{parts[1] + 1}" if parts[:1] == [0] and len(parts) > 1 else f"{parts[0] + 1 if parts else 1}"
        return _specifier(f">={text[1:]},<{upper}")
    return _specifier(f"~={text[1:]}" if text.startswith("~") and not text.startswith("~=") else text)


def _of_requirement(text: str) -> SpecifierSet | None:
    if not text.lower().startswith("fastapi"):
        return None
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return requirement.specifier if requirement.name.lower() == "fastapi" and requirement.specifier else None
