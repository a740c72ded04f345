"""How numbers, times and addresses read."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import timezone

from licensesync.web.templatetags import licensesync as tags


def render(template: str, **context: object) -> str:
    return Template(template).render(Context(context))


@pytest.mark.parametrize(
    ("value", "text"), [(2431, "2,431"), (-31, "−31"), (0, "0"), (None, "–"), (1_000_000, "1,000,000")]
)
def test_number(value: int | None, text: str) -> None:
    assert render("{{ value|number }}", value=value) == text


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(days=7), "7 days ago"),
        (timedelta(days=15), "2 weeks ago"),
        (timedelta(days=30, seconds=-5), "4 weeks ago"),
    ],
)
def test_when_is_relative_for_thirty_days(age: timedelta, words: str) -> None:
    assert f">{words}</time>" in tags.when(timezone.now() - age)


def test_when_is_the_date_after_that_and_exact_on_hover() -> None:
    moment = datetime(2026, 1, 30, 14, 59, tzinfo=ZoneInfo("UTC"))
    with timezone.override(ZoneInfo("America/Sao_Paulo")):
        html = tags.when(moment) if timezone.now() - moment > timedelta(days=30) else tags.day(moment)
    assert html == '<time datetime="2026-01-30T11:59:00-03:00" title="Jan 30, 2026, 11:59">Jan 30, 2026</time>'


def test_what_is_to_come_has_its_day_and_about_the_hour() -> None:
    moment = timezone.now() + timedelta(days=3)
    assert f">{moment:%a, %b} {moment.day} about {moment:%H:%M}</time>" in tags.when(moment)


def test_day() -> None:
    assert ">today</time>" in tags.day(timezone.now())
    assert ">yesterday</time>" in tags.day(timezone.now() - timedelta(days=1))
    assert tags.day(None) == tags.when(None) == "–"


def test_zone() -> None:
    with timezone.override(ZoneInfo("Asia/Kolkata")):
        assert tags.zone() == "UTC+5:30, Kolkata"
    with timezone.override(ZoneInfo("UTC")):
        assert tags.zone() == "UTC"


@pytest.mark.parametrize(
    ("value", "html"),
    [
        ("ana@octo.example", "ana<wbr>@octo.example"),
        ("ghes.octo.example", "ghes.<wbr>octo.<wbr>example"),
        ("<b>@x.y", "&lt;b&gt;<wbr>@x.y"),
        ("a@<i>.y", "a<wbr>@&lt;i&gt;.y"),
    ],
)
def test_address_wraps_at_its_joints_and_is_escaped(value: str, html: str) -> None:
    assert render("{{ value|address }}", value=value) == f'<span class="address">{html}</span>'


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ana B. Carvalho", "AC"),
        ("dana.whitfield@octo.example", "DW"),
        ("octo", "O"),
        ("Octo GmbH, Wien (konsolidiert)", "OK"),
        ("🚀 Rocket", "R"),
        ("فاطمة محمد", "فم"),
        ("–", ""),
        ("", ""),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert tags.initials(name) == letters


def test_icon() -> None:
    assert 'aria-hidden="true"><path' in render('{% icon "server" %}')
    assert 'role="img" aria-label="Done &amp; dusted"' in render('{% icon "check" "Done & dusted" %}')
    with pytest.raises(TemplateSyntaxError, match="no Octicon nonsense"):
        render('{% icon "nonsense" %}')
