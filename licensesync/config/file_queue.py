"""The queue of files, as kombu has it, but safe for many processes at once.

Kombu writes a message where others already look for it, and takes it by moving it to the system's directory for
temporary files, which copies it where that is another file system: it may be taken while it is still empty, or twice.
Then it is lost, and whoever took it stops with a JSONDecodeError. Here a message gets its name when it is whole, and is
taken by renaming it where it is. The files that say which queue an exchange leads to are written and read by one
process at a time.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps, loads

SCHEME = "licensesync-files"


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        # Sorted by name they are taken in the order in which they came.
        whole = Path(self.data_folder_out) / f"{time_ns()}_{uuid.uuid4()}.{queue}.msg"
        written = whole.with_suffix(".part")
        written.write_bytes(str_to_bytes(dumps(payload)))
        written.rename(whole)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - a Path for each of many messages takes long
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f"{name}.taken"
            try:
                (folder / name).rename(taken)
                message = taken.read_bytes()
                taken.unlink()
            except FileNotFoundError:  # somebody was faster, or took it for one that was left
                continue
            return loads(message)
        raise Empty

    def get_table(self, exchange: str) -> Any:
        with self._one_at_a_time():
            return super().get_table(exchange)

    def _queue_bind(self, *binding: Any) -> None:
        with self._one_at_a_time():
            super()._queue_bind(*binding)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        self.control_folder.mkdir(exist_ok=True)
        with (self.control_folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
