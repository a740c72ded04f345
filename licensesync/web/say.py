"""What a page says back."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponseBase


class Messages(CookieStorage):
    """What is to be said, with links that let somebody in: in a cookie like the session's, named and sent as that one.

    Django's default sends it to every site of the host, and puts what doesn't fit into the session, which is stored.
    """

    cookie_name = f"{settings.SESSION_COOKIE_NAME}-messages"

    def _store(self, messages: list[Any], response: HttpResponseBase, *more: Any, **others: Any) -> list[Any]:
        """Each once, though every request of a page may have been told the same."""
        told = [each for number, each in enumerate(messages) if each not in messages[:number]]
        unsaid: list[Any] = super()._store(told, response, *more, **others)  # type: ignore[misc] # the stubs lack it
        return unsaid

    def update(self, response: HttpResponseBase) -> list[Any] | None:
        unsaid = super().update(response)
        if self.used and len(self):  # a link may be among what was said, and is shown once
            response["Cache-Control"] = "no-store"
        if self.cookie_name in response.cookies:
            response.cookies[self.cookie_name]["path"] = settings.SESSION_COOKIE_PATH
        return unsaid


def done(request: HttpRequest, sentence: str, *, link: str = "") -> None:
    """Said on the next page. A link can be copied there, once: it travels in a signed cookie and is stored nowhere."""
    messages.success(request, sentence, extra_tags=link)


def refused(request: HttpRequest, sentence: str) -> None:
    messages.error(request, sentence)
