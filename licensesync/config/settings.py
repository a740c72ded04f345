"""Settings, all from the environment (docs/operations.md lists the names). The defaults run on one machine:
SQLite and a queue in the data directory, no Redis, plain http on loopback."""

import ipaddress
from datetime import timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from csp.constants import NONE, SELF
from django.contrib.messages.constants import ERROR, INFO, WARNING
from django.core.exceptions import ImproperlyConfigured

from . import BASE_DIR, environment, version
from .database import postgresql
from .logs import logging_config

VERSION = version()
DATA_DIR = environment.data_directory()
SECRET_KEY = environment.secret_key(DATA_DIR)
# Fernet keys for the tokens of connections. The first one seals; each one opens.
ENCRYPTION_KEYS = environment.encryption_keys(DATA_DIR)
SECRET_KEY_FALLBACKS = environment.listing("LICENSESYNC_OLD_SECRET_KEYS")
DEBUG = environment.flag("LICENSESYNC_DEBUG", False)

# The address that people type. It decides hosts, CSRF origins, cookies and the links that we print.
LICENSESYNC_URL = environment.text("LICENSESYNC_URL").rstrip("/")
_address = environment.address(
    "LICENSESYNC_URL",
    LICENSESYNC_URL or "http://127.0.0.1:8000",
    schemes=environment.WEB,
    example="https://licenses.example.com",
)
if _address.query or _address.fragment:
    raise ImproperlyConfigured(f"LICENSESYNC_URL is {LICENSESYNC_URL!r}; write it like https://licenses.example.com.")
_secure = _address.scheme == "https"
# Below a path of another site: the proxy takes the path away, and every link of ours begins with it.
FORCE_SCRIPT_NAME = _address.path or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_address.path}/"
ALLOWED_HOSTS = [
    _address.hostname,
    "127.0.0.1",
    "localhost",
    "[::1]",
    *environment.hosts("LICENSESYNC_ALLOWED_HOSTS"),
]
CSRF_TRUSTED_ORIGINS = [f"{_address.scheme}://{_address.netloc}"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
# A cookie name with the __Host- prefix can't be set from a sub-domain, over plain http, or below a path.
_prefix = "" if not _secure else "__Secure-" if _address.path else "__Host-"
SESSION_COOKIE_NAME = f"{_prefix}licensesync"
CSRF_COOKIE_NAME = f"{_prefix}licensesync-csrf"
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "licensesync.web.say.Messages"
MESSAGE_TAGS = {INFO: "", WARNING: "attention", ERROR: "danger"}  # the tones of a flash; "success" is Django's word too
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = environment.flag("LICENSESYNC_BEHIND_PROXY", False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# The proxy of a company's single sign-on (`web.single_sign_on`): the header in which it names who is signed in, what
# proves that it is the proxy, and where it signs people out.
SSO_HEADER = environment.text("LICENSESYNC_SSO_HEADER")
SSO_SECRET = environment.text("LICENSESYNC_SSO_SECRET")
SSO_SIGN_OUT_URL = environment.text("LICENSESYNC_SSO_SIGN_OUT_URL")
_sign_out = environment.address(
    "LICENSESYNC_SSO_SIGN_OUT_URL",
    SSO_SIGN_OUT_URL,
    schemes=[*environment.WEB, ""],
    example="https://sso.example.com/sign-out or /oauth2/sign_out",
)
if SSO_HEADER and len(SSO_SECRET) < 32:
    raise ImproperlyConfigured(
        "LICENSESYNC_SSO_HEADER needs LICENSESYNC_SSO_SECRET, of 32 characters at least, which the proxy sends as "
        "X-SSO-Secret: else whoever comes past the proxy could be anybody. Make it: openssl rand -hex 32"
    )
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        # A browser also asks this of where the answer to a form leads on to.
        "form-action": [SELF, f"{_sign_out.scheme}://{_sign_out.netloc}"] if _sign_out.netloc else [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "licensesync.users",
    "licensesync.enterprises",
    "licensesync.usage",
    "licensesync.licenses",
    "licensesync.syncing",
    "licensesync.operations",
    "licensesync.web",
    "licensesync.api",
    "licensesync.config",
]
MIDDLEWARE = [
    "licensesync.web.requests.RequestMiddleware",  # first: it names and measures everything behind it
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "licensesync.web.single_sign_on.SingleSignOnMiddleware",
    "licensesync.web.signed_out.SignedOutMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "licensesync.web.reader.ReaderMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "licensesync.config.urls"
WSGI_APPLICATION = "licensesync.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "licensesync.web.reader.reader",
            ],
            "builtins": ["django.templatetags.i18n", "licensesync.web.templatetags.licensesync"],
        },
    }
]


def _database() -> dict[str, object]:
    """DATABASE_URL=postgresql://user:password@host:port/name?sslmode=..., else SQLite in the data directory."""
    url = environment.text("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "licensesync.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # A writer says so at its first word, so that two writers queue instead of failing half-way.
                "transaction_mode": "IMMEDIATE",
                "timeout": environment.number("LICENSESYNC_DATABASE_WAIT_SECONDS", 20, at_most=3_600),
                # Each thread of the web server has a cache of its own, in KiB; jobs take more (`bulk.prepare_session`).
                # The log grows while somebody reads an old state. With a limit it shrinks again afterwards.
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-4000;"
                "PRAGMA temp_store=FILE;PRAGMA journal_size_limit=67108864;",
            },
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    return postgresql(url, password=environment.text("DATABASE_PASSWORD"))


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["licensesync.users.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
PASSWORD_RESET_TIMEOUT = 60 * 60 * 24
AXES_USERNAME_FORM_FIELD = "username"
AXES_FAILURE_LIMIT = environment.whole_number("LICENSESYNC_SIGN_IN_TRIES", 5, at_least=1)
AXES_COOLOFF_TIME = timedelta(minutes=environment.number("LICENSESYNC_SIGN_IN_WAIT_MINUTES", 15, at_most=525_600))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "licensesync.web.tries.Tries"
AXES_CLIENT_IP_CALLABLE = "licensesync.web.tries.pseudonym_of_client"
AXES_LOCKOUT_CALLABLE = "licensesync.web.tries.locked_out"
# Fields of the forms with a password; axes keeps a form without them.
AXES_SENSITIVE_PARAMETERS = [
    "username",
    "email",
    "password",
    "old_password",
    "new_password1",
    "new_password2",
    "next",
    "csrfmiddlewaretoken",
]
AXES_DISABLE_ACCESS_LOG = True

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = environment.text("LICENSESYNC_TIME_ZONE", "UTC")
try:
    ZoneInfo(TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError, OSError):
    raise ImproperlyConfigured(f"LICENSESYNC_TIME_ZONE is {TIME_ZONE!r}; write it like Europe/Berlin.") from None
USE_THOUSAND_SEPARATOR = True

# With the path of the site: what Django would put before it depends on who asks first.
STATIC_URL = f"{_address.path}/static/"
STATIC_ROOT = DATA_DIR / "static"
# htmx and Swagger UI come out of installed packages; the paths name just the one folder with each.
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("htmx", str(files("django_htmx") / "static" / "django_htmx")),
    ("swagger-ui", str(files("drf_spectacular_sidecar") / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist")),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Uploads: written once, straight to the private folder; nothing of them is ever served.
UPLOADS_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_HANDLERS = ["licensesync.flows.upload_limit.NoUploads"]  # but where a view allows them
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_PERMISSIONS = 0o600
QUEUE_DIR = DATA_DIR / "queue"  # messages as files, where there is no Redis
FETCHES_DIR = DATA_DIR / "fetches"  # what a sync has fetched so far, a folder a job
for _directory in (UPLOADS_DIR, FILE_UPLOAD_TEMP_DIR, FETCHES_DIR):
    _directory.mkdir(mode=0o700, exist_ok=True)
MAX_UPLOAD_BYTES = environment.whole_number("LICENSESYNC_MAX_UPLOAD_MB", 500, at_least=1) * 1024 * 1024
MAX_UNPACKED_BYTES = environment.whole_number("LICENSESYNC_MAX_UNPACKED_MB", 2000, at_least=1) * 1024 * 1024
MAX_ACCOUNTS = environment.whole_number("LICENSESYNC_MAX_ACCOUNTS", 3_000_000, at_least=1)
DAY = 86_400  # seconds
CENTURY = 36_500  # days; what is counted back from now has to be a date still, for whoever wants to keep all
PAYLOAD_RETENTION = timedelta(days=environment.number("LICENSESYNC_PAYLOAD_RETENTION_DAYS", 7, at_most=CENTURY))
HISTORY_RETENTION = timedelta(days=environment.number("LICENSESYNC_HISTORY_RETENTION_DAYS", 400, at_most=CENTURY))

API_REQUESTS_PER_HOUR = environment.whole_number("LICENSESYNC_API_REQUESTS_PER_HOUR", 5000, at_least=1)  # of a token
# Only what drf-spectacular reads; the rest of REST framework is set in `api.endpoint`.
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema", "UNAUTHENTICATED_USER": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "LicenseSync",
    "DESCRIPTION": "GitHub’s licensing endpoints as GitHub answers them, and everything that LicenseSync does.",
    "VERSION": "3",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v3",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "licensesync.api.description.with_answers_by_method",
    ],
    "ENABLE_LIST_MECHANICS_ON_NON_2XX": False,
    "TAGS": [
        {"name": "licensing", "description": "GitHub’s endpoints: scripts work here with another base URL"},
        {"name": "usage", "description": "Deliver files, and see what becomes of them"},
        {"name": "jobs", "description": "What is done, and what came of it"},
        {"name": "licenses", "description": "Found as on the page, and each with its reasons"},
        {"name": "instances", "description": "Servers and the cloud: connect, sync, delete"},
        {"name": "enterprise", "description": "Settings, seats and verified domains"},
        {"name": "members", "description": "People, roles and invitations"},
    ],
    "SERVERS": [{"url": FORCE_SCRIPT_NAME}] if FORCE_SCRIPT_NAME else [],  # below a path, "Try it out" needs it
}

# The life of a job. Seconds; tests shorten them.
HEARTBEAT_SECONDS = environment.number("LICENSESYNC_HEARTBEAT_SECONDS", 5, at_least=0.1)
# A busy machine lets a heartbeat or two come late: with less patience a job would be taken from whoever is at it.
STALLED_SECONDS = environment.number("LICENSESYNC_STALLED_SECONDS", 20, at_least=3 * HEARTBEAT_SECONDS, at_most=DAY)
SWEEP_SECONDS = environment.number("LICENSESYNC_SWEEP_SECONDS", 10, at_least=1, at_most=30)  # looked for each minute
# Between two looks for syncs that are due. It is also how long their message is valid, so it can't be 0.
SCHEDULE_SECONDS = environment.number("LICENSESYNC_SCHEDULE_SECONDS", 60, at_least=1)
MAX_ATTEMPTS = 3
# Fetching. Where our requests may go: hosts and CIDRs (`github.rules`). What may pass by itself is tried again.
CONNECT_ALLOW = environment.places("LICENSESYNC_CONNECT_ALLOW")
CONNECT_DENY = environment.places("LICENSESYNC_CONNECT_DENY")
FETCH_TRIES = environment.whole_number("LICENSESYNC_FETCH_TRIES", 6, at_least=1, at_most=12)
# Before the second try; it doubles each time.
RETRY_SECONDS = environment.number("LICENSESYNC_RETRY_SECONDS", 10, at_most=3_600)
REPORT_PATIENCE_SECONDS = environment.number("LICENSESYNC_REPORT_PATIENCE_SECONDS", 1800, at_most=DAY)
# How long a job may go on after its worker was asked to stop; then it is given back. Less than `up` waits (25).
HAND_BACK_SECONDS = environment.number("LICENSESYNC_HAND_BACK_SECONDS", 15, at_most=24)
# How long rows of an earlier count stay readable, so that whoever is paging through it can finish.
SUPERSEDED_SECONDS = environment.number("LICENSESYNC_SUPERSEDED_SECONDS", 3600, at_most=DAY)

# How many processes `up` gives to pages and to jobs; a page process answers eight requests at once. Connections that
# stay open are not shared out evenly: with two processes, who sits beside five others waits half as long again as with
# four.
WEB_PROCESSES = environment.whole_number("LICENSESYNC_WEB_PROCESSES", 4, at_least=1)
WORKER_PROCESSES = environment.whole_number("LICENSESYNC_WORKER_PROCESSES", 2, at_least=1)

# How it is looked after. How often workers say that they are there; the space that the disk should keep.
SEEN_SECONDS = 15
DISK_RESERVE_MB = environment.whole_number("LICENSESYNC_DISK_RESERVE_MB", 500)
# Who may read /metrics: whoever sends the token, and whoever comes from one of the networks.
METRICS_TOKEN = environment.text("LICENSESYNC_METRICS_TOKEN")
try:
    METRICS_NETWORKS = [ipaddress.ip_network(each) for each in environment.listing("LICENSESYNC_METRICS_NETWORKS")]
except ValueError as error:
    raise ImproperlyConfigured(f"LICENSESYNC_METRICS_NETWORKS: {error}; write it like 10.0.0.0/8.") from None
# How long a page waits for PostgreSQL, which counts in milliseconds up to 24 days. Jobs may take longer.
WEB_STATEMENT_SECONDS = environment.number("LICENSESYNC_WEB_STATEMENT_SECONDS", 30, at_most=DAY)
WEB_STALL_SECONDS = environment.whole_number("LICENSESYNC_WEB_STALL_SECONDS", 60, at_least=1, at_most=DAY)
WEB_LOCK_SECONDS = environment.number("LICENSESYNC_WEB_LOCK_SECONDS", 5, at_most=DAY)

REDIS_URL = environment.text("REDIS_URL")
environment.address(
    "REDIS_URL",
    REDIS_URL,
    schemes=["redis", "rediss", "redis+socket", "sentinel"],
    example="redis://127.0.0.1:6379/0",
)
EMAIL_HOST = environment.text("LICENSESYNC_MAIL_HOST")
EMAIL_PORT = environment.whole_number("LICENSESYNC_MAIL_PORT", 587, at_least=1, at_most=65_535)
EMAIL_HOST_USER = environment.text("LICENSESYNC_MAIL_USER")
EMAIL_HOST_PASSWORD = environment.text("LICENSESYNC_MAIL_PASSWORD")
EMAIL_USE_TLS = environment.flag("LICENSESYNC_MAIL_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("LICENSESYNC_MAIL_FROM", "licensesync@localhost")

LOGGING = logging_config(environment.text("LICENSESYNC_LOG_FORMAT", "text"))
