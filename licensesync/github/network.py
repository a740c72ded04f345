"""From a host name to a connection: every address is checked, and the checked address is the one connected to.

A name is resolved once per connection. So an answer of the name service that changes between check and use changes
nothing, and a redirect or a second try goes through the same check.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any

import httpcore

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import rules as rulebook
from licensesync.github.failures import Passing
from licensesync.github.rules import Address, Rules

Resolve = Callable[[str, int], list[Address]]


def resolved(host: str, port: int) -> list[Address]:
    """The addresses of a host, each once. OSError (socket.gaierror) when there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(address[0])) for *_, address in found))


def addresses(host: str, port: int, rules: Rules, resolve: Resolve = resolved) -> list[Address]:
    """The addresses of a host that the rules permit; one that they don't permit refuses the host.

    Raises ExpectedError: HOST_UNKNOWN, HOST_REFUSED, ADDRESS_REFUSED; Passing: HOST_UNKNOWN while the name service
    does not answer.
    """
    by_name = rulebook.permits_name(rules, host)
    if by_name is False:
        raise ExpectedError(errors.HOST_REFUSED, host=host)
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError) as error:
        passes = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        raise (Passing if passes else ExpectedError)(errors.HOST_UNKNOWN, host=host) from error
    for address in found:
        if not by_name and not rulebook.permits_address(rules, address):
            raise ExpectedError(errors.ADDRESS_REFUSED, host=host, address=str(address))
    return found


class Deadline:
    """The end of a whole call, however many steps it takes."""

    def __init__(self, host: str, seconds: float) -> None:
        self.host = host
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """The seconds that one more step may take, at most `timeout`. Passing(NOT_ANSWERING) when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Passing(errors.NOT_ANSWERING, host=self.host, seconds=round(self.seconds))
        return left if timeout is None else min(left, timeout)


class GuardedBackend(httpcore.NetworkBackend):
    """Connects httpcore to permitted addresses only, none later than the deadline.

    `loopback_only`: for plain http, where only this machine itself may hear the token.
    """

    def __init__(
        self, rules: Rules, deadline: Deadline, *, loopback_only: bool = False, resolve: Resolve = resolved
    ) -> None:
        self._rules = rules
        self._deadline = deadline
        self._loopback_only = loopback_only
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        permitted = addresses(host, port, self._rules, self._resolve)
        if self._loopback_only and not all(map(rulebook.is_loopback, permitted)):
            raise ExpectedError(errors.PLAIN_HTTP_REFUSED, host=host)
        failure: Exception = httpcore.ConnectError("no address")
        for address in permitted:
            try:
                stream = self._sockets.connect_tcp(
                    str(address), port, self._deadline.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
