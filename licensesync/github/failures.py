"""What a call to GitHub can end with besides its answer, and which of it passes by itself.

- `ExpectedError`: stays until somebody does something (a wrong token, a certificate). Trying again won't help.
- `Passing`: may be gone in a minute (a time-out, a 502). Try again, later each time.
- `Wait`: GitHub asks for it, and says until when. No failure.
- `NotReady`: passes, too: the server is still building its report. Ask again.

No text here ever carries a token: the parameters are host names, words of the certificate and GitHub's own message.
"""

from datetime import datetime

from licensesync.errors import ExpectedError, Problem


class Passing(ExpectedError):
    """`retry_after`: the seconds that the other side asked for, None when it said nothing."""

    def __init__(self, problem: Problem, *, retry_after: float | None = None, **params: str | int) -> None:
        super().__init__(problem, **params)
        self.retry_after = retry_after


class Wait(ExpectedError):
    """`until`: the moment (UTC) from which on GitHub answers again; `told`: GitHub named it, else it is our guess.

    After a guess that was too short, wait twice as long, and so on: so GitHub's documentation asks.
    """

    def __init__(self, problem: Problem, until: datetime, *, told: bool, **params: str | int) -> None:
        super().__init__(problem, **params)
        self.until = until
        self.told = told


class NotReady(Passing):
    """No failure, so it counts as no try."""
