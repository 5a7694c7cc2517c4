"""Bytes to text, as Python decodes a source file. Everything after works on the result, which is valid UTF-8."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

from fastapi_bgtask_lint.reading.outline import syntax_tree
from fastapi_bgtask_lint.reading.unreadable import Unreadable

LINE_END = re.compile("\r\n?|\n")
_COOKIE = re.compile(rb"[ \t\f]*#[^\r\n]*?coding[:=]")


def decoded(path: Path, data: bytes) -> bytes:
    """A file's text in UTF-8, without a byte order mark; most often the bytes themselves.

    CPython imports a file with bytes that do not decode where these stand in a comment: they are replaced.

    Raises:
        Unreadable: CPython cannot decode it either.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return _with_replacements(path, data, error)
    return data if encoding == "utf-8" else text.encode("utf-8", "replace")


def _with_replacements(path: Path, data: bytes, error: Exception) -> bytes:
    try:
        syntax_tree(data)
    except SyntaxError as refused:
        raise _undecodable(path, data, error, refused.msg) from None
    except (ValueError, LookupError, RecursionError, MemoryError):
        raise _undecodable(path, data, error, str(error)) from None
    return data.decode("utf-8", "replace").encode()


def _undecodable(path: Path, data: bytes, error: Exception, reason: str) -> Unreadable:
    """Where the first byte stands that does not decode, or the line that names an encoding that does not exist."""
    found = error if isinstance(error, UnicodeDecodeError) and error.object == data else _not_utf_8(data)
    if found is not None:
        before = data[: found.start].decode(found.encoding, "replace")
        return Unreadable(path, len(LINE_END.findall(before)) + 1, len(LINE_END.split(before)[-1]) + 1, reason)
    named = next((number for number, line in enumerate(data.splitlines()[:2], 1) if _COOKIE.match(line)), 1)
    return Unreadable(path, named, 1, reason)


def _not_utf_8(data: bytes) -> UnicodeDecodeError | None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error
    return None
