"""From an empty enterprise to the right figures, in a real browser and with real workers."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from licensesync.demo import DemoFiles, write_demo_files
from licensesync.web.words import number
from tests.browser.conftest import OWNER, Visitor
from tests.flows.lists import identities
from tests.people import PASSWORD
from tests.product import Product

LONG = 60_000  # milliseconds that taking three lists in may need on a busy machine

# Remembers every text that the list of files has shown.
WATCH = """
window.seen = [];
new MutationObserver(() => window.seen.push(document.getElementById("add-usage").innerText))
  .observe(document.getElementById("add-usage"), {childList: true, subtree: true, characterData: true});
"""


# Remembers what a screen reader is told.
LISTEN = """
window.told = [];
new MutationObserver(() => window.told.push(document.querySelector("[role=status]#told").textContent))
  .observe(document.getElementById("told"), {childList: true});
"""


@pytest.fixture
def files(tmp_path: Path) -> DemoFiles:
    return write_demo_files(tmp_path, today=datetime.now(UTC))


@pytest.fixture
def slug(running_product: Product, files: DemoFiles) -> str:
    """A new enterprise with as many licenses as the files expect."""
    slug = f"octo-{uuid4().hex[:8]}"
    seats = ["--seats", str(files.enterprise_licenses), "--visual-studio-seats", str(files.visual_studio_licenses)]
    words = ["--enterprise", slug, "--name", "Octo Industries", "--owner", OWNER, "--password-stdin", *seats]
    done = running_product.manage("bootstrap", *words, stdin=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    return slug


def test_whoever_was_signed_out_meanwhile_is_told(visitor: Visitor, slug: str, files: DemoFiles) -> None:
    """Their files have not arrived, and they come back to the page."""
    page, home = visitor.page, f"/enterprises/{slug}/settings"
    visitor.sign_in()
    visitor.check(f"{home}/license")
    page.context.clear_cookies(name="licensesync")
    page.locator("input[type=file]").set_input_files([files.server_export, files.cloud_licenses])
    expect(page.get_by_text("You were signed out, so what you just sent did not arrive.")).to_have_count(1)
    visitor.sign_in_here()
    expect(page.get_by_role("heading", name="No usage yet")).to_be_visible()


def test_files_become_figures(visitor: Visitor, slug: str, files: DemoFiles) -> None:
    page, home = visitor.page, f"/enterprises/{slug}/settings"
    outcomes = page.locator("#files")
    visitor.sign_in()
    visitor.check(f"{home}/license")
    expect(page.get_by_role("heading", name="No usage yet")).to_be_visible()

    page.evaluate(WATCH)
    page.evaluate(LISTEN)
    page.locator("input[type=file]").set_input_files([files.server_export, files.server_report, files.cloud_licenses])

    # The report's question is answered while the other lists are taken in, and nobody takes the words away.
    host = page.get_by_label("A new instance, with the host name")
    expect(host).to_be_visible(timeout=LONG)
    host.fill(files.report_host[:5])
    expect(outcomes.get_by_text("GitHub Enterprise Cloud: 1,774 accounts read")).to_be_visible(timeout=LONG)
    expect(outcomes.get_by_text("ghes-emea.octo.example: 1,265 accounts read")).to_be_visible(timeout=LONG)
    expect(host).to_have_value(files.report_host[:5])
    visitor.ask_axe()
    host.fill(files.report_host)
    page.get_by_role("button", name="Add as a new instance").click()
    expect(page.locator("#files > li:focus")).to_have_count(1)
    expect(outcomes.get_by_text(f"{files.report_host}: 501 accounts read")).to_be_visible(timeout=LONG)

    # The figures have followed without a reload, and are those of the example's table.
    expected = files.expected
    figures = page.locator("#figures")
    expect(figures.locator("dd").first).to_contain_text(number(expected.consumed))
    tops = figures.locator("dl dd > small").evaluate_all("each => each.map(it => it.getBoundingClientRect().top)")
    assert tops == [tops[0]] * 2, "a figure that leads somewhere stands on the line of the others"
    for name, people in (
        ("w-cloud", expected.cloud_only),
        ("w-both", expected.cloud_and_server),
        ("w-server", expected.server_only),
        ("w-vs", expected.visual_studio),
    ):
        expect(figures.locator(f".legend .{name} strong")).to_have_text(number(people))
    expect(figures.get_by_text("Limit exceeded").first).to_be_visible()
    expect(page.get_by_role("link", name="CSV report")).to_be_visible()
    page.get_by_role("link", name="Close", exact=True).click()
    expect(page.locator("#upload")).to_be_hidden()
    page.get_by_role("link", name="Add server usage").click()
    expect(page.locator("#upload")).to_be_visible()
    texts = "\n".join(page.evaluate("window.seen"))
    # What passes quickly may fall between two looks; that something is at work is seen in any case.
    assert "Looking at the file." in texts or "You can leave this page." in texts
    expect(page.locator("#count-licenses")).to_have_text(number(expected.consumed))
    expect(page.locator("#count-servers")).to_have_text("2")

    # Each outcome, and the question, was told once to whoever only listens.
    told = "\n".join(page.evaluate("window.told"))
    for sentence in (
        "all_users.csv: This report does not say which server it is from.",
        "GitHub Enterprise Cloud: 1,774 accounts read",
        "ghes-emea.octo.example: 1,265 accounts read",
        f"all_users.csv: {files.report_host}: 501 accounts read",
    ):
        assert told.count(sentence) == 1, told
    assert "Looking at" not in told

    # Put an outcome away, then follow a figure to the people, and one of them to the reason.
    row = page.locator("#files > li", has_text="consumed-licenses.json")
    row.get_by_role("button", name="Remove consumed-licenses.json from this list").click()
    expect(row).to_have_count(0)
    visitor.check(f"{home}/license")
    figures.locator(".legend .w-both").click()
    expect(page.get_by_text(f"of {number(expected.consumed)} licenses: Cloud and server")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**after=**")
    visitor.check(f"{home}/license/consumed")
    page.locator(".person a").first.click()
    expect(page.get_by_role("heading", name="Why this is one license")).to_be_visible()
    visitor.check(page.url.removeprefix(visitor.url))
    visitor.check(f"{home}/sync-history")
    visitor.check(f"{home}/cloud")
    visitor.open(f"{home}/license")
    page.get_by_role("link", name="ghes-emea.octo.example", exact=True).click()
    page.wait_for_url("**/instances/*")
    visitor.check(page.url.removeprefix(visitor.url))
    assert visitor.problems == []


def test_pages_of_a_cloud_list_that_are_dropped_together(
    visitor: Visitor, slug: str, files: DemoFiles, tmp_path: Path
) -> None:
    pages = json.loads(files.cloud_licenses.read_text())
    paths = []
    for index, each in enumerate(pages, 1):
        paths.append(tmp_path / f"page-{index}.json")
        paths[-1].write_text(json.dumps(each))
    visitor.sign_in()
    visitor.open(f"/enterprises/{slug}/settings/license")
    visitor.page.locator("input[type=file]").set_input_files(paths)
    outcomes = visitor.page.locator("#files")
    expect(outcomes.get_by_text("GitHub Enterprise Cloud: 1,774 accounts read")).to_be_visible(timeout=LONG)
    expect(visitor.page.locator("#files > li")).to_have_count(1)

    # What the identity provider knows of two of them comes later, and asks before it takes it from many.
    logins = [row["github_com_login"] for row in pages[0]["users"] if row["github_com_login"]]
    linked = tmp_path / "identities.json"
    linked.write_bytes(identities(*[(login, f"{login}@corp.example") for login in logins[:30]]))
    visitor.page.locator("input[type=file]").set_input_files(linked)
    expect(outcomes.get_by_text("linked identities of 30 accounts read")).to_be_visible(timeout=LONG)
    linked.write_bytes(identities((logins[0], f"{logins[0]}@corp.example")))
    visitor.page.locator("input[type=file]").set_input_files(linked)
    expect(outcomes.get_by_text("29 of the 30 cloud accounts with a linked identity have none")).to_be_visible(
        timeout=LONG
    )
    visitor.ask_axe()
    visitor.page.get_by_role("button", name="Use it all the same").click()
    expect(outcomes.get_by_text("linked identities of 1 account read")).to_be_visible(timeout=LONG)
    visitor.check(f"/enterprises/{slug}/settings/cloud")
    expect(visitor.page.locator("#history").get_by_text("Linked identities")).to_have_count(3)
    assert visitor.problems == []


def test_a_file_that_is_too_large_is_not_even_sent(visitor: Visitor, slug: str, tmp_path: Path) -> None:
    visitor.sign_in()
    visitor.open(f"/enterprises/{slug}/settings/license")
    page = visitor.page
    page.evaluate("document.getElementById('upload').dataset.limit = '10'")
    large = tmp_path / "large.json"
    large.write_text("x" * 11)
    page.locator("input[type=file]").set_input_files(large)
    expect(page.get_by_text("The file is larger than 500 MB.")).to_be_visible()
    expect(page.locator("#uploads").get_by_role("alert")).to_contain_text("large.json: The file is larger")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#uploads > li")).to_have_count(0)
    expect(page.locator("#files > li")).to_have_count(0)


def test_words_are_dropped_into_fields(visitor: Visitor, slug: str) -> None:
    """Only files are ours to take."""
    visitor.sign_in()
    visitor.open(f"/enterprises/{slug}/settings/license")
    kept_from_the_browser = visitor.page.evaluate(
        """() => {
          const words = new DataTransfer();
          words.setData("text/plain", "ghes.octo.example");
          return ["dragenter", "dragover", "drop"].filter(name => !document.querySelector("h1").dispatchEvent(
            new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: words})));
        }"""
    )
    assert kept_from_the_browser == []
    assert visitor.problems == []


def test_a_file_is_dropped(visitor: Visitor, slug: str) -> None:
    visitor.sign_in()
    visitor.open(f"/enterprises/{slug}/settings/license")
    page = visitor.page
    dropped = page.evaluate_handle(
        "() => { const drop = new DataTransfer(); drop.items.add(new File([''], 'nothing.json')); return drop; }"
    )
    outcomes = page.locator("#files")
    for times, place in enumerate((".dropzone", "h1"), start=1):  # beside the zone as well
        page.dispatch_event(place, "drop", {"dataTransfer": dropped})
        expect(outcomes.get_by_text("The file is empty.")).to_have_count(times, timeout=LONG)
