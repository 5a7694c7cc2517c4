"""Real applications from PyPI, as files to read."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LIST = Path(__file__).with_name("corpus.txt")


def corpus(folder: Path) -> list[Path]:
    """The applications of the list, each in a folder of its own below this one; downloaded where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return [application(folder, line) for line in LIST.read_text().split()]


def application(folder: Path, requirement: str) -> Path:
    """The folder of one application."""
    place = folder / requirement.replace("==", "-")
    if not place.exists():
        with tempfile.TemporaryDirectory() as downloads:
            command = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.11"]
            subprocess.run([sys.executable, "-m", "pip", *command, "-d", downloads, requirement], check=True)
            (wheel,) = Path(downloads).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(place, [name for name in archive.namelist() if name.endswith(".py")])
    return place
