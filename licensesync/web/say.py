"""What a page says back."""

from django.contrib import messages
from django.http import HttpRequest


def done(request: HttpRequest, sentence: str, *, link: str = "") -> None:
    """Said on the next page. A link can be copied there, once: it travels in a signed cookie and is stored nowhere."""
    messages.success(request, sentence, extra_tags=link)


def refused(request: HttpRequest, sentence: str) -> None:
    messages.error(request, sentence)
