"""Bytes in, typed records out: the feeds that tell who has an account, and by which addresses. Pure: no Django, no
database, no network.

`recognise` looks through a stored file; `read_server_accounts`, `read_cloud` and `read_identities` give its records in
batches. All need little memory, whatever the size of the file, and raise nothing but `errors.ExpectedError` about its
content.
"""

from licensesync.feeds.reading import read_cloud, read_identities, read_server_accounts
from licensesync.feeds.recognise import recognise
from licensesync.feeds.records import (
    CloudIdentity,
    CloudUser,
    FeedKind,
    ReadReport,
    Recognition,
    ServerFacts,
    ServerOnlyPerson,
    ServerUserAccount,
)

__all__ = [
    "CloudIdentity",
    "CloudUser",
    "FeedKind",
    "ReadReport",
    "Recognition",
    "ServerFacts",
    "ServerOnlyPerson",
    "ServerUserAccount",
    "read_cloud",
    "read_identities",
    "read_server_accounts",
    "recognise",
]
