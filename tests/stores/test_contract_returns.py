"""What comes back, in every database: known by Message-ID, written once, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from franking.core.bounce import Bounce, Candidate, Filing, Known, Proof
from franking.core.delivery import Info, Outcome, State
from franking.core.proof import proved_sent
from franking.core.suppression import Suppression, listed
from franking.stores import bounces
from franking.stores.base import Change, Store

from .contract import Yard
from .mails import (
    LEASE_MS,
    NOW,
    claimed,
    delivery,
    ended,
    event,
    kinds,
    mail,
    remainder,
    swept,
    transmitting,
)

ID = "<1@example.com>"


def bounce(fingerprint: str = "f1", mail: str = "m1", **fields: Any) -> Bounce:
    common = {"recipient": "a@x", "action": "failed", "status": "5.1.1", "received_at": NOW}
    words = {"category": "recipient_not_found", "cause": "recipient_unknown", "text": "550 no"}
    return Bounce(fingerprint=fingerprint, mail=mail, **{**common, **words, **fields})


async def sent(store: Store, message_id: str | None = ID) -> None:
    await store.submit([mail(message_token="tok")])
    await settled(store, "sent", message_id)


async def settled(store: Store, how: str, message_id: str | None) -> None:
    found = ended(await transmitting(store), how)
    attempt = replace(found.attempt, message_id=message_id)
    await store.settle([replace(found, attempt=attempt)])


async def rows(store: Store, *message_ids: str) -> list[Candidate]:
    """The mails that these Message-IDs belong to."""
    seen: list[Candidate] = []

    def look(id: str, candidates: Sequence[Candidate], known: Known) -> Filing:
        seen.extend(candidates)
        return Filing()

    await store.returns.file(message_ids, look)
    return seen


async def file(store: Store, filing: Filing) -> Filing | None:
    return await store.returns.file([ID], lambda id, candidates, known: filing)


async def test_of_no_mail_nothing_is_asked_and_nothing_written(store: Store) -> None:
    def never(id: str, candidates: Sequence[Candidate], known: Known) -> Filing:
        raise AssertionError

    await sent(store, None)
    assert await store.returns.file(["<other@x>", ID, "", "<>"], never) is None


async def test_what_decide_raises_writes_nothing(store: Store) -> None:
    await sent(store)

    def failing(id: str, candidates: Sequence[Candidate], known: Known) -> Filing:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.returns.file([ID], failing)
    assert await store.returns.bounces("m1") == []


async def test_a_mail_is_known_by_its_attempts_message_id(store: Store) -> None:
    await sent(store)
    [found] = await rows(store, "<other@x>", ID)
    assert (found.id, found.remainder_of, found.in_doubt) == ("m1", None, False)
    assert found.delivery.state is State.SUCCESS
    assert found.fields.to == "m1@example.com"


async def test_a_doubt_is_known_as_one(store: Store) -> None:
    await store.submit([mail()])
    await settled(store, "doubted", ID)
    [found] = await rows(store, ID)
    assert (found.in_doubt, found.delivery.outcome) == (True, Outcome.UNKNOWN)


async def test_a_mail_whose_worker_died_is_known_by_its_token(store: Store) -> None:
    await store.submit([mail(message_token="tok")])
    await transmitting(store)
    assert [found.id for found in await rows(store, "<tok@example.com>")] == ["m1"]
    await swept(store, NOW + LEASE_MS)
    [found] = await rows(store, "<tok@example.com>")
    assert found.in_doubt


async def test_a_token_alone_proves_nothing_once_its_mail_ended(store: Store) -> None:
    await sent(store)
    assert await rows(store, "<tok@example.com>") == []


async def test_a_late_answer_tells_the_message_id(store: Store) -> None:
    await store.submit([mail(message_token="tok")])
    late = await transmitting(store)
    await swept(store, NOW + LEASE_MS)
    found = ended(late, "sent", NOW + LEASE_MS + 1)
    attempt = replace(found.attempt, message_id=ID)
    await store.settle([replace(found, attempt=attempt)])
    assert [row.id for row in await rows(store, ID)] == ["m1"]


async def test_a_remainder_is_found_beside_its_mail(store: Store) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    rest = remainder(first.mail, "b@x")
    found = ended(first, "sent", pending=["b@x"], remainder=rest)
    await store.settle([replace(found, attempt=replace(found.attempt, message_id=ID))])
    await settled(store, "sent", ID)
    newest, oldest = await rows(store, ID)
    assert (newest.remainder_of, newest.fields.recipients) == ("m1", ["b@x"])
    assert oldest.id == "m1"


async def test_all_that_follows_is_written_together(store: Store) -> None:
    await sent(store)
    filing = Filing(
        fresh=(bounce(), bounce("f2", action="delayed")),
        events=(event("e1", "t1"),),
        suppressions=(listed("A@x", "550 no", "bounce", NOW),),
        unknown=("550 odd 1", "550 odd 2"),
    )
    await file(store, filing)
    assert await store.returns.bounces("m1") == [bounce(), bounce("f2", action="delayed")]
    assert (await kinds(store))[-1] == "email_Sent"
    assert list(await store.returns.suppressed(["a@x"])) == ["a@x"]
    [unknown] = await store.returns.unknown_errors(9)
    assert (unknown.seen, unknown.first_at, unknown.last_at) == (2, NOW, NOW)


async def test_what_is_there_already_is_known(store: Store) -> None:
    await sent(store)
    await file(store, Filing(fresh=(bounce(),)))
    seen: set[str] = set()

    def look(id: str, candidates: Sequence[Candidate], known: Known) -> Filing:
        seen.update(known(["f1", "f2"]))
        return Filing(fresh=(bounce(text="other"),))

    await store.returns.file([ID], look)
    assert seen == {"f1"}
    assert await store.returns.bounces("m1") == [bounce()]


async def test_a_proof_ends_a_doubt_and_is_told_first(store: Store) -> None:
    await store.submit([mail(touchpoint="t1")])
    await settled(store, "doubted", ID)
    [row] = await rows(store, ID)
    after = proved_sent(row.delivery, None, NOW)
    told = replace(event("e1", "t1"), kind="email_Bounced")
    await file(store, Filing((bounce(),), (), (Proof(row.seq, after, event("e0", "t1")),), (told,)))
    assert (await delivery(store)).state is State.SUCCESS
    assert (await kinds(store))[-2:] == ["email_Sent", "email_Bounced"]
    sequences = [one.sequence for one in await store.events(0, 9)]
    assert sequences == sorted(sequences, key=lambda s: s or 0)


async def test_a_remainders_proof_is_told_to_its_mail(store: Store) -> None:
    await store.submit([mail()])
    first = await claimed(store)
    rest = remainder(first.mail, "b@x")
    await store.settle([ended(first, "sent", accepted=["a@x"], pending=["b@x"], remainder=rest)])
    await settled(store, "doubted", ID)
    [row] = await rows(store, ID)
    info = Info(ID, ("b@x",), (), (), None)
    await file(store, Filing(proofs=(Proof(row.seq, proved_sent(row.delivery, info, NOW), None),)))
    found = (await delivery(store)).info
    assert found is not None
    assert (found.accepted, found.pending) == (("a@x", "b@x"), ())


async def test_a_removed_mails_bounces_go_with_it(store: Store, yard: Yard) -> None:
    await sent(store)
    await file(store, Filing(fresh=(bounce(),)))
    await store.change(["m1"], lambda _: Change(delete=True))
    assert yard.count("bounce") == 0


async def test_a_bounce_leaves_a_persons_reason(store: Store) -> None:
    await store.returns.suppress(listed("a@x", "asked", "person", NOW))
    await sent(store)
    await file(store, Filing(suppressions=(listed("a@x", "550 no", "bounce", NOW + 1),)))
    found = await store.returns.suppressed(["a@x", "b@x"])
    assert found == {"a@x": Suppression("a@x", "asked", "person", NOW)}


async def test_the_list_says_when_it_was_changed(store: Store) -> None:
    assert not await store.returns.any_suppressed()
    before = store.returns.suppression_changes
    await store.returns.suppress(listed("a@x", "asked", "person", NOW))
    assert await store.returns.any_suppressed()
    between = store.returns.suppression_changes
    assert await store.returns.allow("a@x")
    assert not await store.returns.allow("a@x")
    assert before < between < store.returns.suppression_changes


async def test_failures_that_no_rule_knows_are_counted_with_their_end(store: Store) -> None:
    await store.submit([mail("m1"), mail("m2")])
    for said in ("550 odd a@x", "550 odd b@y"):
        found = ended(await claimed(store), "failed")
        assert await store.settle([replace(found, unknown=(said,))]) == [True]
    [unknown] = await store.returns.unknown_errors(9)
    assert (unknown.fingerprint, unknown.seen) == ("550 odd <address>", 2)
    assert unknown.example == "550 odd a…@x"


async def test_kinds_of_unknown_errors_are_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounces, "MOST_UNKNOWN", 2)
    await sent(store)
    for said in ("550 one", "550 two", "550 three", "550 one"):
        await file(store, Filing(fresh=(bounce(said),), unknown=(said,)))
    found = {one.fingerprint: one.seen for one in await store.returns.unknown_errors(9)}
    assert found == {"550 one": 2, "550 two": 1}
