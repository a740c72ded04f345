"""A worker is free. The message only said that a job waits; which one is next is decided here and now."""

import structlog

from licensesync.flows import take_in
from licensesync.syncing import order


def run_next(announced: int) -> None:
    """Work on the waiting job whose turn it is: of those for which nobody waits only if the announced one is such.

    So a worker that is kept for people (queue `interactive`) never takes a scheduled job, while the others take
    what people wait for first.
    """
    takes_all = order.is_unattended(announced)
    for job in order.due_jobs():
        if job.is_unattended and not takes_all:
            continue
        if job.id != announced:  # what is logged of it is not the doing of the request that announced the other
            structlog.contextvars.unbind_contextvars("request")
        if take_in.run_job(job.id):
            return
