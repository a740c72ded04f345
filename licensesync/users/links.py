"""The links that are handed out to people."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.http import HttpRequest
from django.urls import get_script_prefix

DEFAULT_ADDRESS = "http://127.0.0.1:8000"


def absolute(request: HttpRequest, path: str) -> str:
    """The whole address of a path, as people type it."""
    return urljoin(settings.LICENSESYNC_URL, path) if settings.LICENSESYNC_URL else request.build_absolute_uri(path)


def absolute_in_command(path: str) -> str:
    """The same for a command, which has no request: by the address at which `up` says that it runs."""
    address = settings.LICENSESYNC_URL
    if not address:
        try:
            address = _address_file().read_text()
        except FileNotFoundError:
            address = DEFAULT_ADDRESS
    # The address ends with the path that a proxy puts before ours; this command may know of none.
    return address + path.removeprefix(get_script_prefix().rstrip("/"))


@contextmanager
def running_at(address: str) -> Iterator[None]:
    """While this lasts, commands find the address in the data directory."""
    file = _address_file()
    file.write_text(address)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            if file.read_text() == address:  # not that of another machine that shares the directory
                file.unlink()


def _address_file() -> Path:
    return Path(settings.DATA_DIR) / "address"
