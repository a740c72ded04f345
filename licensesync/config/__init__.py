"""Where the product is put together. This module has only what is needed before settings are read."""

import os
import tomllib
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]


def version() -> str:
    return str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"])


def data_dir_from(argv: list[str]) -> list[str]:
    """Move `--data-dir DIR` (or `--data-dir=DIR`) of any command into LICENSESYNC_DATA_DIR; the rest comes back."""
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, is_given, value = word.partition("=")
        if name != "--data-dir":
            rest.append(word)
            continue
        directory = value if is_given else next(words, "")
        if not directory:
            raise SystemExit("--data-dir needs a directory, for example: --data-dir /srv/licensesync")
        os.environ["LICENSESYNC_DATA_DIR"] = str(Path(directory).absolute())
        os.environ.pop("LICENSESYNC_DATA_DIR_FILE", None)  # which would be read first
    return rest
