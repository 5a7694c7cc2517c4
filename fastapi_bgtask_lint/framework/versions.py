"""The versions of FastAPI that a project allows, by which rules decide what happens to the resources of a request."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from fastapi_bgtask_lint.requirements import Requirements, specifiers

_SAMPLES = tuple(Version(f"0.{minor}.{patch}") for minor in range(60, 200) for patch in (0, 99))
"""The first and the last version of each minor series, including series that have not been released yet."""


@dataclass(frozen=True)
class Versions:
    """The versions of FastAPI that a project allows."""

    allowed: tuple[SpecifierSet, ...]
    """Alternatives; empty when the version is unknown."""

    @property
    def samples(self) -> tuple[Version, ...]:
        """Representatives of the allowed versions; of all versions when the version is unknown or none is allowed."""
        found = dict.fromkeys(version for allowed in self.allowed for version in _samples(allowed))
        return tuple(found) or _SAMPLES

    def within(self, versions: str) -> bool:
        """Whether some allowed version lies in a range, given as specifiers such as `>=0.106,<0.118`."""
        return _is_within(self, versions)


@functools.cache
def _is_within(allowed: Versions, versions: str) -> bool:
    return any(True for _ in SpecifierSet(versions).filter(allowed.samples, prereleases=True))


@dataclass(frozen=True)
class ProjectVersions:
    """Looks up the version of FastAPI for the files of a project."""

    requirements: Requirements
    target: str | None
    """The setting `target-fastapi`, which takes precedence over the project's files."""

    def allowed_for(self, path: Path) -> Versions:
        """The versions that the project of a file allows."""
        if self.target is None:
            return Versions(self.requirements.allowed("fastapi", path))
        stated = specifiers(self.target)
        return Versions(() if stated is None else (stated,))


def _samples(allowed: SpecifierSet) -> Iterator[Version]:
    yield from allowed.filter(_SAMPLES, prereleases=True)
    for specifier in allowed:
        if specifier.operator in ("==", "===", "~="):
            try:
                yield Version(specifier.version)
            except InvalidVersion:
                continue
