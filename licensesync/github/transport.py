"""One guarded call: the only way in which LicenseSync speaks to another machine.

- Only to permitted addresses (`rules`, `network`), and with a certificate for the host's name that is trusted.
- A redirect is followed within the same origin only; a token never travels to another one.
- Time-outs for connecting, for each read and for the whole; a limit on the size, packed and unpacked.
- Nothing comes from the environment: no proxy, no .netrc, no cookies.
- With a proxy, the proxy resolves the name: then its own address is checked, and the host by its name alone.
"""

import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpcore
import httpx

from licensesync import __name__ as product
from licensesync import errors
from licensesync.errors import ExpectedError, Problem
from licensesync.github import addresses, certificates, network
from licensesync.github import rules as rulebook
from licensesync.github.certificates import Certificate
from licensesync.github.failures import Passing
from licensesync.github.numbers import whole
from licensesync.github.rules import Rules

__all__ = ["Answer", "Limits", "Route", "Rules", "get", "port_of", "post", "proxy_host", "proxy_origin"]

MAX_REDIRECTS = 3
CHUNK = 64 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SIGN_IN_WORDS = ("login", "session", "sign_in", "signin", "saml", "sso", "oauth", "auth")
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})  # of OpenSSL before 3.2 and since
EXPIRED, NOT_YET_VALID, OTHER_HOST, OTHER_ADDRESS = 10, 9, 62, 64  # of OpenSSL's X509_V_ERR_*


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, for each read, for the whole call; bytes of the unpacked answer."""

    connect: float = 10
    read: float = 60
    total: float = 120
    size: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """How to get there. `proxy` may carry a password."""

    rules: Rules
    ca_pem: str = ""
    proxy: str = field(default="", repr=False)
    resolve: network.Resolve = network.resolved


class Answer:
    """A status, headers and a body that is read piece by piece, each once."""

    def __init__(self, response: httpx.Response, limits: Limits) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.url = response.request.url
        self.links = response.links
        self.certificate = _certificate(response)
        self._response = response
        self._limits = limits

    @property
    def host(self) -> str:
        return self.url.host

    @property
    def length(self) -> int | None:
        """Of the body in bytes where the server says it, and it is not packed."""
        return None if self.headers.get("Content-Encoding") else whole(self.headers.get("Content-Length"))

    def pieces(self) -> Iterator[bytes]:
        """The unpacked body. ExpectedError: ANSWER_TOO_LARGE, ANSWER_NOT_UNDERSTOOD; Passing: CONNECTION_LOST."""
        size = 0
        for piece in _unpacked(self._response, self.host):
            size += len(piece)
            if size > self._limits.size:
                limit = f"{self._limits.size // (1024 * 1024)} MB"
                raise ExpectedError(errors.ANSWER_TOO_LARGE, host=self.host, limit=limit)
            yield piece

    def body(self) -> bytes:
        return b"".join(self.pieces())


@contextmanager
def get(
    url: str, route: Route, *, headers: Mapping[str, str], sign_in_scope: str = "", limits: Limits | None = None
) -> Iterator[Answer]:
    """Ask for `url`; redirects within its origin are followed. The answer can be read while the context is open.

    Raises ExpectedError: HOST_UNKNOWN, HOST_REFUSED, ADDRESS_REFUSED, PLAIN_HTTP_REFUSED, CERTIFICATE_…, TLS_FAILED,
    TLS_NOT_SPOKEN, CA_UNREADABLE, PROXY_REFUSED, PROXY_UNREADABLE, REDIRECTED, SIGN_IN_PAGE (naming `sign_in_scope`).
    Raises Passing: UNREACHABLE, NOT_ANSWERING, CONNECTION_LOST.
    """
    limits = limits or Limits()
    target = httpx.URL(url)
    deadline = network.Deadline(target.host, limits.total)
    for _hop in range(MAX_REDIRECTS + 1):
        with _sent("GET", target, route, limits, deadline, headers=headers) as answer:
            if answer.status not in REDIRECTS or "Location" not in answer.headers:
                yield answer
                return
            target = _redirect_target(answer, sign_in_scope)
    raise ExpectedError(errors.REDIRECTED, host=target.host, address=addresses.origin(target))


@contextmanager
def post(
    url: str,
    route: Route,
    content: bytes,
    *,
    headers: Mapping[str, str],
    sign_in_scope: str = "",
    limits: Limits | None = None,
) -> Iterator[Answer]:
    """As `get`, with a question too long for an address; it is sent once, so no redirect is followed."""
    limits = limits or Limits()
    target = httpx.URL(url)
    deadline = network.Deadline(target.host, limits.total)
    with _sent("POST", target, route, limits, deadline, headers=headers, content=content) as answer:
        if answer.status in REDIRECTS and "Location" in answer.headers:
            aim = _redirect_target(answer, sign_in_scope)
            raise ExpectedError(errors.REDIRECTED, host=target.host, address=addresses.origin(aim))
        yield answer


def port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def proxy_host(text: str) -> str:
    """The host of a proxy's address, without its password. ExpectedError(PROXY_UNREADABLE)."""
    return _proxy(text).url.host


def proxy_origin(text: str) -> str:
    """A proxy's address without its password. ExpectedError(PROXY_UNREADABLE)."""
    return addresses.origin(_proxy(text).url)


def _redirect_target(answer: Answer, scope: str) -> httpx.URL:
    try:
        target = answer.url.join(answer.headers["Location"])
    except httpx.InvalidURL as error:
        raise ExpectedError(
            errors.ANSWER_NOT_UNDERSTOOD, host=answer.host, detail=errors._("it redirects to an invalid address")
        ) from error
    if any(word in SIGN_IN_WORDS for word in target.path.lower().split("/")):
        raise ExpectedError(errors.SIGN_IN_PAGE, host=answer.host, scope=scope)
    if addresses.origin(target) != addresses.origin(answer.url):
        raise ExpectedError(errors.REDIRECTED, host=answer.host, address=addresses.origin(target))
    return target


@contextmanager
def _sent(
    method: str,
    url: httpx.URL,
    route: Route,
    limits: Limits,
    deadline: network.Deadline,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
    context: ssl.SSLContext | None = None,
) -> Iterator[Answer]:
    """One request without redirects. `context`: other than the one that trusts only whom it should."""
    if route.proxy:
        _check_by_name(url, route)
    timeout = httpx.Timeout(limits.read, connect=limits.connect)
    transport = _GuardedTransport(url, route, deadline, context or certificates.trusting(route.ca_pem))
    with httpx.Client(transport=transport, trust_env=False, timeout=timeout) as client:
        request = client.build_request(method, url, headers={**headers, "Accept-Encoding": "gzip"}, content=content)
        request.headers["User-Agent"] = product
        try:
            response = client.send(request, stream=True)
            try:
                yield Answer(response, limits)
            finally:
                response.close()
        except httpx.RemoteProtocolError as error:  # httpx looks at each Location, before we do
            raise ExpectedError(
                errors.ANSWER_NOT_UNDERSTOOD, host=url.host, detail=errors._("it redirects to an invalid address")
            ) from error
        except httpcore.ProxyError as error:
            raise ExpectedError(errors.PROXY_REFUSED, host=url.host, reason=str(error)) from error
        except httpcore.ConnectError as error:
            raise _connect_failure(error, url, route, limits) from error
        except httpcore.TimeoutException as error:
            seconds = limits.connect if isinstance(error, httpcore.ConnectTimeout) else limits.read
            raise Passing(errors.NOT_ANSWERING, host=url.host, seconds=round(seconds)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Passing(errors.CONNECTION_LOST, host=url.host) from error


def _check_by_name(url: httpx.URL, route: Route) -> None:
    if rulebook.permits_name(route.rules, url.host) is False:
        raise ExpectedError(errors.HOST_REFUSED, host=url.host)
    if url.scheme != "https":
        raise ExpectedError(errors.PLAIN_HTTP_REFUSED, host=url.host)


def _connect_failure(error: Exception, url: httpx.URL, route: Route, limits: Limits) -> ExpectedError:
    cause = error.__cause__ or error.__context__ or error  # httpcore's pool raises it again `from None`
    port = port_of(url)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate_failure(cause, url, route, limits)
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        if cause.reason in NO_TLS:
            return ExpectedError(errors.TLS_NOT_SPOKEN, host=url.host, port=str(port))
        reason = (cause.reason or "TLS").replace("_", " ").lower()
        return ExpectedError(errors.TLS_FAILED, host=url.host, port=str(port), reason=reason)
    if isinstance(cause, ssl.SSLError | ConnectionResetError):
        return Passing(errors.CONNECTION_LOST, host=url.host)
    reason = (getattr(cause, "strerror", None) or str(cause)).lower()
    return Passing(errors.UNREACHABLE, host=url.host, port=str(port), reason=reason)


def _certificate_failure(
    cause: ssl.SSLCertVerificationError, url: httpx.URL, route: Route, limits: Limits
) -> ExpectedError:
    problem: Problem = errors.CERTIFICATE_UNTRUSTED
    if cause.verify_code in (EXPIRED, NOT_YET_VALID):
        problem = errors.CERTIFICATE_EXPIRED
    elif cause.verify_code in (OTHER_HOST, OTHER_ADDRESS):
        problem = errors.CERTIFICATE_OTHER_HOST
    seen = _presented(url, route, limits)
    return ExpectedError(
        problem,
        host=url.host,
        subject=seen.subject if seen else "–",
        issuer=seen.issuer if seen else "–",
        expires=f"{seen.expires_at:%Y-%m-%d}" if seen else "–",
        names=", ".join(seen.names) or seen.subject if seen else "–",
    )


def _presented(url: httpx.URL, route: Route, limits: Limits) -> Certificate | None:
    """The certificate that was not trusted, from a second connection over which nothing of the owner's travels."""
    root = url.copy_with(raw_path=b"/", userinfo=b"")
    deadline = network.Deadline(url.host, limits.connect * 2)
    try:
        with _sent("HEAD", root, route, limits, deadline, headers={}, context=certificates.looking()) as answer:
            return answer.certificate
    except ExpectedError:
        return None


def _certificate(response: httpx.Response) -> Certificate | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream else None
    der = tls.getpeercert(True) if tls else None
    try:
        return certificates.described(der) if der else None
    except ValueError:
        return None


def _unpacked(response: httpx.Response, host: str) -> Iterator[bytes]:
    """The body in pieces of at most `CHUNK` bytes, however much a packed piece would give."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing in ("identity", ""):
        yield from response.iter_raw(CHUNK)
        return
    if packing not in ("gzip", "x-gzip"):
        raise ExpectedError(
            errors.ANSWER_NOT_UNDERSTOOD, host=host, detail=errors._("it is packed in a way not asked for")
        )
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for packed in response.iter_raw(CHUNK):
            rest, piece = packed, b""
            while rest or (len(piece) == CHUNK and not unpacker.eof):
                if unpacker.eof:  # whoever packs while writing may send one member after the other
                    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
                piece = unpacker.decompress(rest, CHUNK)
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                yield piece
    except zlib.error as error:
        raise ExpectedError(errors.ANSWER_NOT_UNDERSTOOD, host=host, detail=errors._("it can’t be unpacked")) from error
    if not unpacker.eof:
        raise Passing(errors.CONNECTION_LOST, host=host)


class _GuardedTransport(httpx.BaseTransport):
    """httpx over httpcore's pool with our network underneath, which httpx's own transport has no way to set."""

    def __init__(self, url: httpx.URL, route: Route, deadline: network.Deadline, context: ssl.SSLContext) -> None:
        backend = network.GuardedBackend(
            route.rules, deadline, loopback_only=url.scheme != "https", resolve=route.resolve
        )
        self._pool: httpcore.ConnectionPool
        if route.proxy:
            proxy = _proxy(route.proxy)
            backend = network.GuardedBackend(route.rules, deadline, resolve=route.resolve)
            self._pool = httpcore.HTTPProxy(
                proxy_url=str(proxy.url),
                proxy_auth=proxy.raw_auth,
                ssl_context=context,
                proxy_ssl_context=certificates.trusting(route.ca_pem) if proxy.url.scheme == "https" else None,
                network_backend=backend,
            )
        else:
            self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.content,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _proxy(text: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(text)
    except (ValueError, httpx.InvalidURL) as error:
        raise ExpectedError(errors.PROXY_UNREADABLE) from error
    readable = proxy.url.scheme in ("http", "https") and bool(proxy.url.host) and " " not in text
    if not (readable and addresses.has_possible_port(proxy.url)):
        raise ExpectedError(errors.PROXY_UNREADABLE)
    return proxy
