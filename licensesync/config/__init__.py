"""Where the product is put together. This module only finds the data directory, before settings are read."""

import os
from pathlib import Path


def data_dir_from(argv: list[str]) -> list[str]:
    """Move `--data-dir DIR` (or `--data-dir=DIR`) of any command into LICENSESYNC_DATA_DIR; the rest comes back."""
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, _, value = word.partition("=")
        if name != "--data-dir":
            rest.append(word)
            continue
        directory = value or next(words, "")
        if not directory:
            raise SystemExit("--data-dir needs a directory, for example: --data-dir /srv/licensesync")
        os.environ["LICENSESYNC_DATA_DIR"] = str(Path(directory).absolute())
        os.environ.pop("LICENSESYNC_DATA_DIR_FILE", None)  # which would be read first
    return rest
