"""The errors that we expect: a code for machines and a sentence that the owner can act on.

Stdlib only, so the pure rooms (`feeds`, `matching`) can raise them. The sentence is an English template; whoever
shows it translates the template first and then fills it in, so one stored row reads in every reader's language.
A good sentence says what happened, why if known, what to do, and what stays (never a code, a traceback, or blame).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def _(message: str) -> str:
    """Mark a template for translation without translating it here."""
    return message


_ONE: dict[str, tuple[str, str]] = {}


def ngettext(one: str, many: str, by: str) -> str:
    """Mark a pair of templates for translation, as `_` does a single one (makemessages looks for this name).

    What comes back, and is stored where a template is, is the one for many. `filled` knows its other form, and that
    the parameter `by` decides between them: in every process, so use it at the top of this module only.
    """
    _ONE[many] = one, by
    return many


@dataclass(frozen=True, slots=True)
class Problem:
    """What can go wrong. `code` is stored and never changes; `sentence` takes %-style named parameters.

    `in_script` is for whoever typed a command and can't be asked; pages leave it out.
    """

    code: str
    sentence: str
    in_script: str = ""


class ExpectedError(Exception):
    """Ends the work with a sentence for the owner. Anything else that is raised is a defect of ours."""

    def __init__(self, problem: Problem, **params: str | int) -> None:
        self.problem = problem
        self.params = params
        super().__init__(filled(problem.sentence, params))


# What stays, in the sentences of whatever fails on its way to a count: the `stays` of `filled`.
FIGURES_STAY = _("The last good figures stay in use.")
IDENTITIES_STAY = _("The cloud’s list counts all the same.")
NO_FIGURES_YET = _("There are no figures from there yet.")
NOTHING_STORED = _("Nothing was stored.")
NOTHING_CHANGED = _("Nothing was changed.")  # of a file that became no job


def _in_english(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def filled(
    template: str,
    params: Mapping[str, str | int],
    translate: Callable[[str], str] = str,
    translate_plural: Callable[[str, str, int], str] = _in_english,
    readable: Callable[[Mapping[str, str | int]], Mapping[str, str | int]] = dict,
    *,
    stays: str = FIGURES_STAY,
) -> str:
    """A template in the reader's language with its parameters, which `readable` makes the reader's too. Among those,
    `detail` is a template itself, filled with the same ones: which of several things is wrong in the one way that the
    sentence is about."""

    def translated(text: str) -> str:
        if text not in _ONE:
            return translate(text)
        one, by = _ONE[text]
        return translate_plural(one, text, int(params[by]))

    shown = {**readable(params), "stays": translate(stays)}
    if "detail" in params:
        shown["detail"] = translated(str(params["detail"])) % shown
    return translated(template) % shown


# Files and feeds -------------------------------------------------------------------------------------------------

EMPTY_FILE = Problem("empty_file", _("The file is empty. Nothing was changed. Export it again and add the new file."))
NOT_RECOGNISED = Problem(
    "not_recognised",
    _(
        "This is neither a license usage export nor a site-admin report nor a cloud license list. Nothing was changed. "
        "Add the JSON file of “Export license usage”, all_users.csv, or the cloud’s consumed licenses."
    ),
)
WEB_PAGE = Problem(
    "web_page",
    _(
        "This file is a web page, probably a sign-in page saved instead of the download. Nothing was changed. "
        "Sign in to GitHub in the browser, download the file again and add the new one."
    ),
)
NO_IDENTITIES = Problem(
    "no_identities",
    _(
        "This answer of GitHub holds no linked identities. Nothing was changed. Ask with the token of an enterprise "
        "owner; and the enterprise itself has to sign people in by SAML or OIDC."
    ),
)
OUR_REPORT = Problem(
    "our_report",
    _(
        "This is a report of LicenseSync, not a list of GitHub. Nothing was changed. "
        "Download the report at GitHub, under the licensing of the enterprise, and add that one."
    ),
)
TRUNCATED = Problem(
    "truncated",
    ngettext(
        "The file ends in the middle, after %(read)s account. Nothing was changed. "
        "Export it again and add the new file.",
        "The file ends in the middle, after %(read)s accounts. Nothing was changed. "
        "Export it again and add the new file.",
        by="read",
    ),
)
WRONG_SHAPE = Problem(
    "wrong_shape",
    _("Account number %(number)s of the file can’t be read: %(detail)s. Nothing was changed. Export the file again."),
)
OTHER_COLUMNS = ngettext(  # a detail of it
    "it has %(columns)s column instead of %(expected)s",
    "it has %(columns)s columns instead of %(expected)s",
    by="columns",
)
WRONG_ENCODING = Problem(
    "wrong_encoding",
    _(
        "This is not a usage file: those are text, in UTF-8 or UTF-16. Nothing was changed. Export the file again, or "
        "save it as UTF-8, and add it again."
    ),
)
TOO_DEEP = Problem(
    "too_deep",
    _("The file is nested too deeply to be a usage file. Nothing was changed. Export it again and add the new file."),
)
TOO_LONG_VALUE = Problem(
    "too_long_value",
    _("A single value of the file is longer than %(limit)s characters. Nothing was changed. Export the file again."),
)
TOO_LARGE = Problem(
    "too_large",
    _(
        "The file is larger than %(limit)s. Nothing was stored. "
        "Ask whoever operates LicenseSync to raise LICENSESYNC_MAX_UPLOAD_MB, or compress the file with gzip."
    ),
)
TOO_MANY_FILES = Problem(
    "too_many_files",
    _(
        "More than %(limit)s files came at once. Nothing was stored. Add them in smaller groups, and a cloud list of "
        "so many pages as one file that holds them all."
    ),
)
UNPACKS_TOO_LARGE = Problem(
    "unpacks_too_large",
    _("Unpacked, the file is larger than %(limit)s. Nothing was changed. Add it in its plain form."),
)
ARCHIVE_UNREADABLE = Problem(
    "archive_unreadable",
    _("The archive can’t be unpacked: it is damaged or ends too early. Nothing was changed. Pack it again and add it."),
)
ARCHIVE_MEMBERS = Problem(
    "archive_members",
    _(
        "The archive holds %(count)s files; it must hold exactly one. Nothing was changed. "
        "Add the files one by one, or unpacked together."
    ),
)
ARCHIVE_PASSWORD = Problem(
    "archive_password",
    _("The archive is protected by a password. Nothing was changed. Unpack it first, then add the file inside."),
)
DUPLICATE_USER_ID = Problem(
    "duplicate_user_id",
    _("User id %(user_id)s appears more than once in the file. Nothing was changed. Export it again from one server."),
)
DUPLICATE_LOGIN = Problem(
    "duplicate_login",
    _("The cloud account %(login)s appears more than once in the list. Nothing was changed. Fetch the list again."),
)
TOO_MANY_PEOPLE = Problem(
    "too_many_people",
    ngettext(
        "The file lists more than %(limit)s account. Nothing was changed. "
        "Ask whoever operates LicenseSync to raise LICENSESYNC_MAX_ACCOUNTS.",
        "The file lists more than %(limit)s accounts. Nothing was changed. "
        "Ask whoever operates LicenseSync to raise LICENSESYNC_MAX_ACCOUNTS.",
        by="limit",
    ),
)

# Lists that don't fit --------------------------------------------------------------------------------------------

PAGES_MISSING = Problem(
    "pages_missing",
    ngettext(
        "The cloud list is not complete: it holds %(rows)s of %(total)s consumed license (%(missing)s missing). "
        "Nothing was changed. Add all of its pages together.",
        "The cloud list is not complete: it holds %(rows)s of %(total)s consumed licenses (%(missing)s missing). "
        "Nothing was changed. Add all of its pages together.",
        by="total",
    ),
)
IDENTITIES_MISSING = Problem(
    "identities_missing",
    _(
        "The list of linked identities is not complete: it holds %(rows)s of %(total)s. Nothing was changed. Add all "
        "of its pages together."
    ),
)
LAST_PAGE_MISSING = Problem(
    "last_page_missing",
    _(
        "The list of linked identities is not complete: its last page says that more follows. Nothing was changed. Add "
        "all of its pages together."
    ),
)
NO_CLOUD_LIST = Problem(
    "no_cloud_list",
    _(
        "Linked identities belong to accounts of the cloud, and the cloud’s list is not here yet. Nothing was changed. "
        "Add the cloud’s list first, or both together."
    ),
)
SHRINKS_TOO_MUCH = Problem(
    "shrinks_too_much",
    _(
        "This list would remove %(removed)s of %(before)s accounts of %(source)s. Nothing was changed. "
        "If that is right, confirm it."
    ),
    in_script=_("In a script, --accept-shrink confirms it."),
)
OTHER_PEOPLE = Problem(
    "other_people",
    _(
        "In this list %(replaced)s of the %(before)s accounts of %(source)s have another login and no e-mail in "
        "common, so it seems to be of another server. Nothing was changed. If it is right all the same, confirm it."
    ),
    in_script=_("In a script, --accept-shrink confirms it."),
)
FEWER_IDENTITIES = Problem(
    "fewer_identities",
    _(
        "In this list %(removed)s of the %(before)s cloud accounts with a linked identity have none any more, so some "
        "of it seems to be missing. Nothing was changed. If it is right all the same, confirm it."
    ),
    in_script=_("In a script, --accept-shrink confirms it."),
)
STILL_DOUBTED = Problem(
    "still_doubted",
    _(
        "%(source)s is the instance from which this list does not seem to be. Nothing was changed. Name another one, "
        "or confirm it below."
    ),
)
OLDER_THAN_STORED = Problem(
    "older_than_stored",
    _(
        "This file is older than what is there: it is from %(file_date)s, the accounts of %(source)s are from "
        "%(stored_date)s. Nothing was changed. To use it all the same, confirm it."
    ),
    in_script=_("In a script, --accept-older confirms it."),
)
SERVER_UNKNOWN = Problem(
    "server_unknown",
    _("A site-admin report does not say which server it is from. Nothing was changed. Choose the instance."),
    in_script=_("In a script, --server HOST names it."),
)
SERVER_CONFLICT = Problem(
    "server_conflict",
    _(
        "The host name %(host)s and the server id of this file are not known as one server. Nothing was changed. "
        "Say whether the server was replaced or renamed, or whether this is a copy of it."
    ),
    in_script=_("In a script, --server HOST says which instance it is."),
)

WRONG_SOURCE = Problem(
    "wrong_source",
    _(
        "This is a list of %(found)s, but it was delivered as one of %(source)s. Nothing was changed. "
        "Add the list of %(source)s."
    ),
)
USERS_ENCRYPTED = Problem(
    "users_encrypted",
    _(
        "The list of users in this file is encrypted. The facts about %(source)s were taken, no accounts. "
        "Add the site-admin report (all_users.csv) instead, or export a readable list on the server: "
        "“ghe-license usage --help” names the option."
    ),
)
SERVER_NAMELESS = Problem(
    "server_nameless",
    _(
        "“%(host)s” can’t be a host name. Nothing was changed. "
        "Write it as in the browser’s address, for example ghes.example.com."
    ),
)

# The life of a job -----------------------------------------------------------------------------------------------

WORKER_STOPPED = Problem(
    "worker_stopped",
    _("The worker stopped while it was at work, %(attempts)s times. %(stays)s Try again."),
)
UNEXPECTED = Problem(
    "unexpected",
    _(
        "Something went wrong on our side. %(stays)s Try again; if it happens again, "
        "whoever operates LicenseSync finds the details in the log under job %(job)s."
    ),
)
UNEXPECTED_WITH_FILE = Problem(
    "unexpected_with_file",
    _(
        "Something went wrong on our side. Nothing was changed. Try again; if it happens again, "
        "whoever operates LicenseSync finds the details in the log under file %(file)s."
    ),
)
DISK_FULL = Problem(
    "disk_full",
    _("Too little space is left on the disk of LicenseSync or its database. %(stays)s Free some, then try again."),
)
DATABASE_BUSY = Problem("database_busy", _("The database was busy for too long. %(stays)s Try again in a minute."))
REPLACED = Problem(
    "replaced",
    _(
        "A newer file of %(source)s took its place before its turn came. Nothing was changed by this one. "
        "Add it again only if the newer one fails."
    ),
)
OVERTAKEN = Problem(
    "overtaken",
    _(
        "A newer list of %(source)s came while this one waited for its turn. Nothing was changed by this one: "
        "the newer one counts, and nothing is left to do."
    ),
)
BEING_DELETED = Problem(
    "being_deleted",
    _(
        "%(source)s is being deleted. Nothing was changed. Add its usage or connect it again once it is gone, "
        "if you want it back."
    ),
)
PAYLOAD_GONE = Problem("payload_gone", _("The uploaded file is no longer stored. %(stays)s Add the file again."))

# Enterprises, their people and domains ---------------------------------------------------------------------------

LAST_OWNER = Problem(
    "last_owner",
    _("%(email)s is the last owner. Nothing was changed. Make somebody else an owner first."),
)
LAST_OWNER_OF = Problem(
    "last_owner_of",
    _(
        "%(email)s is the last owner of %(enterprise)s. Nothing was changed. Make somebody else an owner first, "
        "or delete the enterprise."
    ),
)
LAST_OPERATOR = Problem(
    "last_operator",
    _(
        "%(email)s set LicenseSync up, and is the only one who sees how it is. Nothing was changed. "
        "Ask whoever has its command line to delete the account."
    ),
)
SLUG_TAKEN = Problem("slug_taken", _("%(slug)s is already the slug of an enterprise here. Choose another one."))
ALREADY_MEMBER = Problem("already_member", _("%(email)s is already a member. Change the role in the list."))
ALREADY_INVITED = Problem(
    "already_invited", _("%(email)s is already invited. Make a new link for that invitation, or revoke it first.")
)
NO_DOMAIN = Problem("no_domain", _("“%(name)s” is not a domain. Nothing was changed. Enter domains like octo.example."))
NO_DOMAINS = Problem(
    "no_domains", _("These are not domains: %(names)s. Nothing was changed. Enter domains like octo.example.")
)
TOO_MANY_DOMAINS = Problem("too_many_domains", _("More than %(most)s domains. Nothing was changed. Enter fewer."))

# Connections -----------------------------------------------------------------------------------------------------

SECRET_UNREADABLE = Problem(
    "secret_unreadable",
    _(
        "The stored token can’t be read, since the encryption key of LicenseSync has changed. %(stays)s Enter the "
        "token again, or have the old key put back."
    ),
)
PROXY_SECRET_UNREADABLE = Problem(
    "proxy_secret_unreadable",
    _(
        "The stored proxy can’t be read, since the encryption key of LicenseSync has changed. %(stays)s Enter the "
        "proxy again or say that there is none any more, or have the old key put back."
    ),
)
ALREADY_CONNECTED = Problem(
    "already_connected",
    _(
        "%(host)s is connected already, at %(address)s. Nothing was stored. Change the connection of that instance, "
        "or, if this is another server, enter the host name configured on the server."
    ),
)
ADDRESS_CONNECTED = Problem(
    "address_connected",
    _(
        "%(address)s is already connected as %(source)s, and a server under two names would be counted twice. "
        "Nothing was stored. Change the address, or delete that instance first if its host name is wrong."
    ),
)
HOST_NAME_NEEDED = Problem(
    "host_name_needed",
    _(
        "Enter the host name that people type to open this server. Nothing was stored. GitHub’s lists name servers by "
        "it, so accounts are not found by an IP address or “localhost”."
    ),
    in_script=_("In a script, --host HOST names it."),
)
SERVER_ELSEWHERE = Problem(
    "server_elsewhere",
    _(
        "%(address)s may be another server than %(known)s, and its list would replace the accounts of %(source)s. "
        "Nothing was stored. Confirm that it is the same server, or connect the other one as an instance of its own."
    ),
    in_script=_("In a script, --same-server confirms it, and --host HOST names the other instance."),
)
CLOUD_ELSEWHERE = Problem(
    "cloud_elsewhere",
    _(
        "%(address)s may be another enterprise than %(known)s, and its list would replace the accounts of %(source)s. "
        "Nothing was stored. Confirm that it is the same enterprise, or add the other one to LicenseSync."
    ),
    in_script=_("In a script, --same-enterprise confirms it."),
)
NOT_CONNECTED = Problem(
    "not_connected",
    _(
        "%(source)s is not connected, so nothing can be fetched from it. Nothing was changed. "
        "Connect it first, or add its usage as a file."
    ),
)
REPORT_TAKES_TOO_LONG = Problem(
    "report_takes_too_long",
    ngettext(
        "%(source)s has not finished building its report after %(minutes)s minute. %(stays)s "
        "Try again later, or download all_users.csv on the server and add it as a file.",
        "%(source)s has not finished building its report after %(minutes)s minutes. %(stays)s "
        "Try again later, or download all_users.csv on the server and add it as a file.",
        by="minutes",
    ),
)
LIST_INCOMPLETE = Problem(
    "list_incomplete",
    ngettext(
        "GitHub’s list was not complete, however often it was read: it holds %(rows)s of %(total)s consumed license "
        "(%(missing)s missing). %(stays)s Try again later.",
        "GitHub’s list was not complete, however often it was read: it holds %(rows)s of %(total)s consumed licenses "
        "(%(missing)s missing). %(stays)s Try again later.",
        by="total",
    ),
)
LIST_KEEPS_CHANGING = Problem(
    "list_keeps_changing",
    _(
        "The list of %(source)s changed each time while it was being read. %(stays)s "
        "Try again when fewer people are being added or removed."
    ),
)

# Calls to GitHub -------------------------------------------------------------------------------------------------

HOST_UNKNOWN = Problem(
    "host_unknown",
    _(
        "There is no host named %(host)s, as far as this server can see. %(stays)s "
        "Change the address, or ask whoever operates LicenseSync whether its name service knows that host."
    ),
)
ADDRESS_REFUSED = Problem(
    "address_refused",
    _(
        "%(host)s resolves to %(address)s, which LicenseSync is not allowed to connect to. %(stays)s "
        "Ask whoever operates LicenseSync to allow it (LICENSESYNC_CONNECT_ALLOW)."
    ),
)
HOST_REFUSED = Problem(
    "host_refused",
    _(
        "LicenseSync is not allowed to connect to %(host)s. %(stays)s "
        "Ask whoever operates LicenseSync to allow it (LICENSESYNC_CONNECT_ALLOW)."
    ),
)
UNREACHABLE = Problem(
    "unreachable",
    _(
        "%(host)s can’t be reached on port %(port)s: %(reason)s. %(stays)s Try again later, "
        "or ask whoever operates LicenseSync whether a firewall is between the two."
    ),
)
CERTIFICATE_UNTRUSTED = Problem(
    "certificate_untrusted",
    _(
        "The certificate of %(host)s is from an authority unknown here: %(subject)s, issued by %(issuer)s, valid until "
        "%(expires)s. %(stays)s Add the certificate of that authority (CA) to the connection."
    ),
)
CERTIFICATE_OTHER_HOST = Problem(
    "certificate_other_host",
    _(
        "The certificate of %(host)s is for %(names)s. %(stays)s "
        "Change the address to the name in the certificate, or have the certificate renewed."
    ),
)
CERTIFICATE_EXPIRED = Problem(
    "certificate_expired",
    _(
        "The certificate of %(host)s (%(subject)s, issued by %(issuer)s) expired on %(expires)s. %(stays)s "
        "Renew it on the server, then try again: Test connection shows the new date."
    ),
)
TLS_FAILED = Problem(
    "tls_failed",
    _(
        "A secure connection to %(host)s could not be established: %(reason)s. %(stays)s "
        "Ask whoever operates the server whether it speaks TLS 1.2 or newer on port %(port)s."
    ),
)
TLS_NOT_SPOKEN = Problem(
    "tls_not_spoken",
    _(
        "%(host)s answers on port %(port)s, but most likely without TLS, in plain http. %(stays)s "
        "Change the port of the address, or ask whoever operates the server on which one it speaks https."
    ),
)
CA_UNREADABLE = Problem(
    "ca_unreadable",
    _(
        "The certificate of the authority (CA) can’t be read. %(stays)s "
        "Enter it as PEM text, from “BEGIN CERTIFICATE” to “END CERTIFICATE”."
    ),
)
PLAIN_HTTP_REFUSED = Problem(
    "plain_http_refused",
    _(
        "The address of %(host)s begins with http, so anybody on the network could read the token. "
        "%(stays)s Change it to https."
    ),
)
PROXY_REFUSED = Problem(
    "proxy_refused",
    _(
        "The proxy does not let us through to %(host)s: %(reason)s. %(stays)s "
        "Change the proxy’s address or its password, or ask whoever operates it to allow the connection."
    ),
)
PROXY_UNREADABLE = Problem(
    "proxy_unreadable",
    _("The address of the proxy can’t be read. %(stays)s Write it as http://proxy.example.com:3128."),
)
REDIRECTED = Problem(
    "redirected",
    _(
        "%(host)s redirects to %(address)s, and the token is not sent there. %(stays)s "
        "Change the connection to that address if it is the right one."
    ),
)
ADDRESS_UNREADABLE = Problem(
    "address_unreadable",
    _(
        "“%(text)s” can’t be an address. Nothing was changed. Write it as in the browser, like "
        "https://ghes.example.com."
    ),
)
WRONG_CREDENTIALS = Problem(
    "wrong_credentials",
    _(
        "%(host)s does not accept this token. It has expired, was deleted, or belongs to another login or server. "
        "%(stays)s Enter a new one, then try again."
    ),
)
SCOPE_MISSING = Problem(
    "scope_missing",
    _(
        "The token may not do this: %(host)s asks for the scope %(scope)s. %(stays)s "
        "Add the scope to the token, or make a new token with it and enter that."
    ),
)
IDENTITIES_NOT_SHOWN = Problem(
    "identities_not_shown",
    _(
        "%(host)s does not show linked identities to this token: only to one of an enterprise owner, with the scope "
        "%(scope)s. %(stays)s Enter the token of an owner."
    ),
)
NO_IDENTITY_PROVIDER = Problem(
    "no_identity_provider",
    _(
        "The enterprise itself signs nobody in by SAML or OIDC, so GitHub has no linked identities of it. %(stays)s "
        "Add those of its organizations as files, where they do."
    ),
)
IDENTITIES_KEEP_CHANGING = Problem(
    "identities_keep_changing",
    _("The linked identities changed while they were read, three times in a row. %(stays)s Try again later."),
)
SINGLE_SIGN_ON = Problem(
    "single_sign_on",
    _(
        "The token is not authorized for the single sign-on of this enterprise. %(stays)s "
        "Choose “Configure SSO” beside the token on GitHub, then try again."
    ),
)
ADDRESS_NOT_LISTED = Problem(
    "address_not_listed",
    _(
        "%(host)s answers only addresses on its IP allow list, and ours is not one of them. %(stays)s "
        "Add the address of LicenseSync to that list, then try again."
    ),
)
SIGN_IN_PAGE = Problem(
    "sign_in_page",
    _(
        "%(host)s answered with a sign-in page instead of its data. The token has probably expired or lacks the scope "
        "%(scope)s. %(stays)s Enter a new one, then try again."
    ),
)
LOGIN_REFUSED = Problem(
    "login_refused",
    _(
        "%(host)s takes the token and its scope %(scope)s, but does not give its report to %(login)s. "
        "The token belongs to another login, or %(login)s is no site admin. "
        "%(stays)s Enter the login of the site admin whose token it is."
    ),
)
SERVER_HAS_NOT = Problem(
    "server_has_not",
    _(
        "%(host)s answers, but has no %(path)s. Either it is not a GitHub Enterprise Server, or the token does "
        "not belong to a site admin. %(stays)s Change the address or the token."
    ),
)
ENTERPRISE_NOT_FOUND = Problem(
    "enterprise_not_found",
    _(
        "%(host)s has no enterprise “%(slug)s”, or does not show it to this token. %(stays)s "
        "Change the slug, or make the token as an owner of the enterprise with the scope %(scope)s."
    ),
)
ANSWER_TOO_LARGE = Problem(
    "answer_too_large",
    _(
        "The answer of %(host)s is larger than %(limit)s, so it was not read to the end. %(stays)s Ask whoever "
        "operates LicenseSync, or add the usage as a file."
    ),
)
ANSWER_NOT_UNDERSTOOD = Problem(
    "answer_not_understood",
    _(
        "The answer of %(host)s can’t be understood: %(detail)s. %(stays)s "
        "Try again; if it keeps happening, add the usage as a file."
    ),
)
CHECKS_BUSY = Problem(
    "checks_busy",
    _("Several connections are being tested at this moment. Nothing was stored. Test again in a minute."),
)
NOT_ANSWERING = Problem(
    "not_answering",
    ngettext(
        "%(host)s did not answer within %(seconds)s second. %(stays)s Try again later.",
        "%(host)s did not answer within %(seconds)s seconds. %(stays)s Try again later.",
        by="seconds",
    ),
)
CONNECTION_LOST = Problem(
    "connection_lost",
    _("The connection to %(host)s was lost before the answer was complete. %(stays)s Try again."),
)
SERVER_IN_TROUBLE = Problem(
    "server_in_trouble",
    _(
        "%(host)s can’t answer at the moment (it says %(status)s). %(stays)s "
        "Try again later; a server in maintenance answers when that is over."
    ),
)
SLOW_DOWN = Problem(
    "slow_down",
    _(
        "%(host)s asks us to slow down. What has come so far stays in use, and nothing is left to do: "
        "it goes on by itself."
    ),
)
REPORT_NOT_READY = Problem(
    "report_not_ready",
    _("%(host)s is still building its report. %(stays)s Try again in a minute."),
)

PROBLEMS: dict[str, Problem] = {value.code: value for value in list(globals().values()) if isinstance(value, Problem)}


def sentence(code: str, params: Mapping[str, str | int], *, in_script: bool = False, stays: str = FIGURES_STAY) -> str:
    """The English sentence of a stored problem, "" without one. Pages translate it (`web.words`)."""
    if not code:
        return ""
    problem = PROBLEMS[code]
    said = filled(problem.sentence, params, stays=stays)
    return f"{said} {problem.in_script}" if in_script and problem.in_script else said
