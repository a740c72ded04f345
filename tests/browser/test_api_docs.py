"""The page of the REST API in a real browser: it loads under our policy, follows the theme, and its try-out works."""

import json

from playwright.sync_api import expect

from tests.browser.conftest import OWNER, THEMES, WIDTHS, Visitor
from tests.product import Product

LONG = 60_000  # milliseconds; the script of Swagger UI is large


def test_it_is_read_in_both_themes_and_tried(visitor: Visitor, running_product: Product) -> None:
    words = ["--enterprise", "docs-of-the-api", "--owner", OWNER, "--token"]
    token = json.loads(running_product.manage("bootstrap", *words).stdout)["token"]
    page = visitor.page
    backgrounds = set()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.context.add_cookies([{"name": "theme", "value": theme, "url": visitor.url}])
            visitor.open("/api/docs")
            expect(page.locator(".opblock").first).to_be_visible(timeout=LONG)
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            backgrounds.add((theme, page.evaluate("getComputedStyle(document.documentElement).backgroundColor")))
    assert backgrounds == {("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")}

    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Authorize").click()
    page.locator(".modal-ux input").fill(token)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux .btn-done").click()
    operation = page.locator("#operations-enterprise-get_enterprise")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("enterprise").fill("docs-of-the-api")
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator("tbody td.response-col_status").first).to_contain_text("200", timeout=LONG)
    expect(answer).to_contain_text('"slug": "docs-of-the-api"')
    assert visitor.problems == []
