"""The pages of docs/ in the product."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from licensesync.users.models import User
from licensesync.web.documentation import PAGES, anchor_of
from tests.people import SignedIn

DOCS: Path = settings.BASE_DIR / "docs"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_every_file_has_a_page(signed_in: SignedIn, owner: User) -> None:
    files = {path.stem: path.read_text().splitlines()[0] for path in DOCS.glob("*.md")}
    assert set(files) == set(PAGES)
    listed = signed_in(owner).get("/documentation").content.decode()
    for name, title in files.items():
        assert f'<a href="/documentation/{name}" lang="en">{title.removeprefix("# ")}</a>' in listed


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_its_file_says(name: str, signed_in: SignedIn, owner: User) -> None:
    """Its headings once each, with what they are called in links; its tables and commands as such; no Markdown left."""
    text = (DOCS / f"{name}.md").read_text()
    page = signed_in(owner).get(f"/documentation/{name}").content.decode()
    prose = page.partition('<div class="prose">')[2].partition("</article>")[0]
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    ids = re.findall(r'<h[23] id="([^"]+)">', prose)
    assert ids == [anchor_of(heading) for heading in headings]
    assert len(set(ids)) == len(ids)
    assert prose.count("<pre>") == text.count("\n```") // 2
    assert prose.count("<table>") == len(re.findall(r"^\| ?:?-", text, re.MULTILINE))
    assert not re.search(
        r"^(#|\||```)|\]\(|\*\*", re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", prose, flags=re.DOTALL)
    )
    assert not re.search(r'href="[^"]*\.md| style=', prose)


def test_no_link_in_a_file_leads_nowhere() -> None:
    for path in [*DOCS.glob("*.md"), settings.BASE_DIR / "README.md"]:
        for link in LINK.findall(path.read_text()):
            file, _, heading = link.partition("#")
            if file.startswith("https://"):
                continue
            other = path.parent / file if file else path
            assert other.exists(), f"{path.name}: {link}"
            headings = re.findall(r"^##+ (.+)$", other.read_text(), re.MULTILINE)
            assert not heading or heading in map(anchor_of, headings), f"{path.name}: {link}"


def test_a_link_to_another_file_leads_to_its_page(signed_in: SignedIn, owner: User) -> None:
    assert "](security.md)" in (DOCS / "operations.md").read_text()
    page = signed_in(owner).get("/documentation/operations").content.decode()
    assert 'href="/documentation/security"' in page


@pytest.mark.parametrize("name", ["nothing", "README"])
def test_there_is_no_other_page(name: str, signed_in: SignedIn, owner: User) -> None:
    assert signed_in(owner).get(f"/documentation/{name}").status_code == 404
