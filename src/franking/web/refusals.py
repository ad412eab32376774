"""What went wrong, as a person reads it: a page of its own, or a toast over the one they see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from franking.apis import problems
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.office import Conflict
from franking.office.timer_door import TimerRefused, Unreachable
from franking.outlets.base import Refused
from franking.web.pages import Pages, is_part

# A page was let in without sending a key, and what it asked for is behind the Data API.
NOT_KEPT = (
    "This is kept by another franking (FRANKING_DATA_API), which asks for the key itself, and a"
    " sign-in does not keep the key."
)
NOT_KEPT_NEXT = "Look there, or open this page with the key as the password of Basic."

Call = Callable[[Ask], Awaitable[Answer]]


def in_words(pages: Pages, call: Call) -> Call:
    """The call, with whatever it refuses told in words."""

    async def told(request: Ask) -> Answer:
        try:
            return await call(request)
        except Exception as error:
            problem = of(error)
            if problem.status == 500:
                problems.logged(request, error)
            return refused(pages, request, problem)

    return told


def of(error: Exception) -> Problem:
    """The problem that an exception stands for, the package's and the timers' too."""
    if isinstance(error, Refused):
        return Problem(error.status, error.reason, str(error), "")
    if isinstance(error, TimerRefused):
        return Problem(400, error.reason, str(error), "")
    if isinstance(error, Conflict):
        # What the API says to do next is for programs.
        return Problem(409, error.reason, str(error), "")
    if isinstance(error, Problem) and error.reason == "key_missing":
        return Problem(403, "key_not_kept", NOT_KEPT, NOT_KEPT_NEXT)
    if isinstance(error, Unreachable):
        return Problem(503, "unreachable", str(error), "Try again a little later.")
    return problems.of(error)


def refused(pages: Pages, request: Ask, problem: Problem) -> Answer:
    """The problem as a toast where a script asked, else as a page.

    A toast comes with 200 and changes nothing else: what a script gets with another status it
    would not show. A part that looks again by itself is told once: what is gone, in its place; an
    outage as one, for it will look again.
    """
    if looks(request):
        if problem.status == 404:
            return pages.part(request, "gone", detail=problem.detail)
        return pages.part(request, "refusal_words", status=problem.status, detail=problem.detail)
    if is_part(request):
        return toast(pages, request, problem.detail, next=problem.next, tone="bad")
    return pages.part(
        request, "refusal", status=problem.status, detail=problem.detail, next=problem.next
    )


def looks(request: Ask) -> bool:
    """Is it a live part that asks for itself? Of what is read, only there is the asking element
    its own target."""
    headers = dict(request.scope["headers"])
    by = headers.get(b"hx-trigger")
    itself = by is not None and by == headers.get(b"hx-target")
    return request.method == "GET" and is_part(request) and itself


def done(pages: Pages, request: Ask, words: str, *, to: str | None = None) -> Answer:
    """What a person asked for was done: a toast, the page looks again, and a dialog closes.

    With `to` the page that they were on is no more, and they are led there.
    """
    headers = {"HX-Reswap": "none", "HX-Trigger": "close-dialog, changed"}
    if to is not None:
        headers["HX-Redirect"] = to
    return pages.part(
        request, "toast", headers=headers, toast={"words": words, "next": "", "tone": "good"}
    )


def toast(pages: Pages, request: Ask, words: str, *, next: str = "", tone: str = "good") -> Answer:
    """A toast and nothing else."""
    return pages.part(
        request,
        "toast",
        headers={"HX-Reswap": "none"},
        toast={"words": words, "next": next, "tone": tone},
    )
