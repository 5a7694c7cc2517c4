"""Which lines a text's pieces stand on, by CPython's parser: it is ten times as fast as LibCST's.

A piece is what is read at once: a statement of the module, the head of a class, or a statement of a class's body.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

_INDENTED = "if 1:\n"
_EMPTY = "    pass\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """The first and the last line of a piece; simple statements that share a line are one."""

    first: int
    last: int
    head: int
    """The last line of a definition's head; `last` where the body begins on the same line, and of all else."""
    name: str = ""
    """What it defines, if it is a `def` or a `class`; else nothing."""
    is_indented: bool = False
    """It stands in the body of a class."""
    body: tuple[int, ...] | None = None
    """The pieces of the body, where this is the head of a class; None when the piece is whole."""
    beyond: int = 0
    """The number of the first piece that is neither this one nor in its body."""


@dataclass(frozen=True)
class Outline:
    """A text and its pieces in the order of the source."""

    data: bytes
    pieces: tuple[Piece, ...]
    top: tuple[int, ...]
    """The pieces that are statements of the module."""
    _lines: Sequence[str] = field(repr=False)

    def text(self, number: int) -> str:
        """The lines of a piece."""
        piece = self.pieces[number]
        return "".join(self._lines[piece.first - 1 : piece.last])

    def whole(self, number: int) -> str:
        """The lines of a piece and of those in its body."""
        last = self.pieces[self.pieces[number].beyond - 1].last
        return "".join(self._lines[self.pieces[number].first - 1 : last])

    def head(self, number: int) -> str:
        """The lines of a definition's head; of all else, all lines."""
        piece = self.pieces[number]
        return "".join(self._lines[piece.first - 1 : piece.head])

    def module(self, number: int) -> str:
        """A piece as the text of a module of its own: what is indented stands in an `if`, a class has no body."""
        is_class = self.pieces[number].body is not None
        return self._module(number, self.text(number) + (self._pass(number) if is_class else ""))

    def head_module(self, number: int) -> str:
        """The same of a definition's head alone."""
        piece = self.pieces[number]
        if piece.head == piece.last:
            return self.module(number)
        return self._module(number, self.head(number) + self._pass(number))

    def lines_above(self, number: int) -> int:
        """How many lines of the text stand before the first of `module`."""
        piece = self.pieces[number]
        return piece.first - 1 - piece.is_indented

    def _module(self, number: int, text: str) -> str:
        return _INDENTED + text if self.pieces[number].is_indented else text

    def _pass(self, number: int) -> str:
        """The body that a definition is given in place of its own."""
        line = self._lines[self.pieces[number].first - 1]
        return line[: len(line) - len(line.lstrip())] + _EMPTY


def outline(data: bytes) -> Outline | None:
    """The outline of a module; None when CPython refuses it, for reasons of its own or rightly."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(data)
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        lines = list(io.StringIO(data.decode(encoding), newline=""))
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return None
    found = _Pieces(lines)
    top = found.of(module.body, is_indented=False)
    return Outline(data, tuple(found.pieces), top, lines)


class _Pieces:
    def __init__(self, lines: Sequence[str]) -> None:
        self.pieces: list[Piece] = []
        self._lines = lines

    def of(self, body: Sequence[ast.stmt], *, is_indented: bool) -> tuple[int, ...]:
        """Adds the pieces of a block and what is in them; gives the numbers of its own."""
        numbers: list[int] = []
        for statement in body:
            first, last = self._first(statement), statement.end_lineno or statement.lineno
            if numbers and numbers[-1] == len(self.pieces) - 1 and first <= self.pieces[-1].last:
                earlier = self.pieces[-1]
                last = max(last, earlier.last)
                self.pieces[-1] = replace(earlier, last=last, head=last, name="")
                continue
            numbers.append(len(self.pieces))
            inner = self._body(statement)
            head = self._first(inner[0]) - 1 if inner else last
            self._add(statement, Piece(first, last, head, _name(statement), is_indented))
        return tuple(numbers)

    def _add(self, statement: ast.stmt, piece: Piece) -> None:
        number = len(self.pieces)
        self.pieces.append(piece)
        if isinstance(statement, ast.ClassDef) and piece.head != piece.last:
            body = self.of(statement.body, is_indented=True)
            piece = replace(piece, last=piece.head, body=body)
        self.pieces[number] = replace(piece, beyond=len(self.pieces))

    def _body(self, statement: ast.stmt) -> Sequence[ast.stmt]:
        """The body of a definition that begins on a line of its own."""
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return ()
        begin = self._first(statement.body[0])
        before = self._lines[begin - 1].lstrip()[:1]
        column = len(self._lines[begin - 1]) - len(self._lines[begin - 1].lstrip())
        starts = before == "@" or column == statement.body[0].col_offset
        return statement.body if begin > statement.lineno and starts else ()

    def _first(self, statement: ast.stmt) -> int:
        """The first line, decorators and what a backslash joins to it included."""
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        while first > 1 and "#" not in (above := self._lines[first - 2]) and above.rstrip("\r\n").endswith("\\"):
            first -= 1
        return first


def _name(statement: ast.stmt) -> str:
    return statement.name if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
