"""Bytes in, typed records out: the four feeds that tell who has an account. Pure: no Django, no database, no network.

`recognise` looks through a stored file; `read_server_accounts` and `read_cloud` give its records in batches. Both need
little memory, whatever the size of the file, and raise nothing but `errors.ExpectedError` about its content.
"""

from licensesync.feeds.reading import read_cloud, read_server_accounts
from licensesync.feeds.recognise import recognise
from licensesync.feeds.records import (
    CloudUser,
    FeedKind,
    ReadReport,
    Recognition,
    ServerFacts,
    ServerOnlyPerson,
    ServerUserAccount,
)

__all__ = [
    "CloudUser",
    "FeedKind",
    "ReadReport",
    "Recognition",
    "ServerFacts",
    "ServerOnlyPerson",
    "ServerUserAccount",
    "read_cloud",
    "read_server_accounts",
    "recognise",
]
