"""Every few seconds, and when a worker starts: nothing that waits is forgotten, nothing that runs runs for ever."""

from datetime import timedelta

import structlog

from licensesync.flows import queue
from licensesync.syncing import clock, queries, services
from licensesync.users.queries import password_link_requests_waiting_since

log = structlog.get_logger()

# A file is looked at, and a mail sent, within seconds; what still waits after this has lost its message or its worker.
PATIENCE = timedelta(seconds=20)


def sweep() -> None:
    """Take jobs from workers that are gone, and send what waits and has no message any more."""
    for job in services.reap_stalled():
        log.warning("job_reaped", job=job.pk, attempts=job.attempts)
    queue.run_due_jobs()
    long_ago = clock.now() - PATIENCE
    files = queries.files_waiting_since(long_ago)
    mails = password_link_requests_waiting_since(long_ago)
    if not queue.missing_messages(queue.SHORT, waiting=len(files) + len(mails)):
        return  # nothing waits, or nobody has come to it yet
    for file_id in files:
        queue.recognise_file(file_id)
    for request_id in mails:
        queue.mail_password_link(request_id)
