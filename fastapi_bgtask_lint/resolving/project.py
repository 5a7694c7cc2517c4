"""Which file is which module: import roots, packages and the modules read so far."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fastapi_bgtask_lint.dependencies import FILE, FOLDER, Dependencies, kind
from fastapi_bgtask_lint.reading.facts import (
    ClassDef,
    DeferredDefinition,
    FunctionDef,
    GlobalDecl,
    ImportFrom,
    ModuleFacts,
    Statement,
)
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.source import Fits, Source
from fastapi_bgtask_lint.reading.traversal import blocks, statements
from fastapi_bgtask_lint.reading.unreadable import Unreadable
from fastapi_bgtask_lint.solving.solver import Solver

_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


@dataclass(frozen=True, eq=False)
class Module:
    """A module of the project that has been read. Modules compare by identity: a project reads each file once."""

    path: Path
    source: Source

    def __repr__(self) -> str:
        return f"<module {self.path.name}>"

    @property
    def skeleton(self) -> tuple[Statement, ...]:
        """The module's body, its definitions not read."""
        return self.source.skeleton

    @property
    def facts(self) -> ModuleFacts:
        """What the module says."""
        return self.source.facts

    @property
    def is_package(self) -> bool:
        """It is the `__init__` of a package."""
        return self.path.stem == "__init__"

    def functions_binding(self, name: str) -> tuple[FunctionDef, ...]:
        """The functions that bind a name of the module by `global`, in the order of the source."""
        stack = list(reversed([*self._declaring.get(None, ()), *self._declaring.get(name, ())]))
        found: list[FunctionDef] = []
        while stack:
            statement = stack.pop()
            if isinstance(statement, DeferredDefinition):
                stack.extend(reversed(self._declaring_in(statement, name)))
                continue
            if isinstance(statement, FunctionDef) and _declares_global(statement, name):
                found.append(statement)
            inner = [statement.body] if isinstance(statement, FunctionDef | ClassDef) else blocks(statement)
            stack.extend(reversed([child for block in inner for child in block]))
        return tuple(found)

    def _declaring_in(self, deferred: DeferredDefinition, name: str) -> tuple[Statement, ...]:
        """What is read of a definition to find functions that declare a name global."""
        declared = self.source.declared_globals(deferred)
        return self.source.definition(deferred) if declared is None or name in declared else ()

    @cached_property
    def _declaring(self) -> dict[str | None, list[Statement]]:
        """The statements of the module's body by the names that are declared global in them; None: it is not known."""
        found: dict[str | None, list[Statement]] = {}
        for statement in self.skeleton:
            declared = self.source.declared_globals(statement)
            for name in (None,) if declared is None else declared:
                found.setdefault(name, []).append(statement)
        return found

    def saying(self, fits: Fits) -> tuple[Statement, ...]:
        """The module's body, of its definitions only the heads; left out is what is not looked for."""
        body: list[Statement] = []
        for statement in self.skeleton:
            if self.source.head_says(statement, fits):
                body += self.source.head(statement) if isinstance(statement, DeferredDefinition) else (statement,)
        return tuple(body)

    def definition(self, found: FunctionDef | ClassDef | DeferredDefinition) -> FunctionDef | ClassDef | None:
        """A definition in the body of the module or of a class, read if it has not been; None when it can't be."""
        if not isinstance(found, DeferredDefinition):
            return found
        statement = next(iter(self.source.definition(found)), None)
        return statement if isinstance(statement, FunctionDef | ClassDef) else None


def _declares_global(definition: FunctionDef, name: str) -> bool:
    scopes = [s for s in statements(definition.body) if isinstance(s, GlobalDecl)]
    return any(scope.kind == "global" and name in scope.names for scope in scopes)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a dotted name leads in the project: a file, or the folder of a namespace package."""

    path: Path
    is_file: bool


@dataclass(eq=False)
class Project:
    """The modules below one root.

    Modules are read when they are first asked for. What can't be read is kept in `unreadable` and answers None.
    """

    root: Path
    src: tuple[Path, ...] = ()
    overrides: Mapping[Path, bytes] = field(default_factory=dict)
    facts_cache: FactsCache = field(default_factory=FactsCache)
    unreadable: dict[Path, Unreadable] = field(default_factory=dict)
    solver: Solver = field(default_factory=Solver)
    dependencies: Dependencies = field(default_factory=Dependencies)
    """What was asked for so far."""
    _texts: dict[Path, bytes] = field(default_factory=dict)
    _modules: dict[Path, Module | None] = field(default_factory=dict)
    _roots: dict[Path, tuple[Path, ...]] = field(default_factory=dict)
    _kinds: dict[Path, str] = field(default_factory=dict)

    def module(self, path: Path) -> Module | None:
        """The module in a file, or None when it can't be read."""
        if path not in self._modules:
            self.dependencies.modules.add(str(path))
            self._modules[path] = self._read(path)
        return self._modules[path]

    @property
    def refused(self) -> dict[Path, Unreadable]:
        """What can't be read, or not wholly, of what was asked for."""
        partly = {m.path: m.source.refused[0] for m in self._modules.values() if m is not None and m.source.refused}
        return self.unreadable | partly

    def text(self, path: Path) -> bytes:
        """The bytes of a file, standard input's in its place; nothing when it can't be read."""
        try:
            return self._text(path)
        except OSError:
            return b""

    def _text(self, path: Path) -> bytes:
        if path in self.overrides:
            return self.overrides[path]
        if path not in self._texts:
            self._texts[path] = path.read_bytes()
        return self._texts[path]

    def _read(self, path: Path) -> Module | None:
        try:
            return Module(path, self.facts_cache.source(path, self._text(path)))
        except OSError:
            return None
        except Unreadable as error:
            self.unreadable[path] = error
            return None

    def dotted(self, path: Path) -> str:
        """The name of a module as `import` says it, from its topmost import root on."""
        root = self.import_roots(path)[0]
        parts = path.relative_to(root).with_suffix("").parts if path.is_relative_to(root) else (path.stem,)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    # --- imports ------------------------------------------------------------------------------------------------------

    def absolute(self, dotted: str, importer: Path) -> Location | None:
        """Where `import dotted` leads from a file; None when that is outside the project.

        The first import root that has the whole dotted module wins, a namespace package only when no root has a file.
        A name of the standard library is never taken for a file of the project.
        """
        parts = dotted.split(".")
        if parts[0] in sys.stdlib_module_names:
            return None
        namespace: Location | None = None
        for root in self.import_roots(importer):
            found = self._below(root, parts)
            if found is None or found.path == importer:
                continue
            if found.is_file:
                return found
            namespace = namespace or found
        return namespace

    def relative(self, level: int, dotted: str, importer: Path) -> Location | None:
        """Where `from ..dotted import` leads; None beyond the root or when there is nothing."""
        folder = importer.parent
        for _ in range(level - 1):
            folder = folder.parent
        if not folder.is_relative_to(self.root):
            return None
        return self._below(folder, dotted.split(".") if dotted else [])

    def imported_from(self, statement: ImportFrom, importer: Path) -> Location | None:
        """Where `from module import name` leads from a file; None when that is outside the project."""
        if statement.level:
            return self.relative(statement.level, statement.module, importer)
        return self.absolute(statement.module, importer)

    def submodule(self, package: Location, name: str) -> Location | None:
        """The module `name` in a package, by its `__init__` file or its folder."""
        folder = package.path.parent if package.is_file else package.path
        if package.is_file and package.path.stem != "__init__":
            return None
        return self._below(folder, [name])

    def import_roots(self, importer: Path) -> tuple[Path, ...]:
        """The folders that an absolute import of this file is looked for in, nearest first."""
        folder = importer.parent
        if folder not in self._roots:
            self._roots[folder] = tuple(dict.fromkeys(self._import_roots(folder)))
        return self._roots[folder]

    def _import_roots(self, folder: Path) -> Iterator[Path]:
        top = folder
        while self._kind(top / "__init__.py") == FILE and top != self.root and top.parent != top:
            top = top.parent
        yield top
        yield folder
        above = [folder, *folder.parents]
        inside = [parent for parent in above if parent.is_relative_to(self.root)]
        projects = [p for p in inside if p == self.root or any(self._kind(p / name) == FILE for name in _PROJECT_FILES)]
        yield from projects
        yield from (project / "src" for project in projects)
        yield from self.src
        yield from inside

    def _below(self, folder: Path, parts: list[str]) -> Location | None:
        target = folder.joinpath(*parts)
        if parts and self._kind(target.with_name(target.name + ".py")) == FILE:
            package = target / "__init__.py"
            return Location(package if self._kind(package) == FILE else target.with_name(target.name + ".py"), True)
        if self._kind(target / "__init__.py") == FILE:
            return Location(target / "__init__.py", True)
        if self._kind(target) == FOLDER:
            return Location(target, False)
        return None

    def _kind(self, path: Path) -> str:
        if path not in self._kinds:
            self._kinds[path] = FILE if path in self.overrides else kind(str(path))
            self.dependencies.kinds[str(path)] = self._kinds[path]
        return self._kinds[path]
