"""A file's lines, for whoever looks at its text: the comments in it, the excerpts of a report."""

from __future__ import annotations

import io
import tokenize


def decoded_lines(data: bytes) -> list[str]:
    """A file's lines as Python and flake8 count them, each with its end, a byte order mark left out.

    Text that is not in the encoding that it declares is taken for Latin-1, so that it can be shown at all.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = data.decode("latin-1")
    return list(io.StringIO(text.removeprefix("\ufeff"), newline=None))
