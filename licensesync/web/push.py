"""Push: a token that may only deliver the usage of one instance, and the command lines that use it, to copy."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, resolve_url
from django.urls import path, reverse
from django.utils.translation import gettext

from licensesync.enterprises import tokens
from licensesync.enterprises.models import ApiToken, Deployment, Enterprise, Scope
from licensesync.users.links import absolute
from licensesync.web import once
from licensesync.web.access import enterprise_for, user_of
from licensesync.web.tokens import revoke


def push(request: HttpRequest, slug: str, deployment_id: int) -> HttpResponse:
    """The tokens of an instance; a new one is shown on the next answer and never again."""
    enterprise = enterprise_for(request, slug, owner=True)
    deployment = get_object_or_404(Deployment, pk=deployment_id, enterprise=enterprise)
    if request.method == "POST":
        typed = "".join(filter(str.isprintable, request.POST.get("name", "")))  # PostgreSQL stores no NUL
        name = typed.strip()[:100] or gettext("Push from %(host)s") % {"host": deployment}
        _token, secret = tokens.create_api_token(
            enterprise=enterprise,
            owner=user_of(request),
            name=name,
            scopes=[Scope.WRITE_USAGE],
            deployment=deployment,
        )
        return once.lead_to_page(request, secret)
    context = {
        "enterprise": enterprise,
        "deployment": deployment,
        "tokens": tokens.push_tokens(deployment),
        "endpoint": _endpoint(request, enterprise),
    }
    return once.render_with_secret(request, "connections/push.html", context)


def _endpoint(request: HttpRequest, enterprise: Enterprise) -> str:
    return absolute(request, reverse("api_usage", args=[enterprise.slug]))


def revoke_push_token(request: HttpRequest, slug: str, deployment_id: int, token_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    token = get_object_or_404(ApiToken, pk=token_id, deployment__pk=deployment_id, enterprise=enterprise)
    back = resolve_url("push", slug, deployment_id)
    return revoke(request, enterprise, token, back=back, page=gettext("Push of %(host)s") % {"host": token.deployment})


_PUSH = "enterprises/<slug:slug>/settings/instances/<int:deployment_id>/push"
urlpatterns = [
    path(_PUSH, push, name="push"),
    path(f"{_PUSH}/<int:token_id>/revoke", revoke_push_token, name="revoke_push_token"),
]
