"""Below a path of another site: LICENSESYNC_URL=https://intranet.example/licenses."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.urls import reverse, set_script_prefix

from licensesync.users.links import absolute_in_command, running_at
from tests.product import MANAGE, product_environment

ASK = """
import json
from django.conf import settings
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client
from django.urls import get_script_prefix, reverse
from licensesync.enterprises.models import Enterprise
from licensesync.users.models import User
from licensesync.users.services import first_owner_path, set_password

call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
browser = Client(headers={"host": "intranet.example"}, secure=True)
found = {}
def look(path):  # as the proxy passes it on: without the path of the site
    answer = browser.get(path.removeprefix("/licenses"), secure=True, HTTP_HOST="intranet.example")
    found[path] = [answer.status_code, answer.headers.get("Location", ""), b"".join(answer).decode()]
look(first_owner_path())
call_command("bootstrap", "--enterprise", "octo", "--owner", "o@octo.example", stdout=open("/dev/null", "w"))
look("/licenses/")
look("/licenses/nowhere")
look(static("css/base.css"))
set_password(user=User.objects.get(), password="correct horse battery 9")
browser.post("/sign-in", {"username": "o@octo.example", "password": "correct horse battery 9"}, secure=True)
for name in ("license", "licenses", "people", "usage_history"):
    look(reverse(name, args=["octo"]))
browser.post("/enterprises/octo/settings/people", {"email": "new@octo.example", "role": "owner"}, secure=True)
tokens = "/enterprises/octo/settings/tokens"
made = browser.post(tokens, {"name": "x", "scopes": ["read:enterprise"], "days": "30"}, secure=True)
found[reverse("tokens", args=["octo"])] = [made.status_code, made["Location"], ""]
flags = ("path", "secure", "httponly", "samesite")
found["cookies"] = {cookie.key: [cookie[flag] for flag in flags] for cookie in browser.cookies.values()}
print(json.dumps(found))
"""


def test_every_link_begins_with_the_path(tmp_path: Path) -> None:
    environment = product_environment(
        tmp_path / "data", LICENSESYNC_URL="https://intranet.example/licenses", LICENSESYNC_BEHIND_PROXY="true"
    )
    answer = subprocess.run(
        [sys.executable, str(MANAGE), "shell", "--no-imports", "-c", ASK],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found.pop("cookies") == {
        "__Secure-licensesync": ["/licenses/", True, True, "Lax"],
        "__Secure-licensesync-csrf": ["/licenses/", True, True, "Lax"],
        "__Secure-licensesync-messages": ["/licenses/", True, True, "Lax"],  # with the link of an invitation
        "__Secure-licensesync-once": ["/licenses/", True, True, "Strict"],  # with the token
    }
    for page, (status, location, content) in found.items():
        assert page.startswith("/licenses/")
        assert status == {
            "/licenses/": 302,
            "/licenses/nowhere": 404,
            "/licenses/enterprises/octo/settings/tokens": 302,
        }.get(page, 200), page
        assert location.startswith("/licenses/") or not location
        if page.endswith(".css"):
            continue
        links = re.findall(r'(?:href|src|action|hx-get|hx-post|data-[\w-]+)="(/[^"]*)"', content)
        assert len(links) > 4 or location
        assert [link for link in links if not link.startswith("/licenses/")] == [], page


def test_what_the_web_server_loads_names_assets_below_it(tmp_path: Path) -> None:
    """It learns the path later than a command does."""
    answer = subprocess.run(
        [sys.executable, "-c", "from licensesync.config.wsgi import settings; print(settings.STATIC_URL)"],
        env=product_environment(tmp_path / "data", LICENSESYNC_URL="https://intranet.example/licenses"),
        capture_output=True, text=True, check=True, timeout=120, cwd=MANAGE.parent,
    )  # fmt: skip
    assert answer.stdout == "/licenses/static/\n"


def test_a_command_that_knows_no_path_prints_links_with_it(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.LICENSESYNC_URL = tmp_path, ""
    with running_at("https://intranet.example/licenses"):
        assert absolute_in_command("/password/new/x") == "https://intranet.example/licenses/password/new/x"
        set_script_prefix("/licenses/")
        try:
            assert absolute_in_command(reverse("sign_in")) == "https://intranet.example/licenses/sign-in"
        finally:
            set_script_prefix("/")
        (tmp_path / "address").write_text("http://another.example")
    assert absolute_in_command("/x") == "http://another.example/x", "of another machine on the same directory"
