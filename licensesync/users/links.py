"""The links that are handed out to people."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.http import HttpRequest

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
    return urljoin(address, path)


@contextmanager
def running_at(address: str) -> Iterator[None]:
    """While this lasts, commands find the address in the data directory."""
    _address_file().write_text(address)
    try:
        yield
    finally:
        _address_file().unlink(missing_ok=True)


def _address_file() -> Path:
    return Path(settings.DATA_DIR) / "address"
