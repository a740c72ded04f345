"""The documentation in a real browser, where there is no internet to read it elsewhere."""

import pytest
from playwright.sync_api import expect

from licensesync.web.documentation import PAGES
from tests.browser.conftest import OWNER, Visitor
from tests.people import PASSWORD
from tests.product import Product


@pytest.fixture(autouse=True)
def signed_in(visitor: Visitor, running_product: Product) -> None:
    words = ("--enterprise", "octo-documentation", "--owner", OWNER, "--password-stdin")
    made = running_product.manage("bootstrap", *words, stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    visitor.sign_in()


def test_it_is_found_at_the_foot_of_every_page(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="Documentation", exact=True).click()
    page.get_by_role("link", name="Running LicenseSync").click()
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Backup").click()
    expect(page.get_by_role("heading", name="Backup")).to_be_in_viewport()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Documentation").click()
    expect(page.get_by_role("heading", name="Documentation")).to_be_visible()
    visitor.check("/documentation/operations")
    assert visitor.problems == []


def test_each_page_can_be_read_on_a_phone_and_by_everybody(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 900})
    for path in ("/documentation", *(f"/documentation/{name}" for name in PAGES)):
        visitor.open(path)
        visitor.ask_axe()
        assert not visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
    assert visitor.problems == []
