"""Files as GitHub, spreadsheets and scripts write them."""

import codecs
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from licensesync.errors import ExpectedError
from licensesync.feeds import (
    CloudIdentity,
    CloudUser,
    ReadReport,
    Recognition,
    ServerOnlyPerson,
    ServerUserAccount,
    read_cloud,
    read_identities,
    read_server_accounts,
    recognise,
)

MAX_UNPACKED = 100 * 1024 * 1024
SAMPLES = Path(__file__).parent / "samples"

REPORT_HEADING = (
    "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,dormant?,last_active,"
    "raw_login,2fa_enabled?"
)


def snake(key: str) -> str:
    return key


def camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.title() for word in rest)


def spaced(key: str) -> str:
    return key.replace("_", " ")


def titled(key: str) -> str:
    return key.replace("_", " ").title()


SPELLINGS: list[Callable[[str], str]] = [snake, camel, spaced, titled]


def spell(value: Any, spelling: Callable[[str], str]) -> Any:
    """The same JSON value with every key spelled differently."""
    if isinstance(value, dict):
        return {spelling(key): spell(item, spelling) for key, item in value.items()}
    if isinstance(value, list):
        return [spell(item, spelling) for item in value]
    return value


def user(user_id: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": user_id,
        "login": f"user{user_id}",
        "name": f"User {user_id}",
        "site_admin": False,
        "suspended_at": None,
        "created_at": "2013-05-08T05:06:27Z",
        "emails": [f"user{user_id}@example.com"],
    } | changes


def export(*users: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "server_id": "a4e2c0de-0000-4000-8000-000000000001",
        "host_name": "ghe.example.com",
        "version": "3.14.2",
        "users": list(users),
    } | changes


def cloud_row(login: str = "monalisa", **changes: Any) -> dict[str, Any]:
    return {
        "github_com_login": login,
        "github_com_name": None,
        "github_com_user": True,
        "license_type": "Enterprise",
        "enterprise_server_user_ids": [],
    } | changes


def page(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"total_seats_consumed": 2, "total_seats_purchased": 5, "users": list(rows)} | changes


def identity(login: str | None = "monalisa", name_id: str = "", **changes: Any) -> dict[str, Any]:
    saml: dict[str, Any] = {"nameId": name_id, "username": None, "emails": [], "attributes": []}
    return {
        "user": login and {"login": login},
        "samlIdentity": saml,
        "scimIdentity": None,
    } | changes


def identity_page(*nodes: dict[str, Any], total: int | None = None, more: bool = False) -> dict[str, Any]:
    """An answer of the GraphQL API: one page of the linked identities of an enterprise."""
    connection = {
        "totalCount": len(nodes) if total is None else total,
        "pageInfo": {"hasNextPage": more, "endCursor": "Y3Vyc29yOjEwMA"},
        "nodes": list(nodes),
    }
    provider = {"samlIdentityProvider": {"externalIdentities": connection}, "oidcProvider": None}
    return {"data": {"enterprise": {"ownerInfo": provider}}}


def table(*rows: Sequence[object], delimiter: str = ",", line_end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return text.getvalue()


def zipped(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return zipped_files({"usage.json": data}, method)


def zipped_files(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-8 with mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16 little": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-16 little without mark": lambda text: text.encode("utf-16-le"),
    "utf-16 big without mark": lambda text: text.encode("utf-16-be"),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "zip": zipped}


def as_bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def store(folder: Path, *contents: Any) -> list[Path]:
    """Files with these contents: bytes, text, or anything else as JSON."""
    paths = [folder / f"upload-{number}" for number, _ in enumerate(contents)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(as_bytes(content))
    return paths


def look(folder: Path, content: Any) -> Recognition:
    return recognise(store(folder, content)[0], max_unpacked_bytes=MAX_UNPACKED)


def read_server(
    folder: Path,
    content: Any,
    *,
    report: ReadReport | None = None,
    max_accounts: int = 1_000_000,
    batch_size: int = 5000,
) -> list[ServerUserAccount]:
    """The accounts of one stored file, recognised first, as a job does it."""
    (path,) = store(folder, content)
    batches = read_server_accounts(
        path,
        recognise(path, max_unpacked_bytes=MAX_UNPACKED),
        report or ReadReport(),
        max_unpacked_bytes=MAX_UNPACKED,
        max_accounts=max_accounts,
        batch_size=batch_size,
    )
    return [account for batch in batches for account in batch]


def read_people(
    folder: Path, *contents: Any, report: ReadReport | None = None, max_accounts: int = 1_000_000
) -> list[CloudUser | ServerOnlyPerson]:
    """The rows of a cloud list of one file or several."""
    paths = store(folder, *contents)
    batches = read_cloud(
        paths,
        [recognise(path, max_unpacked_bytes=MAX_UNPACKED) for path in paths],
        report or ReadReport(),
        max_unpacked_bytes=MAX_UNPACKED,
        max_accounts=max_accounts,
    )
    return [person for batch in batches for person in batch]


def read_linked(folder: Path, *contents: Any, report: ReadReport | None = None) -> list[CloudIdentity]:
    """The linked identities of one file or several, recognised first."""
    paths = store(folder, *contents)
    assert {recognise(path, max_unpacked_bytes=MAX_UNPACKED).kind for path in paths} == {"cloud_identities"}
    batches = read_identities(paths, report or ReadReport(), max_unpacked_bytes=MAX_UNPACKED, max_accounts=1_000_000)
    return [found for batch in batches for found in batch]


def problem_of(call: Callable[[], object]) -> ExpectedError | None:
    """The expected error that a call ends with; any other exception is a defect and gets through."""
    try:
        call()
    except ExpectedError as error:
        return error
    return None
