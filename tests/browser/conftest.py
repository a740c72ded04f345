"""A real browser before the running product."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.people import PASSWORD
from tests.product import Product

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OWNER = "dana.whitfield@octo.example"
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
STICKS_OUT = """() => [
  ...(document.documentElement.scrollWidth > innerWidth ? ["the page"] : []),
  ...[...document.querySelectorAll(".box > table")].filter(table =>
    table.getBoundingClientRect().right > table.parentElement.getBoundingClientRect().right + 1
  ).map(table => table.className),
  ...[...document.querySelectorAll("td, tbody th")].filter(cell => cell.scrollWidth > cell.clientWidth + 1)
    .map(cell => `${cell.className}: ${cell.innerText}`),
]"""


@dataclass
class Visitor:
    """Somebody at a browser. `problems` is what the browser complained about: scripts, policies, missing files."""

    page: Page
    url: str
    problems: list[str]

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self) -> None:
        self.open("/sign-in")
        self.sign_in_here()

    def sign_in_here(self) -> None:
        self.page.get_by_label("E-mail").fill(OWNER)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "sign-in" not in url)

    def ask_axe(self) -> None:
        """The page as it is now, whatever its state."""
        found = Axe().run(self.page)
        assert found.violations_count == 0, f"{self.page.url}\n{found.generate_report()}"

    def check(self, path: str) -> None:
        """In both themes and at both widths: nothing for axe to say, and nothing that scrolls sideways."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                self.page.context.add_cookies([{"name": "theme", "value": theme, "url": self.url}])
                self.open(path)
                self.ask_axe()
                too_wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
                assert not too_wide, f"{path} scrolls sideways at {width}"
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def check_every_width(self, path: str) -> None:
        """Nothing scrolls sideways or sticks out of its box or cell, on whatever screen."""
        self.open(path)
        for width in range(340, 1500, 20):
            self.page.set_viewport_size({"width": width, "height": 900})
            assert self.page.evaluate(STICKS_OUT) == [], f"{path} at {width}"
        self.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture
def visitor(request: pytest.FixtureRequest) -> Iterator[Visitor]:
    if CHROMIUM is None:
        pytest.skip("There is no Chromium here: install the package chromium to run the tests in a browser.")
    product: Product = request.getfixturevalue("running_product")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale="en-US", timezone_id="UTC").new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield Visitor(page, product.url, problems)
        browser.close()
