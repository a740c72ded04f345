"""The License page: what is consumed, where people are, and the deployments that say so; it follows open work."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Enterprise
from licensesync.flows.upload_limit import too_large
from licensesync.licenses import queries as licenses
from licensesync.licenses.comparison import known_comparison
from licensesync.licenses.completeness import completeness_of
from licensesync.syncing import queries as syncing
from licensesync.web import words
from licensesync.web.access import enterprise_for, is_owner
from licensesync.web.asked import id_of
from licensesync.web.file_rows import Files, file_rows
from licensesync.web.following import RARELY, SOON, leave_when_gone, next_look
from licensesync.web.instance_rows import instance_rows
from licensesync.web.usage_bar import usage_bar
from licensesync.web.usage_history import usage_over_time

CSRF_TOKEN = re.compile(r'value="[A-Za-z0-9]{64}"')


@dataclass(frozen=True)
class Answered:
    """An answer that can't be taken: shown at its file with what was typed."""

    file_id: int
    problem: str
    typed: str


@require_GET
def license_page(request: HttpRequest, slug: str) -> HttpResponse:
    return show(request, enterprise_for(request, slug))


def show(request: HttpRequest, enterprise: Enterprise, answered: Answered | None = None) -> HttpResponse:
    """The whole page."""
    context = _context(request, enterprise, answered)
    fragments = _fragments(request, context) | {"usage": _usage(request, context)}
    context["fragments"] = fragments
    context["file_fragments"] = [each for each in fragments.values() if each.is_file]
    context["rarely"], context["soon"] = RARELY, SOON
    context["limit"] = settings.MAX_UPLOAD_BYTES
    context["limit_mb"] = settings.MAX_UPLOAD_BYTES // (1024 * 1024)
    context["too_large"] = words.problem_of(too_large())
    return render(request, "license/page.html", context)


@require_GET
@leave_when_gone
def license_news(request: HttpRequest, slug: str) -> HttpResponse:
    return show_news(request, enterprise_for(request, slug))


def show_news(request: HttpRequest, enterprise: Enterprise, answered: Answered | None = None) -> HttpResponse:
    """The fragments that are not as the reader has them, each to be put in its place.

    `seen` names what is on the page: "id:version id:version". While work is open the page is told to ask again: soon,
    or rarely while all of it waits. What a click has to be told comes along; a page that only asks for news leaves that
    to whoever clicked.
    """
    context = _context(request, enterprise, answered)
    fragments = _fragments(request, context)
    said = request.POST.get("seen") or request.GET.get("seen", "")
    seen = dict(pair.rpartition(":")[::2] for pair in said.split())
    if seen.get("usage") != _version_of_usage(context):
        fragments["usage"] = _usage(request, context)
    changed = [each for key, each in fragments.items() if seen.get(key) != each.version]
    gone = [key for key in seen if key.startswith("file-") and key not in fragments]
    is_told = request.method == "POST" and len(get_messages(request)) > 0
    if changed or gone or is_told:
        newest = max((_file_id(key) for key in seen if key.startswith("file-")), default=0)
        new_files = [each for each in changed if each.is_file and each.key not in seen]
        news = {
            "swapped": [each for each in changed if each not in new_files],
            "new_files": [each for each in new_files if each.is_asking or _file_id(each.key) > newest],
            "following_files": [each for each in new_files if not each.is_asking and _file_id(each.key) <= newest],
            "gone": gone,
            "is_told": is_told,
        }
        response = render(request, "license/_news.html", context | news)
    else:
        response = HttpResponse(status=204)
    if context["next_look"]:
        response["HX-Trigger"] = "still-open" if context["next_look"] == SOON else "still-waiting"
    return response


def _file_id(key: str) -> int:
    """Of the key of a file's fragment, as a page says it."""
    return id_of(key.removeprefix("file-"))


def _context(request: HttpRequest, enterprise: Enterprise, answered: Answered | None) -> dict[str, Any]:
    # First, so that work which ends while the rest is read is asked about once more.
    moves = syncing.next_moves(enterprise)
    count = licenses.current_count(enterprise)
    instances = instance_rows(enterprise)
    deployments = [row.deployment for row in instances]
    compared = known_comparison(enterprise) if count else None
    seats = licenses.seats(enterprise, count)
    owner = is_owner(request, enterprise)
    servers = [each for each in deployments if each.is_server]
    files = file_rows(enterprise, servers) if owner else Files([], 0, 0, 0)  # nobody else may see or answer them
    for row in files.rows:
        if answered and row.file.pk == answered.file_id:
            row.problem, row.typed = answered.problem, answered.typed
    return {
        "enterprise": enterprise,
        "is_owner": owner,
        "count": count,
        "seats": seats,
        "bar": usage_bar(count, seats.total.purchased or None) if count else None,
        "counted_twice": len(compared.doubled) if compared else 0,
        "completeness": completeness_of(enterprise, count, deployments, compared) if count else None,
        "instances": instances,
        "connected": sum(1 for row in instances if row.is_connected),
        "servers": len(servers),
        "files": files,
        "next_look": next_look(moves),
    }


@dataclass(frozen=True)
class Fragment:
    """A piece of the page that follows what happens: the content of the element with this id and `data-version`."""

    tag: str
    key: str
    version: str
    html: SafeString
    is_asking: bool = False

    @property
    def is_file(self) -> bool:
        return self.tag == "li"


def _fragments(request: HttpRequest, context: Mapping[str, Any]) -> dict[str, Fragment]:
    """What can change while somebody looks, by key."""
    fragments = [
        _fragment(request, "p", "headline", "license/_headline.html", context),
        _fragment(request, "div", "report", "license/_report.html", context),
        _fragment(request, "div", "figures", "license/_figures.html", context),
        _fragment(request, "div", "deployments", "license/_instances.html", context),
    ]
    if context["is_owner"]:
        fragments += [
            _fragment(request, "div", "actions", "license/_actions.html", context),
            _fragment(request, "div", "close", "license/_close.html", context),
            _fragment(request, "div", "following", "license/_following.html", context),
        ]
    fragments += [
        replace(
            _fragment(request, "li", row.key, "license/_file.html", {**context, "row": row}), is_asking=row.is_asking
        )
        for row in context["files"].rows
    ]
    return {fragment.key: fragment for fragment in fragments}


def _fragment(request: HttpRequest, tag: str, key: str, template: str, context: Mapping[str, Any]) -> Fragment:
    html = render_to_string(template, dict(context), request)
    return Fragment(tag, key, version_of(html), html)


def _usage(request: HttpRequest, context: Mapping[str, Any]) -> Fragment:
    """The chart. It reaches until now, so every rendering differs a little; news are only those of counts."""
    with_usage = {**context, "usage": usage_over_time(context["enterprise"])}
    fragment = _fragment(request, "div", "usage", "license/_usage.html", with_usage)
    return replace(fragment, version=_version_of_usage(context))


def _version_of_usage(context: Mapping[str, Any]) -> str:
    count = context["count"]
    return version_of(f"{count.pk if count else 0} {context['seats'].total.purchased}")


def version_of(html: str) -> str:
    """The same for the same piece of a page. (A CSRF token is masked anew in every rendering.)"""
    return hashlib.blake2b(CSRF_TOKEN.sub("", html).encode(), digest_size=6).hexdigest()


urlpatterns = [
    path("enterprises/<slug:slug>/settings/license", license_page, name="license"),
    path("enterprises/<slug:slug>/settings/license/news", license_news, name="license_news"),
]
