"""The pages of docs/, where they can be read without internet: beside the product that they are about."""

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

DIRECTORY = settings.BASE_DIR / "docs"

# In the order in which somebody needs them, with what they tell.
PAGES: dict[str, str | Promise] = {
    "matching": _("Which accounts are one person, who counts, and where the rule is from."),
    "feeds": _("The files that can be added, how they are recognised, and which list counts."),
    "connections": _("Sync now and every week, and push for a server that can’t be reached."),
    "api": _("Tokens, GitHub’s endpoints and the others, for scripts."),
    "security": _("What is stored, for how long, and who may see it."),
    "operations": _("Settings, backup, upgrading, several machines, single sign-on."),
    "performance": _("Seconds and memory for a million people, and how they were measured."),
    "architecture": _("Where things are in the code, and why."),
}


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    sections: list[Section]
    html: SafeString


@cache
def page_of(name: str) -> Page:
    """A file of docs/ as HTML: its links to other files lead to their pages, and each heading can be linked to."""
    markdown = MarkdownIt("commonmark").enable("table")
    markdown.add_render_rule("table_open", lambda *_: '<div class="table-scroll" tabindex="0"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    _opening, heading, _closing, *tokens = markdown.parse((DIRECTORY / f"{name}.md").read_text(encoding="utf-8"))
    sections = []
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inside:
            token.attrSet("id", anchor_of(inside.content))
            if token.tag == "h2":
                sections.append(Section(anchor_of(inside.content), inside.content))
        if token.attrs.pop("style", None) == "text-align:right":  # no style may stand in a page
            token.attrSet("class", "number")
        for link in token.children or []:
            _lead_to_page(link)
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Page(heading.content, sections, mark_safe(html))  # noqa: S308 (files of ours)


def _lead_to_page(token: Token) -> None:
    match = re.fullmatch(r"(\w+)\.md(#.*)?", str(token.attrGet("href") or ""))
    if match:
        token.attrSet("href", reverse("documentation_page", args=[match[1]]) + (match[2] or ""))


def anchor_of(heading: str) -> str:
    """What GitHub calls a heading in links to it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@require_safe
def documentation(request: HttpRequest) -> HttpResponse:
    pages = [(name, page_of(name).title, tells) for name, tells in PAGES.items()]
    return render(request, "documentation/list.html", {"pages": pages})


@require_safe
def documentation_page(request: HttpRequest, name: str) -> HttpResponse:
    if name not in PAGES:
        raise Http404
    return render(request, "documentation/page.html", {"page": page_of(name)})


urlpatterns = [
    path("documentation", documentation, name="documentation"),
    path("documentation/<slug:name>", documentation_page, name="documentation_page"),
]
