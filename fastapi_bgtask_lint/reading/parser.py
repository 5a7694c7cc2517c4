"""Text to a module's facts. Whoever imports this imports LibCST."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import libcst as cst
import msgspec

from fastapi_bgtask_lint.reading.decoding import LINE_END
from fastapi_bgtask_lint.reading.deep_stack import on_deep_stack
from fastapi_bgtask_lint.reading.facts import ClassDef, DeferredDefinition, FunctionDef, Statement, first_ordinal
from fastapi_bgtask_lint.reading.layout import parsed
from fastapi_bgtask_lint.reading.lowering import Lowered, lower
from fastapi_bgtask_lint.reading.nesting import check_depth
from fastapi_bgtask_lint.reading.outline import Outline, outline, syntax_tree
from fastapi_bgtask_lint.reading.source import Block, Source
from fastapi_bgtask_lint.reading.unreadable import Unreadable

_TOO_DEEP = "nested too deep or chained too long to be parsed"
_LIBCST_PLACE = re.compile(r"error at (\d+):(\d+): ")


def read(path: Path, data: bytes) -> Source:
    """Reads a module, whose text is in UTF-8.

    Raises:
        Unreadable: it can't be parsed, or nests deeper than LibCST's parser can read.
    """
    return on_deep_stack(partial(_read, path, data))


def _read(path: Path, data: bytes) -> Source:
    try:
        found = outline(data)
        source = _by_chunk(path, found) if found is not None else None
        return source or _as_a_whole(path, data)
    except RecursionError:
        raise _refusal(path, data) or Unreadable(path, 1, 1, _TOO_DEEP) from None
    except BaseException as error:  # noqa: BLE001 - what is not LibCST's is raised again
        raise _unreadable(path, data, error) from None


def _unreadable(path: Path, data: bytes, error: BaseException) -> Unreadable:
    """What LibCST's error means. It raises many kinds, for a fault of its native parser one that is no Exception."""
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    return _refusal(path, data) or _libcst_refusal(path, error)


def _by_chunk(path: Path, found: Outline) -> Source | None:
    """A module of which definitions are read when they are asked for.

    None when LibCST refuses another chunk; what it says of the whole is clearer.
    """
    try:
        skeleton = _skeleton(found, found.top)
    except cst.ParserSyntaxError:
        return None
    return Source(path, skeleton, found, reader=Chunks(path, found))


@dataclass(frozen=True, slots=True)
class Chunks:
    """Reads the definitions of a module chunk by chunk: the `Reader` of its source."""

    path: Path
    outline: Outline

    def definition(self, number: int) -> Block:
        """A definition; of a class, the definitions in it are not read."""
        return self._read(_definition, number)

    def head(self, number: int) -> Block:
        """A definition without its body."""
        return self._read(_head, number)

    def _read(self, read_one: Callable[[Outline, int], Block], number: int) -> Block:
        try:
            return on_deep_stack(partial(read_one, self.outline, number))
        except cst.ParserSyntaxError as error:
            raise _libcst_refusal(self.path, error, self.outline.lines_above(number)) from None
        except RecursionError:
            raise Unreadable(self.path, self.outline.chunks[number].first, 1, _TOO_DEEP) from None


def _skeleton(found: Outline, numbers: Iterable[int]) -> Block:
    """A block, its definitions not read."""
    block: list[Statement] = []
    for number in numbers:
        name = found.chunks[number].name
        block += (DeferredDefinition(first_ordinal(number), name),) if name else _lowered(found, number).block
    return tuple(block)


def _head(found: Outline, number: int) -> Block:
    """A definition without its body."""
    statements = _lowered_text(found, found.head_module(number), number).block
    return tuple(msgspec.structs.replace(s, body=()) for s in statements if isinstance(s, FunctionDef | ClassDef))


def _definition(found: Outline, number: int) -> Block:
    """A definition; of a class, the definitions in it are not read."""
    chunk = found.chunks[number]
    statements = _lowered(found, number).block
    if chunk.body is None:
        return statements
    head, end = statements[0], first_ordinal(chunk.beyond) - 1
    if isinstance(head, FunctionDef):
        return (_long_function(found, head, chunk.body, end),)
    assert isinstance(head, ClassDef)
    return (msgspec.structs.replace(head, body=_skeleton(found, chunk.body), end=end),)


def _long_function(found: Outline, head: FunctionDef, numbers: Iterable[int], end: int) -> FunctionDef:
    """A function whose body is in chunks."""
    block: list[Statement] = []
    yields = False
    for number in numbers:
        if found.chunks[number].body is not None:
            block += _definition(found, number)
            continue
        part = _lowered(found, number)
        block += part.block
        yields = yields or part.yields
    return msgspec.structs.replace(head, body=tuple(block), is_generator=yields, end=end)


def _lowered(found: Outline, number: int) -> Lowered:
    """The facts of one chunk of a module."""
    return _lowered_text(found, found.module(number), number)


def _lowered_text(found: Outline, text: str, number: int) -> Lowered:
    """The facts of a chunk, or of its head, whose text as a module is given."""
    check_depth(text)
    _, block = parsed(text, len(found.preamble(number)))
    return lower(block, first_ordinal(number))


def _as_a_whole(path: Path, data: bytes) -> Source:
    text = data.decode()
    check_depth(text)
    return Source(path, lower(cst.parse_module(text).body).block, None, data)


def _libcst_refusal(path: Path, error: BaseException, lines_above: int = 0) -> Unreadable:
    """LibCST's own reason. It gives the place of most syntax errors in the message only."""
    if not isinstance(error, cst.ParserSyntaxError):
        return Unreadable(path, 1, 1, str(error) or type(error).__name__)
    reason = error.message.removeprefix("parser error: ")
    found = _LIBCST_PLACE.match(reason)
    if found is None:
        return Unreadable(path, lines_above + max(1, error.raw_line), 1, reason)
    return Unreadable(path, lines_above + int(found[1]), int(found[2]) + 1, reason[found.end() :])


def _refusal(path: Path, data: bytes) -> Unreadable | None:
    """The place and the reason that CPython gives, if it refuses the text."""
    text = data.decode()
    if "\0" in text:
        before = text[: text.index("\0")]
        column = len(before) - max(before.rfind("\n"), before.rfind("\r"))
        return Unreadable(path, len(LINE_END.findall(before)) + 1, column, "source code cannot contain null bytes")
    try:
        syntax_tree(text)
    except SyntaxError as error:
        return Unreadable(path, max(1, error.lineno or 1), max(1, error.offset or 1), error.msg)
    except (RecursionError, MemoryError):
        return Unreadable(path, 1, 1, _TOO_DEEP)
    except ValueError as error:
        return Unreadable(path, 1, 1, str(error))
    return None
