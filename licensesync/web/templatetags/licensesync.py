"""What templates need beyond Django's own: icons, numbers, times, addresses. Builtin, so there is no `{% load %}`."""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

import octicons_pack
from django import template
from django.conf import settings
from django.forms import BoundField
from django.template.context import Context
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from licensesync.enterprises.models import Enterprise
from licensesync.web import single_sign_on
from licensesync.web.access import is_owner
from licensesync.web.navigation import Group, navigation_of
from licensesync.web.navigation import start_of as navigation_start
from licensesync.web.words import explained

register = template.Library()
register.filter("explained", explained)

MISSING = "–"


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, label: str = "") -> SafeString:
    """`{% icon "server" %}`: an Octicon of 16 px. A label only where no word stands beside it."""
    spoken = format_html('role="img" aria-label="{}"', escape(label)) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon" viewBox="0 0 16 16" width="16" height="16" {}>{}</svg>', spoken, _drawing(name)
    )


def _drawing(name: str) -> SafeString:
    """What is inside the <svg> of GitHub's file."""
    found = octicons_pack.get_icon(f"{name}-16")
    if found is None:
        raise template.TemplateSyntaxError(f"There is no Octicon {name} of 16 px.")
    return mark_safe(re.sub(r"\A<svg[^>]*>|</svg>\Z", "", found.svg.strip()))  # noqa: S308 - from the package


@register.filter
def number(value: float | None) -> str:
    """2431 -> 2,431; -31 -> −31; None -> –."""
    return MISSING if value is None else _grouped(value, get_language())


@lru_cache(maxsize=4096)
def _grouped(value: float, _language: str | None) -> str:
    return number_format(value, use_l10n=True, force_grouping=True).replace("-", "−")


@register.filter
def first_shown(field: BoundField) -> str:
    """What a field showed first, hidden beside it where its form wants that; Django adds it to whole fields alone."""
    return field.as_hidden(only_initial=True) if field.field.show_hidden_initial else ""


@register.simple_tag
def when(moment: datetime | None) -> str:
    """How fresh something is: relative for 30 days, then the date. What is to come: its day and about the hour."""
    if moment is None:
        return MISSING
    age = timezone.now() - moment
    if age < timedelta(minutes=-1):
        local = timezone.localtime(moment)
        words = _("%(day)s about %(time)s") % {
            "day": date_format(local, _("D, M j")),
            "time": date_format(local, _("H:i")),
        }
    elif age <= timedelta(days=30):
        words = _ago(age)
    else:
        words = ""
    return _time(moment, words)


@register.simple_tag
def day(moment: datetime | None) -> str:
    """For histories and "since": today and yesterday relative, before and after that the date."""
    if moment is None:
        return MISSING
    return _day(moment, timezone.localdate(), timezone.get_current_timezone_name(), get_language())


@register.simple_tag
def date_of(moment: datetime | None) -> SafeString | str:
    """For paper: the date, also of today."""
    return MISSING if moment is None else _time(moment, "")


@lru_cache(maxsize=4096)  # most people of a list are there since the same few days
def _day(moment: datetime, today: date, _zone: str, _language: str | None) -> SafeString:
    days = (today - timezone.localdate(moment)).days
    return _time(moment, _("today") if days == 0 else _("yesterday") if days == 1 else "")


def _ago(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes}
    if (hours := minutes // 60) < 24:
        return ngettext("%(n)s hour ago", "%(n)s hours ago", hours) % {"n": hours}
    if (days := hours // 24) < 14:
        return ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days}
    return ngettext("%(n)s week ago", "%(n)s weeks ago", days // 7) % {"n": days // 7}


def _time(moment: datetime, words: str) -> SafeString:
    """A moment in `words`, else by its date."""
    local = timezone.localtime(moment)
    exact = date_format(local, _("M j, Y, H:i"))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        exact,
        words or date_format(local, _("M j, Y")),
    )


@register.simple_tag
def zone() -> str:
    """The reader's zone for the foot of the page: "UTC−3, Sao Paulo"."""
    now = timezone.localtime()
    minutes = int((now.utcoffset() or timedelta()).total_seconds()) // 60
    sign, (hours, rest) = "−" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"
    city = timezone.get_current_timezone_name().rpartition("/")[2].replace("_", " ")
    return offset if city in ("", "UTC") else f"{offset}, {city}"


@register.filter
def address(value: str) -> SafeString:
    """An e-mail address that wraps only before @, or a host that wraps only after its dots; both copy whole."""
    name, at, host = value.rpartition("@")
    if at:
        return format_html('<span class="address">{}<wbr>@{}</span>', name, host)
    pieces = format_html_join(mark_safe(".<wbr>"), "{}", ((piece,) for piece in host.split(".")))
    return format_html('<span class="address">{}</span>', pieces)


@register.filter
def initials(name: str) -> str:
    """Ana B. Carvalho -> AC; dana.whitfield@octo.example -> DW; octo -> O; Octo (Wien) -> OW."""
    words = [re.sub(r"^\W+", "", word) for word in re.split(r"[\s._+-]+", name.partition("@")[0])]
    words = [word for word in words if word]  # none is left of a bracket or an emoji
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def version() -> str:
    """As people say it: "1.0"."""
    return settings.VERSION.removesuffix(".0")


@register.simple_tag(takes_context=True)
def navigation(context: Context, enterprise: Enterprise) -> list[Group]:
    """`{% navigation enterprise as groups %}`: the side navigation, knowing which page this is."""
    request = context["request"]
    return navigation_of(enterprise, request.path, is_owner=is_owner(request, enterprise))


@register.simple_tag(takes_context=True)
def may_sign_out(context: Context) -> bool:
    """`{% may_sign_out as may_sign_out %}`: see `web.single_sign_on`."""
    return single_sign_on.may_sign_out(context["request"])


@register.simple_tag
def start_of(enterprise: Enterprise) -> str:
    """The address on which somebody arrives who chose this enterprise."""
    return navigation_start(enterprise)
