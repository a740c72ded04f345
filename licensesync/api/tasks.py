"""What workers do for the API."""

from celery import shared_task

from licensesync.api import idempotency


@shared_task(name="licensesync.forget_answers")
def forget_answers() -> None:
    idempotency.forget_answers()
