"""The consumed licenses, one row a person, and one person with the reason why they are one license."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses import filters, finding
from licensesync.licenses.completeness import sources_of
from licensesync.licenses.models import LicenseChange
from licensesync.licenses.person import changes_of, end_of, person_of
from licensesync.licenses.queries import current_count
from licensesync.usage import queries as usage
from licensesync.web import license_filters
from licensesync.web.access import enterprise_for
from licensesync.web.asked import is_htmx
from licensesync.web.following import leave_when_gone
from licensesync.web.license_rows import badges, license_rows
from licensesync.web.person import change_rows, person_page

MOST_PRINTED = 1_000  # some thirty sheets


@require_GET
def licenses(request: HttpRequest, slug: str) -> HttpResponse:
    """The list. What htmx asks for comes in parts, with the address that leads to the same list."""
    enterprise = enterprise_for(request, slug)
    deployments, selection = _asked(request, enterprise)
    wanted = selection.filter
    size = _page_size(request)
    rows = _rows_wanted(size)
    cursor = {name: request.GET.get(name, "") for name in ("after", "before")}
    page = selection.page(size, **cursor)
    # The rows of a search first; who else has its words is counted when the page asks for that (`license_counts`).
    counted = not is_htmx(request) or selection.is_known
    label = license_filters.Words(deployments)
    # With filters nobody may be found who does have a license, as by an account of another server.
    is_in_vain = wanted.q and not wanted.chosen and not page.rows
    uncounted = _uncounted(enterprise, wanted.q, deployments) if is_in_vain else []
    context = {
        "enterprise": enterprise,
        "sources": sources_of(deployments.values()),
        **_counts(selection, label, rows, counted=counted),
        "columns": license_filters.columns(wanted, rows=rows),
        "rows": license_rows(
            enterprise,
            page.rows,
            deployments,
            without_verified_domain=selection.unverified,
            query=wanted.query(),
        ),
        "first": page.first,
        "last": page.first + len(page.rows) - 1,
        "ways_back": [] if page.rows else label.ways_back(selection),
        "uncounted": uncounted,
        "size": size,
        "sizes": finding.PAGE_SIZES,
        "rows_wanted": rows,
        "next": wanted.query(rows=rows, after=page.after) if page.after else "",
        "previous": wanted.query(rows=rows, before=page.before) if page.before else "",
    }
    if not is_htmx(request):
        return render(request, "licenses/page.html", context)
    response = render(request, "licenses/_swap.html", context)
    # Whoever types leaves one step for the back button, not one for every letter.
    is_typed = request.headers.get("HX-Trigger-Name") == "q"
    address = f"{request.path}?{wanted.query(rows=rows, **cursor)}".removesuffix("?")
    response["HX-Replace-Url" if is_typed else "HX-Push-Url"] = address
    return response


def _uncounted(enterprise: Enterprise, named: str, deployments: Mapping[int, Deployment]) -> list[str]:
    """Why somebody who is looked for has no license."""
    suspended = _("%(login)s on %(host)s is suspended, and consumes no license.")
    for_scim = _("%(login)s on %(host)s is there to set up SCIM, and consumes no license.")
    return [
        (suspended if each.suspended else for_scim)
        % {"login": each.login, "host": deployments[each.deployment_id].host}
        for each in usage.uncounted(enterprise, named)
        if each.deployment_id in deployments
    ]


@require_GET
def license_counts(request: HttpRequest, slug: str) -> HttpResponse:
    """What stands beside a list: how many licenses there are, and would be with each filter."""
    enterprise = enterprise_for(request, slug)
    deployments, selection = _asked(request, enterprise)
    counts = _counts(selection, license_filters.Words(deployments), _rows_wanted(_page_size(request)), counted=True)
    return render(request, "licenses/_counts.html", {"enterprise": enterprise, **counts})


@require_GET
@leave_when_gone
def licenses_news(request: HttpRequest, slug: str) -> HttpResponse:
    """For a list that stays open: nothing, until there is a newer count than the one with which it was opened."""
    enterprise = enterprise_for(request, slug)
    if request.GET.get("seen") == str(enterprise.generation):
        return HttpResponse(status=204)
    query = request.headers.get("HX-Current-URL", "").partition("#")[0].partition("?")[2]
    return render(request, "licenses/_news.html", {"enterprise": enterprise, "query": query})


def _counts(selection: finding.Selection, label: license_filters.Words, rows: str, *, counted: bool) -> dict[str, Any]:
    """`found` is None where nobody is counted yet."""
    found, is_exact = selection.count() if counted else (None, True)
    return {
        "filter": selection.filter,
        "query": selection.filter.query(),
        "conditions": label.conditions(selection.filter),
        "bar": license_filters.filter_bar(selection, label, rows=rows, counted=counted),
        "has_domains": bool(selection.domains),
        "found": found,
        "is_exact": is_exact,
        "total": selection.index.total,
    }


@require_GET
def print_licenses(request: HttpRequest, slug: str) -> HttpResponse:
    """What the list shows, all on one page and without anything to click; the first MOST_PRINTED of it."""
    enterprise = enterprise_for(request, slug)
    deployments, selection = _asked(request, enterprise)
    query = selection.filter.query()
    numbers = selection.numbers()
    rows = finding.rows_of(enterprise, numbers[:MOST_PRINTED].tolist())
    context = {
        "enterprise": enterprise,
        "conditions": license_filters.Words(deployments).conditions(selection.filter),
        "rows": license_rows(enterprise, rows, deployments, without_verified_domain=selection.unverified, query=query),
        "found": len(numbers),
        "total": selection.index.total,
        "sources": sources_of(deployments.values()),
        "count": current_count(enterprise),
        "query": query,
    }
    return render(request, "licenses/print.html", context)


def _asked(request: HttpRequest, enterprise: Enterprise) -> tuple[dict[int, Deployment], finding.Selection]:
    """The deployments of the enterprise, and the licenses that the address asks for."""
    found = Deployment.objects.filter(enterprise=enterprise).order_by("kind", "host")
    deployments = {each.pk: each for each in found}
    return deployments, finding.Selection(enterprise, filters.parse(request.GET.dict(), deployments=deployments))


def _page_size(request: HttpRequest) -> int:
    wanted = request.GET.get("rows", "")
    return next((size for size in finding.PAGE_SIZES if str(size) == wanted), finding.PAGE_SIZES[0])


def _rows_wanted(size: int) -> str:
    """As an address says it: nothing where it is the usual one."""
    return str(size) if size != finding.PAGE_SIZES[0] else ""


@require_GET
def license_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A person; under an old number who they are now, or that they no longer consume a license."""
    enterprise = enterprise_for(request, slug)
    person = person_of(enterprise, number)
    if person is not None:
        _deployments, selection = _asked(request, enterprise)
        context = {
            "enterprise": enterprise,
            "person": person_page(person),
            "place": selection.place(number),
            "found": selection.count()[0],
            "query": selection.filter.query(),
            "badges": badges(person.license, selection.unverified),
        }
        return render(request, "licenses/person.html", context)
    end = end_of(enterprise, number)
    if end is None:
        raise Http404
    if end.kind == LicenseChange.Kind.MERGED:
        return redirect("license_detail", slug, end.other_number)
    context = {
        "enterprise": enterprise,
        "end": end,
        # Names go with the deployment that told them.
        "name": end.name or end.login or _("License %(n)s") % {"n": end.number},
        "changes": change_rows(changes_of(enterprise, end.number)),
    }
    return render(request, "licenses/gone.html", context)


_LIST = "enterprises/<slug:slug>/settings/license/consumed"
urlpatterns = [
    path(_LIST, licenses, name="licenses"),
    path(f"{_LIST}/counts", license_counts, name="license_counts"),
    path(f"{_LIST}/news", licenses_news, name="licenses_news"),
    path(f"{_LIST}/print", print_licenses, name="print_licenses"),
    path(f"{_LIST}/<int:number>", license_detail, name="license_detail"),
]
