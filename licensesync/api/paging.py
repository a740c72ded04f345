"""Pages: `per_page` as GitHub takes it, and Link headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

Row = TypeVar("Row", bound=Model)
DEFAULT_SIZE, LARGEST_SIZE = 30, 100


def number_of(request: Request, name: str, default: int, *, most: int) -> int:
    """A positive number of the query; like GitHub, one that can't be is as if it were not there."""
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 18 and int(text) > 0):
        return default
    return min(int(text), most)


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


@dataclass(frozen=True)
class Page(Generic[Row]):
    request: Request
    rows: Sequence[Row]
    has_more: bool

    def answer(self, serializer: type[Serializer[Any]]) -> Response:
        response = Response(serializer(self.rows, many=True, context={"request": self.request}).data)
        if self.has_more:
            query = {"per_page": page_size(self.request), "before": self.rows[-1].pk}
            response["Link"] = link_header(self.request, {"next": query})
        return response


def newest_first(request: Request, rows: QuerySet[Row]) -> Page[Row]:
    """Rows by descending id; `before` is the id where the last page ended, so all pages cost the same."""
    size = page_size(request)
    before = number_of(request, "before", 0, most=10**18)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: size + 1])
    return Page(request, found[:size], len(found) > size)
