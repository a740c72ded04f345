"""Files taken in at once, in the foreground, for scripts: what `receive_usage` and a worker do one after the other."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from licensesync.enterprises.models import Enterprise
from licensesync.flows import run_job
from licensesync.flows.decide import decide
from licensesync.flows.receive_usage import lists_of, look_at, store_file
from licensesync.syncing import services as syncing
from licensesync.syncing.models import LicenseSyncJob, Trigger, UsageFile


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of files in the foreground: `file` and `job` as they are now, `seconds` of work."""

    file: UsageFile
    job: LicenseSyncJob | None
    seconds: float


def import_files(
    *,
    enterprise: Enterprise,
    paths: Sequence[Path],
    host: str = "",
    accept_older: bool = False,
    accept_shrink: bool = False,
) -> Iterator[Imported]:
    """Take files in, one list after the other, in this process; the pages of a cloud list count as one.

    `host`: the instance that they are from, as in `receive_file`. Nobody can be asked here: a file with a question is
    refused with the sentence that names the option. ExpectedError(BEING_DELETED): the instance was deleted meanwhile.
    """
    batch = uuid.uuid4()
    try:
        yield from _import(
            paths, enterprise=enterprise, batch=batch, host=host, accept_older=accept_older, accept_shrink=accept_shrink
        )
    except KeyboardInterrupt:
        syncing.give_up(batch)
        raise


def _import(paths: Sequence[Path], **facts: Any) -> Iterator[Imported]:
    files = []
    for path in paths:
        with path.open("rb") as content:
            file = store_file(
                content,
                name=path.name,
                uploaded_by=None,
                batch_size=len(paths),
                trigger=Trigger.SCRIPT,
                **facts,
            )
        look_at(file)
        files.append(file)
    jobs: dict[int, LicenseSyncJob | None] = {}
    seconds: dict[int, float] = {}
    for together in lists_of(files[0]) if files else ():
        started = time.monotonic()
        job = decide(together) or _job_of(together[0])
        if job is not None:
            run_job.run_to_the_end(job)
        for file in together:
            jobs[file.pk], seconds[file.pk] = job, time.monotonic() - started
    for file in files:
        file.refresh_from_db()
        yield Imported(file, jobs.get(file.pk), seconds.get(file.pk, 0.0))


def _job_of(file: UsageFile) -> LicenseSyncJob | None:
    """The job that a worker has made meanwhile: the sweep lets one decide about a file that waits for long."""
    file.refresh_from_db()
    return file.job
