"""Idempotency-Key: a request that creates something can be sent again, and does it once.

The first request with a key leaves its answer; the same one within a day gets that answer, another one is refused.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api.errors import Conflict
from licensesync.api.models import RememberedAnswer
from licensesync.api.tokens import token_of
from licensesync.flows.mishaps import is_cut_off

HEADER = "Idempotency-Key"
USED = "This key was used for another request. Use a new one."
REMEMBERED_FOR = timedelta(days=1)
ANSWERED_WITHIN = timedelta(minutes=15)  # whoever has not answered by then never will; the key is free again


def once(request: Request, create: Callable[[], Response], *, is_same: Callable[[Any], bool] | None = None) -> Response:
    """What `create` answers, or what it answered to the same request before.

    `is_same` is for a body that is a stream: whether it is the one that an answer was given to. Before that is asked,
    address and length have to be the same.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return create()
    if len(key) > 255 or not key.isprintable():
        raise ValidationError({HEADER: "At most 255 printable characters."})
    row = _begin(request, key, _fingerprint(request, reads_body=is_same is None))
    if row.status is not None:
        if is_same and not is_same(row.body):
            raise ValidationError({HEADER: USED})
        response = Response(row.body, status=row.status, headers={"Idempotent-Replayed": "true"})
        if row.location:
            response["Location"] = row.location
        return response
    try:
        response = create()
    except BaseException as error:
        if is_cut_off(error):
            connection.close()  # a new one forgets it
        RememberedAnswer.objects.filter(pk=row.pk).delete()
        raise
    row.status, row.body, row.location = response.status_code, response.data, response.get("Location", "")
    row.save()
    return response


def _begin(request: Request, key: str, fingerprint: str) -> RememberedAnswer:
    """The row of this key: a new one to be answered, or one that has its answer."""
    now = timezone.now()
    token = token_of(request)
    ours = RememberedAnswer.objects.filter(token=token)
    ours.filter(created_at__lt=now - REMEMBERED_FOR).delete()
    ours.filter(created_at__lt=now - ANSWERED_WITHIN, status__isnull=True).delete()
    try:
        with transaction.atomic():
            return RememberedAnswer.objects.create(token=token, key=key, fingerprint=fingerprint)
    except IntegrityError:
        row = ours.filter(key=key).first()
    if row is None or (row.status is None and row.fingerprint == fingerprint):
        raise Conflict("The first request with this Idempotency-Key is still being answered.")
    if row.fingerprint != fingerprint:
        raise ValidationError({HEADER: USED})
    return row


def forget_answers() -> None:
    """Once an hour: the answers that nobody is given any more. They name files and servers of an enterprise."""
    RememberedAnswer.objects.filter(created_at__lt=timezone.now() - REMEMBERED_FOR).delete()


def _fingerprint(request: Request, reads_body: bool) -> str:
    body = request.body if reads_body else request.headers.get("Content-Length", "").encode()
    asked = f"{request.method} {request.get_full_path()}\n".encode() + body
    return hashlib.sha256(asked).hexdigest()
