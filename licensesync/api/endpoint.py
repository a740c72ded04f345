"""What all endpoints have in common: who may ask and how often, media types and versions as GitHub's, ETags."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.translation import override
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from licensesync.api import errors
from licensesync.api.limits import PerToken, Rate, take_back
from licensesync.api.tokens import TokenAuthentication, token_of

LATEST_VERSION = "2022-11-28"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_ACCEPTED = re.compile(r"\*/\*|application/(\*|json|vnd\.github[\w.+-]*)", re.IGNORECASE)


class Json(JSONRenderer):
    """Named as GitHub names it, whichever of its media types was asked for."""

    charset = "utf-8"


class JsonBody(JSONParser):
    """JSON that is nested deeper than Python reads is as wrong as any other."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError from None


class AnyGitHubType(BaseContentNegotiation):
    """All of GitHub's media types mean the one JSON that we write."""

    accepted = _ACCEPTED

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        if kind in ("", "application/x-www-form-urlencoded"):  # what curl says where nobody says anything
            return next(iter(parsers), None)
        return next((parser for parser in parsers if kind == parser.media_type or kind.endswith("+json")), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], _format: str | None = None
    ) -> tuple[BaseRenderer, str]:
        accepted = request.headers.get("Accept", "*/*")
        if not any(self.accepted.match(kind.strip()) for kind in accepted.split(",")):
            raise errors.NotAcceptable
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class Endpoint(APIView):
    """An address of the API. Reads go to `queries`, writes to `flows` and `services`, as in `web`."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = [PerToken]
    parser_classes = [JsonBody]
    renderer_classes = [Json]
    content_negotiation_class = AnyGitHubType
    http_method_names = [each for each in APIView.http_method_names if each != "options"]  # the description tells more

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Programs read the answers: they are in one language, whatever the Accept-Language."""
        with override(settings.LANGUAGE_CODE):
            response = super().dispatch(request, *args, **kwargs)
        response["Content-Language"] = settings.LANGUAGE_CODE
        return response

    def get_exception_handler(self) -> Any:
        return errors.answer_to

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.perform_authentication(request)
        if self.parser_classes and request.auth and request.method not in SAFE_METHODS:
            # Its sender decides how long a body takes, and may lose the right meanwhile: so who may is asked after it.
            _ = request._request.body
            TokenAuthentication().authenticate(request)
        super().initial(request, *args, **kwargs)
        version = request.headers.get("X-GitHub-Api-Version", LATEST_VERSION)
        if not _VERSION.fullmatch(version):
            raise errors.UnknownVersion
        if self.parser_classes and not request.headers.get("Content-Length") and "Transfer-Encoding" in request.headers:
            raise errors.LengthMissing  # Django would read nothing, and a change of nothing succeed

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        version = request.headers.get("X-GitHub-Api-Version", LATEST_VERSION)
        if _VERSION.fullmatch(version):
            response["X-GitHub-Api-Version-Selected"] = version
            response["X-GitHub-Api-Version"] = version
        response["X-GitHub-Media-Type"] = "github.v3; format=json"
        response["Cache-Control"] = "private, max-age=0, must-revalidate"
        response["Vary"] = "Accept, Authorization"
        if rate := getattr(request, "rate", None):
            _tell(response, rate)
            response["X-OAuth-Scopes"] = ", ".join(token_of(request).scopes)
        if request.method in ("GET", "HEAD") and response.status_code == 200 and not response.streaming:
            response.add_post_render_callback(lambda rendered: _unless_known(request, rendered))
        return response


def _tell(response: HttpResponse, rate: Rate) -> None:
    for name, value in rate.headers.items():
        response[name] = value


def _unless_known(request: Request, response: HttpResponse) -> HttpResponse | None:
    """With the ETag of what was rendered; where the client has it already, 304 with the same headers, for free. The
    ETag is of the Link as well: that of an earlier answer may lead to a count that is gone."""
    digest = hashlib.sha256(response.content + response.get("Link", "").encode()).hexdigest()
    tag = f'W/"{digest}"'
    response["ETag"] = tag
    conditional = get_conditional_response(request._request, etag=tag, response=response)
    if conditional is None or conditional is response:
        return None
    for name, value in response.items():
        if name.lower() not in ("content-type", "content-length"):
            conditional[name] = value
    has_it = digest in request.headers.get("If-None-Match", "")  # "*" says nothing of the kind
    if has_it and (rate := getattr(request, "rate", None)):
        _tell(conditional, take_back(token_of(request), rate))
    return conditional


class Nothing(Endpoint):
    """Any other address: 404 as JSON, for whoever may ask at all."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound
