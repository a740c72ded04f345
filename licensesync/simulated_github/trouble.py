"""What can go wrong on demand."""

import msgspec


class Trouble(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that happens to the next requests of a deployment. Several of the effects may be combined."""

    times: int = 1  # how many requests it happens to
    after: int = 0  # how many pass before it begins
    path: str = ""  # only requests whose path and query contain this

    status: int | None = None  # answer with this status instead, in the deployment's own words
    retry_after: int | None = None  # with status: seconds, as the header says them
    sign_in_page: bool = False  # answer with a page for people, status 200
    redirect_to: str | None = None  # answer with 302 to this address
    delay_seconds: float = 0.0  # wait before the first byte
    bytes_per_second: int | None = None  # write the body no faster
    close_after_bytes: int | None = None  # announce the whole body, hang up after so many bytes of it
    hang_up: bool = False  # close the connection without an answer
    endless: bool = False  # follow the body with spaces until the client leaves
