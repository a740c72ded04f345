"""Owners and billing in a real browser: on a phone, and by keyboard."""

import time
from uuid import uuid4

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OWNER, Visitor
from tests.people import PASSWORD
from tests.product import Product


@pytest.fixture
def address(running_product: Product) -> str:
    slug = f"octo-{uuid4().hex[:8]}"
    words = ("--enterprise", slug, "--name", "Octo Industries", "--owner", OWNER, "--password-stdin")
    made = running_product.manage("bootstrap", *words, stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    return f"/enterprises/{slug}/settings/people"


def test_an_invitation_on_a_phone(visitor: Visitor, address: str) -> None:
    visitor.sign_in()
    visitor.open(address)
    page = visitor.page
    page.get_by_label("E-mail").fill("new@octo.example")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("button", name="Revoke")).to_be_visible()
    visitor.check(address)
    visitor.check_every_width(address)
    page.set_viewport_size({"width": 390, "height": 900})
    for name in ("New link", "Revoke"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390, name
    assert visitor.problems == []


def test_the_focus_stays_where_somebody_is(visitor: Visitor, address: str) -> None:
    visitor.sign_in()
    visitor.open(address)
    page = visitor.page
    more = page.get_by_role("button", name="More for")
    more.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Leave…").press("Enter")
    expect(page.get_by_role("heading", name="You are the last owner of Octo Industries")).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()

    field = page.get_by_label("E-mail")
    field.fill("nobody@octo")  # for a browser that is an address
    field.press("Enter")
    expect(page.get_by_text("Enter an e-mail address, such as mona@octo.example.")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_be_focused()
    assert visitor.problems == []


def test_a_second_click_on_a_slow_page_makes_nothing_more(visitor: Visitor, address: str) -> None:
    """Else there would be a token that works and that nobody has seen."""

    def slowly(route: Route) -> None:
        if route.request.method == "POST":
            answer = route.fetch(max_redirects=0)
            time.sleep(1)
            route.fulfill(response=answer)
        else:
            route.continue_()

    visitor.sign_in()
    page = visitor.page
    visitor.open(address.replace("people", "tokens"))
    page.route("**/tokens", slowly)
    page.get_by_label("Name").fill("nightly")
    page.evaluate(
        """() => {
          const button = document.querySelector("form.box button");
          button.click();
          setTimeout(() => button.click(), 300);
        }"""
    )
    expect(page.locator("#new-token")).to_be_visible()
    page.unroute_all(behavior="wait")
    visitor.open(address.replace("people", "tokens"))
    expect(page.locator("table.tokens tbody tr")).to_have_count(1)
    assert visitor.problems == []
