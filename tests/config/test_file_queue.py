"""Many processes send and take at once: each message is taken once, and whole."""

import multiprocessing
import tempfile
import time
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from licensesync.config.file_queue import SCHEME

PROCESSES, MESSAGES = 3, 400
QUEUE = Queue("short", Exchange("short"), routing_key="short")


def connection(folder: Path) -> Connection:
    options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder / "control"}
    return Connection(f"{SCHEME}://localhost//", transport_options=options)


def send(folder: Path) -> None:
    with connection(folder) as broker:
        producer = broker.Producer()
        for number in range(MESSAGES):
            producer.publish({"number": number}, exchange=QUEUE.exchange, routing_key="short", declare=[QUEUE])


def take(folder: Path, temporary: Path, all_are_sent: Event, taken: "Synchronized[int]") -> None:
    """Ends with a traceback, and a process that failed, where a message is not whole."""
    tempfile.tempdir = str(temporary)
    with connection(folder) as broker:
        channel: Any = broker.channel()
        while True:
            was_last = all_are_sent.is_set()
            try:
                channel._get("short")
            except Empty:
                if was_last:
                    return
                time.sleep(0.001)
            else:
                with taken.get_lock():
                    taken.value += 1


@pytest.mark.parametrize("elsewhere", ["/tmp", "/dev/shm"])
def test_no_message_is_lost_or_torn(tmp_path: Path, elsewhere: str) -> None:
    if not Path(elsewhere).is_dir():
        pytest.skip(f"there is no {elsewhere}")
    processes = multiprocessing.get_context("spawn")
    (tmp_path / "control").mkdir()
    all_are_sent, taken = processes.Event(), processes.Value("i", 0)
    takers = [
        processes.Process(target=take, args=(tmp_path, Path(elsewhere), all_are_sent, taken)) for _ in range(PROCESSES)
    ]
    senders = [processes.Process(target=send, args=(tmp_path,)) for _ in range(PROCESSES)]
    for process in takers + senders:
        process.start()
    for process in senders:
        process.join()
    all_are_sent.set()
    for process in takers:
        process.join()
    assert [process.exitcode for process in takers + senders] == [0] * 2 * PROCESSES
    assert taken.value == PROCESSES * MESSAGES
    assert not list(tmp_path.glob("*.msg"))
