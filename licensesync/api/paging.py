"""Pages: `per_page` as GitHub takes it, and Link headers."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

DEFAULT_SIZE, LARGEST_SIZE = 30, 100


def number_of(request: Request, name: str, default: int, *, most: int) -> int:
    """A positive number of the query; like GitHub, one that can't be is as if it were not there."""
    text = request.query_params.get(name, "").lstrip("0")
    if not (text.isascii() and text.isdigit()):
        return default
    return min(int(text), most) if len(text) < 19 else most


def page_size(request: Request) -> int:
    return number_of(request, "per_page", DEFAULT_SIZE, most=LARGEST_SIZE)


def link_header(request: Request, links: dict[str, dict[str, Any]]) -> str:
    """The Link header: for each relation the query that leads there, beside the filters of this request. What has ""
    is left out."""

    def address(query: dict[str, Any]) -> str:
        params = request.query_params.copy()
        for name, value in query.items():
            params[name] = str(value)
            if value == "":
                del params[name]
        return request.build_absolute_uri(f"{request.path}?{params.urlencode()}")

    return ", ".join(f'<{address(query)}>; rel="{relation}"' for relation, query in links.items())


def newest_first(request: Request, rows: QuerySet[Any], serializer: type[Serializer[Any]]) -> Response:
    """Rows by descending id; `before` is the id where the last page ended, so all pages cost the same."""
    size = page_size(request)
    before = number_of(request, "before", 0, most=10**18)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: size + 1])
    response = Response(serializer(found[:size], many=True, context={"request": request}).data)
    if len(found) > size:
        response["Link"] = link_header(request, {"next": {"per_page": size, "before": found[size - 1].pk}})
    return response
