"""What is known of a project from the last run, kept in a folder of the project.

It is data only, signed with a secret of the user's: a file that is damaged, foreign or put there by somebody else is as
good as none. Whatever goes wrong here costs time and nothing else.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from fastapi_bgtask_lint.dependencies import Dependencies
from fastapi_bgtask_lint.discovery import NO_STAMP, Seed, Stamp, stamp
from fastapi_bgtask_lint.findings import Finding
from fastapi_bgtask_lint.settings import Settings

T = TypeVar("T")

FOLDER = ".fastapi_bgtask_lint_cache"

_SIGNATURE = 32
_GREATEST = 256 * 1024 * 1024
_KEPT = 8
"""Files in a cache folder: one for each set of settings that is in use."""
_RACY_NS = 2_000_000_000
"""A file that was changed less than this before it was looked at may change again without another stamp."""
_MANY = 200
"""Changed files beyond which the project is judged again without asking whether they matter."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file, as it was when it was read."""

    stamp: Stamp
    digest: bytes
    seed: Seed


class Snapshot(msgspec.Struct, frozen=True):
    """A project, as it was when it was judged."""

    files: dict[str, Entry]
    dependencies: Dependencies
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Survey:
    """The files of a project now, against the last snapshot. Paths are absolute."""

    files: dict[str, Entry]
    changed: dict[str, bytes | None]
    """The content of what is new or other than it was; None for what is gone. Empty where nothing was known."""
    restamped: bool
    """Some files have another stamp and the same content."""

    @property
    def differs(self) -> bool:
        """A new snapshot is worth its while."""
        return self.restamped or bool(self.changed)

    @property
    def seeds(self) -> list[Path]:
        """The files that can hold a registration, in order; helpers register nothing where no file knows of tasks."""
        seeds = sorted(path for path, entry in self.files.items() if entry.seed)
        return [Path(path) for path in seeds] if any(self.files[path].seed is Seed.SURE for path in seeds) else []


def survey(listing: Mapping[str, Stamp], known: Mapping[str, Entry], read: Callable[[str], bytes | None]) -> Survey:
    """Look at what has another stamp than before. What cannot be read is not among the files."""
    files: dict[str, Entry] = {}
    changed: dict[str, bytes | None] = {path: None for path in known if path not in listing}
    young = time.time_ns() - _RACY_NS
    restamped = False
    for path, now in listing.items():
        before = known.get(path)
        if before is not None and before.stamp == now:
            files[path] = before
            continue
        text = read(path)
        if text is None:
            if before is not None:
                changed[path] = None
            continue
        digest = blake2b(text, digest_size=16).digest()
        trusted = now if now.mtime_ns < young else NO_STAMP
        if before is not None and before.digest == digest:
            files[path] = Entry(trusted, digest, before.seed)
            restamped = True
            continue
        files[path] = Entry(trusted, digest, Seed.of(text))
        if known:
            changed[path] = text if len(changed) < _MANY else b""
    return Survey(files, changed, restamped)


def still_holds(snapshot: Snapshot, now: Survey) -> bool:
    """Whether judging the project again would find the same."""
    if len(now.changed) >= _MANY:
        return False
    for path in now.changed:
        before, after = snapshot.files.get(path), now.files.get(path)
        if (before is not None and before.seed) or (after is not None and after.seed):
            return False
    return snapshot.dependencies.holds(now.changed)


def snapshot(now: Survey, findings: tuple[Finding, ...], dependencies: Dependencies) -> Snapshot:
    """A snapshot of what was found. Modules that are not among the project's files are known by their stamps."""
    for path in dependencies.modules - now.files.keys():
        dependencies.stamps[path] = stamp(path)
    return Snapshot(now.files, dependencies, findings)


@dataclass(frozen=True)
class Cache(Generic[T]):
    """A file that keeps something of one kind from run to run."""

    path: Path
    kind: type[T]
    key: bytes
    """What it is signed with."""

    def load(self) -> T | None:
        """What was stored last, if it is something that we wrote."""
        found = stamp(str(self.path))
        if found is None or found.size > _GREATEST:
            return None
        try:
            data = self.path.read_bytes()
            signature, payload = data[:_SIGNATURE], memoryview(data)[_SIGNATURE:]
            if not hmac.compare_digest(signature, self._signed(payload)):
                return None
            return msgspec.msgpack.decode(payload, type=self.kind, dec_hook=lambda kind, value: kind(value))
        except (OSError, MemoryError, msgspec.MsgspecError):
            return None

    def store(self, kept: T) -> None:
        """Keep something in place of the last. Of several runs at once the last one wins."""
        with suppress(OSError, UnicodeError, MemoryError, msgspec.MsgspecError):
            payload = msgspec.msgpack.encode(kept, enc_hook=_plain)
            folder = self.path.parent
            _prepare(folder)
            _replace(self.path, self._signed(payload) + payload)
            _prune(folder)

    def _signed(self, payload: bytes | memoryview) -> bytes:
        return blake2b(payload, digest_size=_SIGNATURE, key=self.key).digest()


def snapshot_cache(root: Path, settings: Settings) -> Cache[Snapshot] | None:
    """Where the snapshots of a project under some settings are kept; None where there is no secret to sign with."""
    meant = _meant_for(root, settings)
    key = _key(meant)
    name = blake2b(meant, digest_size=12).hexdigest()
    return None if key is None else Cache(root / FOLDER / f"{name}.bin", Snapshot, key)


def record_cache(root: Path) -> Cache[dict[bytes, msgspec.Raw]] | None:
    """Where the records of what was read of a project's files are kept, by content, whatever the settings."""
    key = _key(_meant_for(root))
    return None if key is None else Cache(root / FOLDER / "facts", dict[bytes, msgspec.Raw], key)


def _meant_for(root: Path, *under: object) -> bytes:
    """This program, the project, and all else that something is kept under."""
    return _program() + repr((str(root), *under)).encode("utf-8", "surrogatepass")


def _key(meant: bytes) -> bytes | None:
    """What is signed with: by this user, and for nothing else."""
    secret = _secret()
    return None if secret is None else blake2b(meant, digest_size=_SIGNATURE, key=secret).digest()


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


@cache
def _program() -> bytes:
    """This program, so that nothing of another version, or of one that is being worked on, is believed."""
    package = Path(__file__).parent
    sources = sorted(str(path) for pattern in ("*.py", "*/*.py", "*/*.toml") for path in package.glob(pattern))
    return blake2b(repr([(path, stamp(path)) for path in sources]).encode("utf-8", "surrogatepass")).digest()


@cache
def _secret() -> bytes | None:
    """The user's secret, made when it is first wanted."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "fastapi-bgtask-lint"
    path = folder / "secret"
    with suppress(OSError, RuntimeError):
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _replace(path, secrets.token_bytes(_SIGNATURE))
        secret = path.read_bytes()
        return secret if len(secret) == _SIGNATURE else None
    return None


def _prepare(folder: Path) -> None:
    if folder.is_symlink():
        raise OSError(f"{folder} is a link")
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that nobody sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.bin"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in files[_KEPT:]:
        path.unlink(missing_ok=True)
