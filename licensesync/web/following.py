"""Pages that follow open work: how soon they look again, and where they lead once they are not their reader's."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from licensesync.syncing import clock
from licensesync.web import say
from licensesync.web.asked import is_htmx

SOON, RARELY = 1, 20  # seconds
PATIENCE = timedelta(minutes=1)  # what is due for longer and has not begun waits behind others

Arguments = ParamSpec("Arguments")


def next_look(moves: Iterable[datetime | None]) -> int:
    """In how many seconds a page looks again, 0 when nothing is open. `moves`: when each open thing may move on, None
    for now.

    What waits for its time, or has waited for a worker for long, is looked at rarely: nothing is to be seen meanwhile,
    and such a wait may take hours.
    """
    at = [*moves]
    if not at:
        return 0
    now = clock.now()
    soon = now - PATIENCE, now + timedelta(seconds=RARELY)
    return SOON if any(each is None or soon[0] < each <= soon[1] for each in at) else RARELY


def leave_when_gone(
    news: Callable[Concatenate[HttpRequest, Arguments], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Arguments], HttpResponse]:
    """For the news of a page: who may not see it any more is led away and told, else their page would ask for ever.

    Says the same whatever is not there, so it tells a stranger nothing.
    """

    @wraps(news)
    def led_away(request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
        try:
            return news(request, *args, **kwargs)
        except Http404:
            if not is_htmx(request):
                raise
            say.refused(request, _("The page that was open here is gone, or not yours to see any more."))
            return HttpResponseClientRedirect(reverse("home"))

    return led_away
