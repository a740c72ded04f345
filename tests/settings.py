"""The product's settings for tests: a data directory of their own, never ./var, and what would only cost time left out.

Settings, and not a fixture: the data directory has to be known before the product's settings are read.
"""

import atexit
import os
import shutil
import tempfile

_directory = tempfile.mkdtemp(prefix="licensesync-tests-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
os.environ["LICENSESYNC_DATA_DIR"] = _directory
for _name in ("LICENSESYNC_URL", "LICENSESYNC_SECRET_KEY"):
    os.environ.pop(_name, None)

from licensesync.config.settings import *  # noqa: E402, F403

# Files as they lie in static/, so that no test waits for collectstatic.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
# The product's hasher takes its time, which is its purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
