"""The consolidated view in a real browser: by keyboard alone, and looked at by axe in both themes, wide and narrow."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OWNER, Visitor
from tests.flows.lists import account, cloud_list, cloud_user, server_export
from tests.people import PASSWORD
from tests.product import Product

PAGES = ("license/consumed", "license/consumed/1", "license/history", "license/github", "domains", "audit-log")


@pytest.fixture(scope="module")
def home(running_product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The settings of a new enterprise with thirty people, of whom GitHub does not know the last."""
    lists = {
        "cloud.json": cloud_list([cloud_user(f"user-{number:02}", f"{number}@octo.example") for number in range(29)]),
        "server.json": server_export([account(1, "1@octo.example"), account(2, "ana@mail.example", login="ana")]),
    }
    return new_enterprise(running_product, tmp_path_factory.mktemp("lists"), "Octo Industries", lists)


def new_enterprise(product: Product, folder: Path, name: str, lists: dict[str, bytes]) -> str:
    """Its settings, once the lists are taken in."""
    slug = f"octo-{uuid4().hex[:8]}"
    words = ("--enterprise", slug, "--name", name, "--owner", OWNER, "--password-stdin", "--seats", "40")
    made = product.manage("bootstrap", *words, stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    for file, content in lists.items():
        Path(folder / file).write_bytes(content)
    taken = product.manage("import_usage", slug, *(str(folder / file) for file in lists))
    assert taken.returncode == 0, taken.stderr
    return f"/enterprises/{slug}/settings"


def test_long_names_stay_in_their_place(visitor: Visitor, running_product: Product, tmp_path: Path) -> None:
    """Of people, hosts, domains and enterprises: nothing runs over what is beside it."""
    domain = "a-domain-with-a-long-name." * 4 + "example"
    accounts = [
        account(number, f"{'m' * 60}{number}@{domain}", login="octocat" * 5, profile_name=f"Maximiliana {'W' * 80}")
        for number in range(1, 4)
    ]
    host = f"{'github-enterprise-' * 2}production.{domain}"
    lists = {"server.json": server_export(accounts, host=host, server_id="production")}
    home = new_enterprise(running_product, tmp_path, "Octo-Industries-" * 6, lists)
    visitor.sign_in()
    for name in ("license", *PAGES, "license/consumed/print", "sync-history"):
        visitor.check_every_width(f"{home}/{name}")


def test_by_keyboard(visitor: Visitor, home: str) -> None:
    visitor.sign_in()
    visitor.open(f"{home}/license/consumed")
    page = visitor.page
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("user-0")
    people = page.locator("#licenses .who a")
    expect(people).to_have_count(10)
    expect(search).to_have_attribute("value", "user-0")  # what Safari shows of it to whoever comes back
    page.keyboard.press("ArrowDown")
    expect(people.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(people.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    page.keyboard.press("ArrowDown")
    name = people.first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(search).to_have_value("user-0")
    assert visitor.problems == []


def test_back_leads_to_a_page_like_any_other(visitor: Visitor, home: str) -> None:
    """With its keys, and to the door for who has signed out meanwhile."""
    visitor.sign_in()
    visitor.open(f"{home}/license/consumed")
    page = visitor.page
    server_only = page.locator("#where-server")
    server_only.click()
    expect(server_only).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(server_only).not_to_have_attribute("aria-current", "true")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    server_only.click()
    expect(server_only).to_have_attribute("aria-current", "true")
    page.context.clear_cookies()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to LicenseSync")
    assert visitor.problems == []


def test_what_is_taken_away_follows_the_filter(visitor: Visitor, home: str) -> None:
    visitor.sign_in()
    visitor.open(f"{home}/license/consumed")
    page = visitor.page
    page.locator("#where-server").click()
    expect(page.locator("#where-server")).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as begun:
        page.locator("#download-menu").get_by_text("CSV report").first.click()
    expect(page.locator("#download-menu")).to_be_hidden()  # the page stays, so nothing else closes it
    lines = begun.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert "ana@mail.example" in lines[1]
    assert visitor.problems == []


def test_the_report_of_the_audit_log_follows_its_filter(visitor: Visitor, home: str) -> None:
    visitor.sign_in()
    visitor.open(f"{home}/audit-log")
    page = visitor.page
    report, rows, kind = page.locator("#log-csv a").first, page.locator("#log tbody tr"), page.get_by_label("What")
    everything = rows.count()
    kind.select_option("instance")
    expect(rows).to_have_count(2)
    expect(report).to_have_attribute("href", f"{home}/audit-log/report.csv?what=instance&")
    kind.select_option("domain")
    expect(page.get_by_role("heading", name="No event matches this filter")).to_be_visible()
    expect(report).to_have_count(0)
    kind.select_option("")
    expect(rows).to_have_count(everything)
    expect(report).to_have_attribute("href", f"{home}/audit-log/report.csv?")
    page.go_back()
    expect(page.get_by_role("heading", name="No event matches this filter")).to_be_visible()
    assert visitor.problems == []


def test_axe_finds_nothing(visitor: Visitor, home: str) -> None:
    visitor.sign_in()
    for path in PAGES:
        visitor.check(f"{home}/{path}")
    assert visitor.problems == []
