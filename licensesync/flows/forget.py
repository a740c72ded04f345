"""Once an hour: what nobody needs any more is deleted. `docs/security.md` tells what is kept for how long."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import structlog
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from licensesync.enterprises import audit_log
from licensesync.enterprises import services as enterprises
from licensesync.enterprises.models import Enterprise
from licensesync.enterprises.queries import enterprises_given_up
from licensesync.flows import delete_enterprise, mail_password_link, payloads
from licensesync.licenses import services as licenses
from licensesync.licenses.queries import generation_superseded_before
from licensesync.syncing import forgetting
from licensesync.usage import services as usage

log = structlog.get_logger()

INVITATION_RETENTION = timedelta(days=30)  # after it ran out: so long an owner may want to make a new link of it


def forget_old() -> None:
    """Delete the bytes of old files, rows of superseded counts, old history, and what of people is of no use any more:
    sessions and invitations that ran out, and tries that nobody counts; then what is left of deleted enterprises."""
    now = timezone.now()
    for forget_files in (forget_payloads, forget_fetches, forget_torn_messages):
        try:
            forget_files()
        except OSError:  # a file that can't be deleted is no reason to keep what is in the database
            log.exception("files_not_forgotten")
    for enterprise in Enterprise.objects.all():
        generation = generation_superseded_before(enterprise, now - timedelta(seconds=settings.SUPERSEDED_SECONDS))
        if generation:
            rows = usage.forget_superseded(enterprise, generation) + licenses.forget_superseded(enterprise, generation)
            if rows:
                log.info("forgot_superseded", enterprise=enterprise.slug, rows=rows)
    forgetting.forget_history(before=now - settings.HISTORY_RETENTION)
    licenses.forget_history(before=now - settings.HISTORY_RETENTION)
    audit_log.forget(before=now - settings.HISTORY_RETENTION)
    mail_password_link.forget_requests()
    enterprises.forget_invitations(run_out_before=now - INVITATION_RETENTION)
    SessionStore.clear_expired()
    AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
    for enterprise_id in enterprises_given_up():
        delete_enterprise.delete(enterprise_id)


def forget_payloads() -> None:
    """Delete the bytes of files that are decided and old, and bytes that no row knows (of an upload that broke off)."""
    for file in forgetting.files_to_empty(before=timezone.now() - settings.PAYLOAD_RETENTION):
        payloads.delete([file.stored_name])
        forgetting.empty(file)
    for folder in (settings.UPLOADS_DIR, settings.FILE_UPLOAD_TEMP_DIR):
        left = _left_for_an_hour(folder)
        known = forgetting.stored_names(entry.name for entry in left)
        for entry in left:
            if entry.name not in known:
                Path(entry).unlink(missing_ok=True)


def _left_for_an_hour(folder: Path) -> list[os.DirEntry[str]]:
    an_hour_ago = (timezone.now() - timedelta(hours=1)).timestamp()
    return [entry for entry in os.scandir(folder) if _is_left_since(entry, an_hour_ago)]


def _is_left_since(entry: os.DirEntry[str], moment: float) -> bool:
    try:
        return entry.is_file() and entry.stat().st_mtime < moment
    except FileNotFoundError:  # whoever wrote it has put it away meanwhile
        return False


def forget_fetches() -> None:
    """Delete what jobs had fetched that went no further: failed, canceled, or deleted with their deployment."""
    left = {int(folder.name): folder for folder in settings.FETCHES_DIR.iterdir() if folder.name.isdecimal()}
    for job_id in left.keys() - forgetting.open_among(left.keys()):
        shutil.rmtree(left[job_id], ignore_errors=True)


def forget_torn_messages() -> None:
    """Delete what is left in the queue of files of those who were killed while they put a message there or took it; the
    sweep has had it sent again."""
    folder = settings.QUEUE_DIR / "messages"
    for entry in _left_for_an_hour(folder) if folder.is_dir() else ():
        if not entry.name.endswith(".msg"):
            Path(entry).unlink(missing_ok=True)
