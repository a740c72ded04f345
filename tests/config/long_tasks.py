"""A task that keeps a worker's process busy for as long as a test likes."""

import time
import uuid
from pathlib import Path

from celery import shared_task


@shared_task(name="tests.hold")
def hold(folder: str) -> None:
    """Say that it is at work with a file of its own, until there is a file `let-go`."""
    Path(folder, f"held-{uuid.uuid4()}").touch()
    while not Path(folder, "let-go").exists():
        time.sleep(0.1)
