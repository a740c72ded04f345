"""What a request asks for: the id that it names, and whether a script puts the answer into the page that is there."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def id_of(text: str) -> int:
    """The id that an address or a form names; 0, which nothing has, where it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def ask_first(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """The question before something that can't be undone: as a page, or when htmx fetches it the fragment of that name,
    for a dialog."""
    return render(request, page.replace("/", "/_") if is_htmx(request) else page, context)
