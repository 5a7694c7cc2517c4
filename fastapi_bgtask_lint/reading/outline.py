"""Which lines a text's chunks stand on, by CPython's parser: it is ten times as fast as LibCST's.

A chunk is what is read at once: a statement of the module, the head of a class, a statement of a class's body. Long
functions are read head first and then some statements at a time: LibCST's trees take hundreds of bytes a character.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import msgspec
from msgspec.structs import replace

_ONE_AT_A_TIME = Lock()
_INDENTED = "if 1:\n"
_EMPTY = "pass\n"
_BINDING = (ast.NamedExpr, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LONG = 60
"""A function with more lines than this is not read at once."""
_SOME = 20
"""Lines of such a function that are."""


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """The first and the last line of a chunk; simple statements that share a line are one."""

    first: int
    last: int
    head: int
    """The last line of a definition's head; `last` where the body begins on the same line, and of all else."""
    name: str = ""
    """What it defines, if it is a `def` or a `class` that can be read later; else nothing."""
    is_indented: bool = False
    """It stands in the body of a definition."""
    within: int | None = None
    """The long function that it is a part of, the outermost one."""
    body: tuple[int, ...] | None = None
    """The chunks of the body, where this is the head of a class or of a long function; None when the chunk is whole."""
    beyond: int = 0
    """The number of the first chunk that is neither this one nor in its body."""


@dataclass(frozen=True)
class Outline:
    """A text and its chunks in the order of the source."""

    chunks: tuple[Chunk, ...]
    top: tuple[int, ...]
    """The chunks that are statements of the module."""
    _text: bytes = field(repr=False)
    """In UTF-8."""
    _starts: Sequence[int] = field(repr=False)
    """Where each line begins, and where the text ends."""

    @classmethod
    def of(cls, data: bytes, chunks: tuple[Chunk, ...], top: tuple[int, ...]) -> Outline:
        """The outline of a text in UTF-8, of which the chunks are known."""
        return cls(chunks, top, data, _starts_of(data.splitlines(keepends=True)))

    def text(self, number: int) -> str:
        """The lines of a chunk."""
        chunk = self.chunks[number]
        return self._between(chunk.first, chunk.last)

    def whole(self, number: int) -> str:
        """The lines of a chunk and of those in its body."""
        return self._between(self.chunks[number].first, self.chunks[self.chunks[number].beyond - 1].last)

    def head(self, number: int) -> str:
        """The lines of a definition's head; of all else, all lines."""
        chunk = self.chunks[number]
        return self._between(chunk.first, chunk.head)

    def module(self, number: int) -> str:
        """A chunk as the text of a module of its own: what is indented stands in an `if`, heads get a body."""
        is_head = self.chunks[number].body is not None
        return self._module(number, self.text(number) + (self._pass(number) if is_head else ""))

    def head_module(self, number: int) -> str:
        """The same of a definition's head alone."""
        chunk = self.chunks[number]
        if chunk.head == chunk.last:
            return self.module(number)
        return self._module(number, self.head(number) + self._pass(number))

    def lines_above(self, number: int) -> int:
        """How many lines of the text stand before the first of `module`."""
        return self.chunks[number].first - 1 - len(self.preamble(number))

    def preamble(self, number: int) -> tuple[str, ...]:
        """The lines of `module` that come before the chunk itself: each is a statement round or before it.

        LibCST does not see the indentation of a block that begins with a form feed.
        """
        if not self.chunks[number].is_indented:
            return ()
        indentation = self._indentation(number)
        return (_INDENTED, indentation.lstrip("\f") + _EMPTY) if indentation.startswith("\f") else (_INDENTED,)

    def definition(self, number: int) -> int:
        """The definition that a chunk is read with: itself, or the long function or the class that it is a part of."""
        chunk = self.chunks[number]
        if chunk.within is not None:
            return chunk.within
        if chunk.name or not chunk.is_indented:
            return number
        return next(above for above in range(number, -1, -1) if number in (self.chunks[above].body or ()))

    def _between(self, first: int, last: int) -> str:
        return self._text[self._starts[first - 1] : self._starts[last]].decode()

    def _module(self, number: int, text: str) -> str:
        return "".join((*self.preamble(number), text))

    def _pass(self, number: int) -> str:
        """The body that a definition is given in place of its own."""
        return f"{self._indentation(number)}    {_EMPTY}"

    def _indentation(self, number: int) -> str:
        line = self._between(self.chunks[number].first, self.chunks[number].first)
        return line[: len(line) - len(line.lstrip())]


def outline(data: bytes) -> Outline | None:
    """The outline of a text in UTF-8; None when CPython refuses it, for reasons of its own or rightly."""
    try:
        module = syntax_tree(data.decode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = data.splitlines(keepends=True)
    found = _Chunks(lines)
    top = found.of(module.body)
    return Outline(tuple(found.chunks), top, data, _starts_of(lines))


def syntax_tree(source: str | bytes) -> ast.Module:
    """CPython's tree of a module. Two threads that make one at a time can confuse CPython 3.11 and 3.12 (gh-106905)."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _starts_of(lines: Sequence[bytes]) -> Sequence[int]:
    return array("L", itertools.accumulate(map(len, lines), initial=0))


class _Chunks:
    def __init__(self, lines: Sequence[bytes]) -> None:
        self.chunks: list[Chunk] = []
        self._lines = lines

    def of(self, body: Sequence[ast.stmt], outer: Chunk | None = None, within: int | None = None) -> tuple[int, ...]:
        """Adds the chunks of a block and what is in them; gives the numbers of its own."""
        numbers: list[int] = []
        for before, statement in zip((None, *body), body, strict=False):
            first, last = self._first(statement, before), statement.end_lineno or statement.lineno
            if numbers and numbers[-1] == len(self.chunks) - 1 and _go_together(self.chunks[-1], first, last):
                last = max(last, self.chunks[-1].last)
                self.chunks[-1] = replace(self.chunks[-1], last=last, head=last, name="")
                continue
            numbers.append(len(self.chunks))
            inner = self._body(statement)
            head = self._first(inner[0]) - 1 if inner else last
            self._add(statement, Chunk(first, last, head, _name(statement), outer is not None, within))
        return tuple(numbers)

    def _add(self, statement: ast.stmt, chunk: Chunk) -> None:
        number = len(self.chunks)
        self.chunks.append(chunk)
        within = chunk.within
        if not chunk.name:
            body = None
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and chunk.last - chunk.first > _LONG:
            within = number if within is None else within
            body = self.of(statement.body, chunk, within) if chunk.head != chunk.last else None
        elif isinstance(statement, ast.ClassDef) and within is None and chunk.head != chunk.last:
            body = self.of(statement.body, chunk)
        else:
            body = None
        last = chunk.last if body is None else chunk.head
        self.chunks[number] = replace(chunk, last=last, body=body, beyond=len(self.chunks))

    def _body(self, statement: ast.stmt) -> Sequence[ast.stmt]:
        """The body of a definition that begins on a line of its own."""
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return ()
        begin = self._first(statement.body[0])
        before = self._lines[begin - 1].lstrip()[:1]
        column = len(self._lines[begin - 1]) - len(self._lines[begin - 1].lstrip())
        starts = before == b"@" or column == statement.body[0].col_offset
        return statement.body if begin > statement.lineno and starts else ()

    def _first(self, statement: ast.stmt, before: ast.stmt | None = None) -> int:
        """The first line, decorators and what a backslash joins to it included."""
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        while first > 1 and self._goes_on(first - 1, before):
            first -= 1
        return first

    def _goes_on(self, line: int, before: ast.stmt | None) -> bool:
        """A line ends with a backslash that stands in no comment; `before` is the statement that may end on it."""
        text = self._lines[line - 1].rstrip(b"\r\n")
        ended = before.end_col_offset or 0 if before is not None and before.end_lineno == line else 0
        return text.endswith(b"\\") and not text[ended:].lstrip().startswith(b"#")


def _go_together(earlier: Chunk, first: int, last: int) -> bool:
    """They share a line, or are some statements of a long function."""
    return first <= earlier.last or (earlier.within is not None and last - earlier.first < _SOME)


def _name(statement: ast.stmt) -> str:
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or _binds_in_head(statement):
        return ""
    return statement.name


def _binds_in_head(definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Names are bound where it is made, by `:=` or a comprehension, and read after it: so it can't be read later."""
    head: list[ast.AST] = [*definition.decorator_list]
    if isinstance(definition, ast.ClassDef):
        head += [*definition.bases, *definition.keywords]
    else:
        head += [*definition.args.defaults, *(default for default in definition.args.kw_defaults if default)]
    plain = (ast.Name, ast.Constant, ast.Attribute)
    return any(isinstance(node, _BINDING) for part in head if not isinstance(part, plain) for node in ast.walk(part))
