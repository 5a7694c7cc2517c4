"""Count words in a part of a file. It computes and blocks, so it runs in processes of its own, which import no more."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO


def shards(size: int, shard_size: int) -> list[tuple[int, int]]:
    """Begin and end, in bytes, of the parts of a file."""
    return [(begin, min(begin + shard_size, size)) for begin in range(0, size, shard_size)]


def count_words(path: Path, begin: int, end: int) -> Counter[str]:
    """How often each word occurs in a part of a UTF-8 file, in lower case. A word belongs to the part it begins in."""
    with path.open("rb") as file:
        begin, end = uncut(file, begin), uncut(file, end)
        file.seek(begin)
        return Counter(file.read(end - begin).decode().lower().split())


def uncut(file: BinaryIO, place: int) -> int:
    """The first place from here on where no word is cut: behind a space, or an end of the file."""
    if place == 0:
        return 0
    file.seek(place - 1)
    while chunk := file.read(4096):
        if space := re.search(rb"\s", chunk):
            return file.tell() - len(chunk) + space.end()
    return file.tell()


def summary(parts: Iterable[Counter[str]]) -> dict[str, object]:
    """The counts of a whole file, from those of its parts."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return {"words": total.total(), "distinct": len(total), "most_common": total.most_common(10)}
