"""What was read of files in earlier runs, by their content: then neither CPython's parser nor LibCST's is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from fastapi_bgtask_lint.reading.decoding import decoded
from fastapi_bgtask_lint.reading.outline import Chunk, Outline
from fastapi_bgtask_lint.reading.source import Block, Parts, Reader, Source


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What was read of one content."""

    chunks: tuple[Chunk, ...]
    top: tuple[int, ...]
    skeleton: Block
    parts: Parts


class FactsCache:
    """The records of earlier runs, and the sources of this one."""

    def __init__(self, kept: Mapping[bytes, msgspec.Raw] | None = None) -> None:
        self._kept = dict(kept or {})
        self._sources: dict[bytes, Source] = {}
        self._sizes: dict[bytes, int] = {}

    def source(self, path: Path, data: bytes) -> Source:
        """Reads a module.

        Raises:
            Unreadable: it can't be decoded or parsed, or nests deeper than the parser can bear.
        """
        digest = blake2b(data, digest_size=16).digest()
        text = decoded(path, data)
        source = self._restored(path, text, digest)
        if source is None:
            from fastapi_bgtask_lint.reading.parser import read  # and LibCST with it, when there is something to parse

            source = read(path, text)
        self._sources[digest] = source
        return source

    def _restored(self, path: Path, text: bytes, digest: bytes) -> Source | None:
        kept = self._kept.get(digest)
        if kept is None:
            return None
        try:
            record = _decoder().decode(kept)
        except (msgspec.MsgspecError, RecursionError):
            return None
        outline = Outline.of(text, record.chunks, record.top)
        self._sizes[digest] = record.parts.size
        return Source(path, record.skeleton, outline, reader=_LaterReader(path, outline), parts=record.parts)

    @property
    def has_grown(self) -> bool:
        """More was read than there are records of."""
        return any(self._is_more(digest, source) for digest, source in self._sources.items())

    def _is_more(self, digest: bytes, source: Source) -> bool:
        return source.outline is not None and source.parts.size > self._sizes.get(digest, -1)

    def records(self) -> dict[bytes, msgspec.Raw]:
        """What is worth keeping: the records of the contents that were asked for in this run."""
        return {digest: self._record(digest, source) for digest, source in self._sources.items() if _is_kept(source)}

    def _record(self, digest: bytes, source: Source) -> msgspec.Raw:
        outline = source.outline
        if outline is None or not self._is_more(digest, source):
            return self._kept[digest]
        return msgspec.Raw(msgspec.msgpack.encode(Record(outline.chunks, outline.top, source.skeleton, source.parts)))


class _LaterReader:
    """Reads what no earlier run has asked for."""

    def __init__(self, path: Path, outline: Outline) -> None:
        self._path = path
        self._outline = outline

    def definition(self, number: int) -> Block:
        """As a reader's."""
        return self._reader().definition(number)

    def head(self, number: int) -> Block:
        """As a reader's."""
        return self._reader().head(number)

    def _reader(self) -> Reader:
        from fastapi_bgtask_lint.reading.parser import Chunks  # and LibCST with it

        return Chunks(self._path, self._outline)


def _is_kept(source: Source) -> bool:
    """What could be read without trouble is: the reasons why something could not are found again."""
    return source.outline is not None and not source.refused


@cache
def _decoder() -> msgspec.msgpack.Decoder[Record]:
    return msgspec.msgpack.Decoder(Record)
