"""Connected, synced and pushed to in a real browser, with real workers and a GitHub on real sockets."""

import json
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route, expect

from licensesync.simulated_github import Trouble
from tests.browser.conftest import OWNER, THEMES, Visitor
from tests.flows.lists import account, server_export
from tests.people import PASSWORD
from tests.product import Product
from tests.worlds import Played

LONG = 60_000  # milliseconds that a sync may need on a busy machine
SLOW = 150  # bytes a second: the report takes longer than a second browser needs to open the page
STUCK = 10

# Remembers what the page said while it followed a sync, and is gone when the page is loaded anew.
WATCH = """
window.seen = [];
new MutationObserver(() => window.seen.push(document.querySelector("main").innerText))
  .observe(document.querySelector("main"), {childList: true, subtree: true, characterData: true});
"""


@pytest.fixture
def slug(running_product: Product) -> str:
    slug = f"octo-{uuid4().hex[:8]}"
    words = ["--enterprise", slug, "--name", "Octo Industries", "--owner", OWNER, "--password-stdin"]
    done = running_product.manage("bootstrap", *words, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    return slug


def fill_in(page: Page, url: str, token: str) -> None:
    page.get_by_label("Address").fill(url)
    page.get_by_label("Site admin’s login").fill("octo-admin")
    page.get_by_label("Token", exact=True).fill(token)


def ask_axe_in_both_themes(visitor: Visitor) -> None:
    """Of the page as it is, with whatever was typed and opened."""
    for theme in (*THEMES[1:], THEMES[0]):
        visitor.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        visitor.ask_axe()


def test_connected_by_the_form_and_followed_to_the_end(visitor: Visitor, slug: str, github: Played) -> None:
    (played, addresses), page = github, visitor.page
    server, home = played.servers[0], f"/enterprises/{slug}/settings"
    sync_now, try_again = (page.get_by_role("button", name=name, exact=True) for name in ("Sync now", "Try again"))
    syncing = page.get_by_role("status").get_by_text("Syncing")
    visitor.sign_in()

    # The form says in words what is missing, then what is wrong with a token, then that all is fine.
    visitor.check(f"{home}/instances/connect")
    page.get_by_role("button", name="Connect and sync").click()
    expect(page.get_by_text("Enter the address of the server.")).to_be_visible()
    expect(page.get_by_label("Address")).to_be_focused()
    fill_in(page, addresses.servers[server.host], "ghp_wrong")
    page.get_by_role("button", name="Test connection").click()
    host = page.get_by_label("Host name", exact=True)
    expect(host).to_have_attribute("aria-invalid", "true")
    host.fill(server.host)
    page.get_by_role("button", name="Connect and sync").click()
    expect(page.locator("#checks [data-state=FAILURE]")).not_to_have_count(0, timeout=LONG)
    expect(page.get_by_role("button", name="Save anyway")).to_be_visible()
    expect(page.get_by_label("Token", exact=True)).to_have_value("ghp_wrong")
    ask_axe_in_both_themes(visitor)
    page.get_by_label("Token", exact=True).fill(server.token)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#checks")).to_contain_text("GitHub Enterprise Server 3.19.2", timeout=LONG)
    expect(page.locator("#checks [data-state=FAILURE]")).to_have_count(0)
    ask_axe_in_both_themes(visitor)

    # Connected, and its first list comes by itself.
    page.get_by_role("button", name="Connect and sync").click()
    expect(page.get_by_text("The connection of ghe.octo.example is saved. Its first sync has started.")).to_be_visible()
    expect(page.get_by_text("Up to date")).to_be_visible(timeout=LONG)
    instance = page.url.removeprefix(visitor.url)
    assert server.token not in page.content()

    # Sync now: two browsers see the same, live, neither is loaded again.
    server.forget_reports()
    server.expect(Trouble(path="all_users", after=1, bytes_per_second=SLOW))
    with page.expect_navigation():
        sync_now.click()
    page.evaluate(WATCH)
    assert page.context.browser
    second = page.context.browser.new_context(storage_state=page.context.storage_state()).new_page()
    second.goto(page.url)
    second.evaluate(WATCH)
    for each in (page, second):
        expect(each.get_by_role("status").get_by_text("Syncing")).to_be_visible(timeout=LONG)
    visitor.ask_axe()
    change_schedule = second.get_by_role("link", name="Change the schedule")
    change_schedule.focus()  # whoever is on their way by keyboard stays where they are
    for each in (page, second):
        expect(each.locator("#history tbody tr")).to_have_count(2)
        expect(each.locator("#history tbody tr").first).to_contain_text("No license more or less", timeout=LONG)
        expect(each.get_by_text("Up to date")).to_be_visible()
        assert "Syncing" in "\n".join(each.evaluate("window.seen"))
    expect(change_schedule).to_be_focused()
    second.close()

    # A slow one is canceled; one that fails says why, keeps the figures, and goes well again.
    server.expect(Trouble(path="all_users", bytes_per_second=STUCK))
    sync_now.press("Enter")
    expect(syncing).to_be_visible(timeout=LONG)
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    expect(cancel).to_be_focused()  # whoever goes by keyboard goes on here
    cancel.press("Enter")
    expect(page.locator("#history tbody tr").first).to_contain_text("Canceled. Nothing was changed.", timeout=LONG)
    expect(sync_now).to_be_visible(timeout=LONG)
    token, server.token = server.token, "ghp_another"
    sync_now.click()
    expect(try_again).to_be_visible(timeout=LONG)
    expect(page.get_by_role("link", name="Enter a new token")).to_be_visible()
    visitor.check(instance)
    visitor.check_every_width(f"{home}/sync-history")
    visitor.check_every_width(f"{home}/license")
    visitor.check_every_width(instance)
    server.token = token
    try_again.click()
    expect(page.get_by_text("Up to date")).to_be_visible(timeout=LONG)

    # What belongs to a connection, and what asks before it goes.
    visitor.check(f"{instance}/connect")
    visitor.check(f"{instance}/schedule")
    visitor.open(instance)
    for name in ("Disconnect", "Delete"):
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        ask_axe_in_both_themes(visitor)
        page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert visitor.problems == []


def test_a_click_that_comes_too_late_is_told_so_in_sight(visitor: Visitor, slug: str, running_product: Product) -> None:
    """Somebody else has disconnected the server, while the page with its button is open."""
    words = ["connect", slug, "server", "--url", "https://ghes.invalid", "--login", "octo-admin", "--token-stdin"]
    assert running_product.manage(*words, stdin="ghp_secret\n").returncode == 0
    page, license = visitor.page, f"/enterprises/{slug}/settings/license"
    visitor.sign_in()
    page.set_viewport_size({"width": 1280, "height": 300})
    visitor.open(license)
    second = page.context.new_page()
    second.goto(page.url)
    second.get_by_role("link", name="ghes.invalid", exact=True).click()
    second.get_by_role("link", name="Disconnect").click()
    second.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(second.get_by_text("ghes.invalid is disconnected.")).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    refusal = page.get_by_role("alert").filter(has_text="ghes.invalid is not connected")
    expect(refusal).to_be_in_viewport()
    expect(page.get_by_role("link", name="Connect ghes.invalid")).to_be_attached()
    refusal.get_by_role("button", name="Put this message away").press("Enter")
    expect(page.locator("#messages")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert visitor.problems == []


def test_a_choice_in_the_sync_history_outlives_a_look(visitor: Visitor, slug: str, running_product: Product) -> None:
    """The page follows a job that waits while the answer to the choice is long in coming."""
    waiting = f"""
from datetime import timedelta
from django.utils import timezone
server = Deployment.objects.create(enterprise=Enterprise.objects.get(slug="{slug}"), kind="server", host="ghes.example")
soon = timezone.now() + timedelta(seconds=18)
LicenseSyncJob.objects.create(deployment=server, kind="sync", trigger="sync_now", not_before=soon)
"""
    done = running_product.manage("shell", "--verbosity", "0", "--command", waiting)
    assert done.returncode == 0, done.stderr
    page, held = visitor.page, list[Route]()
    visitor.sign_in()
    visitor.open(f"/enterprises/{slug}/settings/sync-history")
    expect(page.locator("#history tbody tr")).to_have_count(1)
    page.route("**/sync-history?*state=SUCCESS*", lambda route: held.append(route))  # noqa: PLW0108 - it asks for parameters
    page.get_by_label("State").select_option("SUCCESS")
    page.wait_for_timeout(7_000)  # it looks every five seconds
    held[0].continue_()
    expect(page.get_by_role("heading", name="No sync matches this filter")).to_be_visible()
    told = page.locator("#shown")  # a screen reader hears what came of the choice
    expect(told).to_have_text("No sync matches this filter")
    page.get_by_label("State").select_option("")
    expect(told).to_have_text("1 sync is shown")


def test_the_copied_command_delivers(visitor: Visitor, slug: str, running_product: Product, tmp_path: Path) -> None:
    (tmp_path / "license-usage.json").write_bytes(
        server_export([account(1, "ana@octo.example")], host="ghe.octo.example")
    )
    usage = ["import_usage", slug, str(tmp_path / "license-usage.json")]
    assert running_product.manage(*usage).returncode == 0
    accounts = [account(number, f"user-{number}@octo.example") for number in range(1, 6)]
    (tmp_path / "license-usage.json").write_bytes(server_export(accounts, host="ghe.octo.example"))

    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.sign_in()
    visitor.open(f"/enterprises/{slug}/settings/license")
    page.get_by_role("link", name="ghe.octo.example", exact=True).click()
    page.get_by_role("link", name="Set up the push").click()
    page.wait_for_url("**/push")
    visitor.check(page.url.removeprefix(visitor.url))
    page.get_by_label("New token").fill("cron on the appliance")
    page.get_by_role("button", name="Generate token").click()
    expect(page.locator("[data-copy=command-file]")).to_be_visible()
    ask_axe_in_both_themes(visitor)
    page.locator("[data-copy=command-file]").click()
    expect(page.locator("[data-copy=command-file]")).to_contain_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")

    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "/api/v3/" in json.dumps(json.loads(done.stdout))
    visitor.open(page.url.removeprefix(visitor.url))
    expect(page.get_by_text("Last used")).to_be_visible()
    assert "lsy_" not in page.content()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="ghe.octo.example").click()
    newest = page.locator("#history tbody tr").first
    expect(newest).to_contain_text("4 licenses more than before", timeout=LONG)
    expect(newest).to_contain_text("Pushed")
    page.set_viewport_size({"width": 390, "height": 844})
    share = "outcome => outcome.offsetWidth / outcome.parentElement.offsetWidth"
    assert newest.locator(".out").evaluate(share) > 0.8, "on a phone the outcome has a line of its own"
    assert visitor.problems == []
