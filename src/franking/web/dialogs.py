"""What buttons in dialogs ask for: where it is refused, the dialog closes and a toast tells why."""

from __future__ import annotations

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.web.pages import Pages, is_part
from franking.web.refusals import Call, of


def closing(pages: Pages, call: Call) -> Call:
    """The call; its refusal closes the dialog, which would stand before the toast, and the page
    looks again, for it showed what is no more."""

    async def told(request: Ask) -> Answer:
        try:
            return await call(request)
        except Exception as error:
            problem = of(error)
            if problem.status == 500 or not is_part(request):
                raise
            toast = {"words": problem.detail, "next": problem.next, "tone": "bad"}
            headers = {"HX-Reswap": "none", "HX-Trigger": "close-dialog, changed"}
            return pages.part(request, "toast", headers=headers, toast=toast)

    return told
