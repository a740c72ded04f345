"""What a request asks for: the id that it names, and whether a script puts the answer into the page that is there."""

from django.http import HttpRequest


def id_of(text: str) -> int:
    """The id that an address or a form names; 0, which nothing has, where it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
