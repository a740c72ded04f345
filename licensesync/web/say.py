"""What a page says back, and the links that it hands out."""

from urllib.parse import urljoin

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest


def done(request: HttpRequest, sentence: str, *, link: str = "") -> None:
    """Said on the next page. A link can be copied there, once: it travels in a signed cookie and is stored nowhere."""
    messages.success(request, sentence, extra_tags=link)


def refused(request: HttpRequest, sentence: str) -> None:
    messages.error(request, sentence)


def absolute(request: HttpRequest, path: str) -> str:
    """The whole address of a path, as people type it."""
    return urljoin(settings.LICENSESYNC_URL, path) if settings.LICENSESYNC_URL else request.build_absolute_uri(path)
