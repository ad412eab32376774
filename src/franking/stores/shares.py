"""What a claim takes of each account: equal shares; what one leaves is for those that have more.

Accounts are looked at together, for on a database that is elsewhere each look is a journey.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from franking.core import account as policy
from franking.core.account import Account, Allowance
from franking.stores.queries import Db
from franking.stores.rows import text

# What is left of the accounts' shares is looked for again, so often.
MOST_PASSES = 4

_lists = msgspec.json.Decoder(list[list[tuple[int, int]]])


class Grant(msgspec.Struct, frozen=True):
    """What one account may send now."""

    account: Account
    allowance: Allowance

    @property
    def bound(self) -> bool:
        """Has it limits, or a pause to prove over?"""
        allowed = self.allowance
        return allowed.mails < policy.MANY or allowed.recipients < policy.MANY


class Take:
    """The mails taken of one account, each with how many recipients it names; `more`: certainly not
    all that are due."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.due: list[tuple[int, int]] = []
        self.more = False
        self._most = grant.allowance.mails
        self._wanted = 0

    @property
    def left(self) -> int:
        """How many it may still want."""
        return self._most - len(self.due)

    @property
    def hungry(self) -> int:
        """How many it wants of all, those that it has among them; 0 where it wants no more."""
        return self._wanted if self._wanted > len(self.due) else 0

    def want(self, share: int) -> None:
        """So many more, if there are."""
        self._wanted = len(self.due) + share

    def give(self, due: Sequence[tuple[int, int]]) -> None:
        """What there is of what it wanted, and one more where there is one."""
        self.more = len(due) > self._wanted
        # What it has is found again, unless somebody has let go of an earlier one meanwhile.
        known = {seq for seq, _ in self.due}
        fresh = [each for each in due if each[0] not in known]
        self.due += fresh[: self._wanted - len(self.due)]
        self._wanted = 0
        if not self.more:
            self._most = 0


def take(db: Db, takes: Sequence[Take], limit: int, now: int) -> None:
    """Give each what is due of its share of `limit`."""
    for _ in range(MOST_PASSES):
        _share(takes, limit - sum(len(each.due) for each in takes))
        wanted = sorted({each.hungry for each in takes} - {0})
        for count in wanted:
            _look(db, [each for each in takes if each.hungry == count], count, now)
        if not wanted:
            return


def _share(takes: Sequence[Take], room: int) -> None:
    """Everybody who may have more wants an equal share of the room."""
    more = [each for each in takes if each.left > 0]
    for place, each in enumerate(more):
        share = min(-(-room // (len(more) - place)), each.left)
        each.want(share)
        room -= share


def _look(db: Db, takes: Sequence[Take], count: int, now: int) -> None:
    ids = text([each.grant.account.id for each in takes])
    due = _lists.decode(db.value("claimable", ids=ids, now=now, share=count))
    for each, found in zip(takes, due, strict=True):
        each.give(found)
