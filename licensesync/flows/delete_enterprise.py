"""Delete enterprise: at once nobody sees it any more, and then everything that is stored of it goes.

From top to bottom: `request_deletion` ends every way to it and returns; a worker deletes its rows in short turns, the
enterprise last. It may be begun anew at any time: by the message, or within an hour where that got lost (`forget`).
"""

import structlog
from django.db import transaction

from licensesync.enterprises import services as enterprises
from licensesync.enterprises.models import Connection, Enterprise
from licensesync.flows import payloads, queue
from licensesync.licenses import services as licenses
from licensesync.syncing import services as syncing
from licensesync.syncing.models import UsageFile
from licensesync.usage import services as usage
from licensesync.usage.models import OPEN

log = structlog.get_logger()


def request_deletion(enterprise: Enterprise) -> None:
    """Have an enterprise deleted with everything that is stored of it. What it does at the moment is canceled."""
    with transaction.atomic():
        enterprises.give_up(enterprise)
        syncing.cancel_all(enterprise)  # from here on nobody connects any of its instances
        Connection.objects.filter(deployment__enterprise=enterprise).delete()
        queue.delete_enterprise(enterprise.pk)


def delete(enterprise_id: int) -> None:
    """Carry a requested deletion out, or on."""
    enterprise = Enterprise.objects.filter(pk=enterprise_id, deleted_at__isnull=False).first()
    if enterprise is None:
        return
    licenses.end_counts(enterprise)
    rows = usage.forget_superseded(enterprise, OPEN) + licenses.forget_enterprise(enterprise)
    payloads.delete(UsageFile.objects.filter(enterprise=enterprise).values_list("stored_name", flat=True))
    enterprise.delete()
    log.info("enterprise_deleted", rows=rows)
