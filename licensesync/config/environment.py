"""Typed readers of the environment. A wrong value stops the start with a sentence; nothing is guessed.

`NAME_FILE` may name a file that holds the value of `NAME` (secrets of a container).
"""

import contextlib
import ipaddress
import math
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

# Commands that make nothing out of nothing: without a data directory there is nothing for them to do.
OF_SOMETHING_THERE = (
    "alive", "backup", "connect", "consumed_licenses", "delete_account", "delete_enterprise", "doctor", "import_usage",
    "move_to_postgresql", "reset_password", "rotate_keys", "sync",
)  # fmt: skip

WEB = ("http", "https")


def text(name: str, default: str = "") -> str:
    if file := os.environ.get(f"{name}_FILE"):
        try:
            return Path(file).read_text("utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {file}, which can't be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {file}, which is not text in UTF-8.") from error
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value not in ("true", "false", "1", "0", "yes", "no"):
        raise ImproperlyConfigured(f"{name} is {value!r}; use true or false.")
    return value in ("true", "1", "yes")


def number(name: str, default: float, *, at_least: float = 0, at_most: float = math.inf) -> float:
    value = text(name, str(default))
    try:
        result = float(value)
        if math.isinf(result):
            raise ValueError
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; use a number.") from None
    if not result >= at_least:
        raise ImproperlyConfigured(f"{name} is {value}; use {at_least:g} or more.")
    if result > at_most:
        raise ImproperlyConfigured(f"{name} is {value}; use {at_most:g} or less.")
    return result


def whole_number(name: str, default: int, *, at_least: int = 0, at_most: float = math.inf) -> int:
    result = number(name, default, at_least=at_least, at_most=at_most)
    if not result.is_integer():
        raise ImproperlyConfigured(f"{name} is {result}; use a whole number.")
    return int(result)


def listing(name: str) -> list[str]:
    return [word.strip() for word in text(name).split(",") if word.strip()]


def hosts(name: str) -> list[str]:
    found = listing(name)
    for each in found:
        if "/" in each or re.search(r":\d*$", each):
            raise ImproperlyConfigured(
                f"{name}: {each!r} is no host name; write it like licenses.example.com, without a port."
            )
    return found


def places(name: str) -> tuple[str, ...]:
    """Host names, `*.domain`, addresses and networks. What is mistyped would be a host name that nobody has."""
    found = listing(name)
    for each in found:
        try:
            if "/" in each:
                ipaddress.ip_network(each, strict=False)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: {each!r} is no network; write hosts and networks like ghes.example.com, 10.0.0.0/8."
            ) from None
    return tuple(found)


def address(name: str, value: str, *, schemes: Sequence[str], example: str) -> SplitResult:
    """What NAME says, in its parts; with "" among the schemes it may be a path. "" is no address, and not wrong.

    A wrong one is not repeated: it may hold a password.
    """
    wrong = ImproperlyConfigured(f"{name} is no such address; write it like {example}.")
    try:
        parts = urlsplit(value)
        is_whole = bool(parts.scheme) or (parts.path.startswith("/") and not parts.netloc)
        if value and not (parts.scheme in schemes and is_whole):
            raise wrong
        if parts.scheme in WEB and (not parts.hostname or parts.port == 0):  # that it is no number is said here as well
            raise wrong
    except ValueError:
        raise wrong from None
    return parts


def data_directory() -> Path:
    """The one folder with everything a fresh start creates: database, key, uploads, queue. Only we may read it."""
    directory = _data_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"The data directory {directory} can't be made: {error.strerror}.") from error
    return directory


def refuse_mistyped_directory(argv: Sequence[str]) -> None:
    """Before settings make the data directory: a command that needs one was told one that is not there. Where database
    and keys are elsewhere it needs none."""
    directory = _data_directory()
    if text("DATABASE_URL") and text("LICENSESYNC_SECRET_KEY") and text("LICENSESYNC_ENCRYPTION_KEYS"):
        return
    if {*argv[1:2]} & {*OF_SOMETHING_THERE} and not {"-h", "--help"} & {*argv} and not directory.exists():
        raise ImproperlyConfigured(
            f"There is no data directory {directory}. Check --data-dir, or make it with manage.py up."
        )


def _data_directory() -> Path:
    return Path(text("LICENSESYNC_DATA_DIR", "var")).absolute()


def secret_key(directory: Path) -> str:
    """LICENSESYNC_SECRET_KEY, else a key that is generated once and kept in the data directory."""
    if given := text("LICENSESYNC_SECRET_KEY"):
        if len(given) < 32:
            raise ImproperlyConfigured("LICENSESYNC_SECRET_KEY is too short to be one; make it: openssl rand -hex 32")
        return given
    file = directory / "secret-key"
    key = _kept(file, lambda: secrets.token_urlsafe(50))
    if len(key) < 50:
        raise ImproperlyConfigured(f"{file} does not hold a whole key. Remove it, and everybody signs in again.")
    return key


def encryption_keys(directory: Path) -> list[str]:
    """LICENSESYNC_ENCRYPTION_KEYS, else a key that is generated once and kept in the data directory."""
    keys = listing("LICENSESYNC_ENCRYPTION_KEYS")
    where = "LICENSESYNC_ENCRYPTION_KEYS"
    if not keys:
        file = directory / "encryption-key"
        keys, where = [_kept(file, lambda: Fernet.generate_key().decode())], str(file)
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"{where} holds something that is no key. A key is 32 random bytes in URL-safe base64: openssl rand "
                "-base64 32 | tr '+/' '-_'"
            ) from None
    return keys


def _kept(file: Path, make: Callable[[], str]) -> str:
    """What a file holds; what `make` gives when there is none yet."""
    try:
        if not file.exists():
            # Written whole before it gets its name: of two programs that start at once, both read the same key.
            with tempfile.NamedTemporaryFile("w", dir=file.parent) as new:
                new.write(make())
                new.flush()
                with contextlib.suppress(FileExistsError):
                    os.link(new.name, file)
        return file.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"The key {file} can't be used: {error.strerror}. Check who owns it.") from error
