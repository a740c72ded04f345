"""The links that are handed out to people."""

from urllib.parse import urljoin

from django.conf import settings
from django.http import HttpRequest


def absolute(request: HttpRequest, path: str) -> str:
    """The whole address of a path, as people type it."""
    return urljoin(settings.LICENSESYNC_URL, path) if settings.LICENSESYNC_URL else request.build_absolute_uri(path)
