"""What people see of a product whose data is elsewhere, to compare it before and after."""

import re
import subprocess
import sys
from collections.abc import Mapping

from tests.product import MANAGE
from tests.web.usage import TOKENS

SCRIPT = """
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from licensesync.enterprises.models import Enterprise, Membership
call_command("collectstatic", interactive=False, verbosity=0)  # as `up` does
enterprise = Enterprise.objects.get()
browser = Client()
browser.force_login(
    Membership.objects.get(enterprise=enterprise).user, backend="django.contrib.auth.backends.ModelBackend"
)
for name in ("license", "licenses"):
    print(browser.get(reverse(name, args=[enterprise.slug]), headers={"host": "localhost"}).content.decode())
"""


def license_page(environment: Mapping[str, str]) -> str:
    """The License page of the one enterprise there, and the list of its licenses, as its owner sees them: without what
    is new each time (how long ago something was, and secrets of forms)."""
    command = [sys.executable, str(MANAGE), "shell", "--no-imports", "-c", SCRIPT]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 0, answer.stderr
    text = TOKENS.sub("", answer.stdout)
    return re.sub(r"(<time[^>]*>)[^<]*|version=\"\w+\"", r"\1", text)
