"""The reader of a page: their time zone and theme, from two cookies that `static/js` sets."""

import zoneinfo
from collections.abc import Callable
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

THEMES = ("system", "light", "dark")


class ReaderMiddleware:
    """Shows times in the reader's zone: the browser tells it in the `timezone` cookie; unknown names are ignored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get("timezone", "")
        if name in _known_zones():
            timezone.activate(zoneinfo.ZoneInfo(name))
        else:
            timezone.deactivate()
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()


@cache
def _known_zones() -> set[str]:
    """Finding them opens hundreds of files."""
    return zoneinfo.available_timezones()


def reader(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme` is system, light or dark."""
    theme = request.COOKIES.get("theme", "")
    return {"theme": theme if theme in THEMES else "system"}
