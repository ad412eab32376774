"""What people and programs ask of a mail, in one transaction: submit, change, and only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from franking.stores.base import AlreadyExists, Change, Decide, KeyReused, Once, Replay, Stored
from franking.stores.queries import Db
from franking.stores.rows import insert, remove, text, update
from franking.stores.timer_changes import write

_stored = msgspec.json.Decoder(Stored)


def once(db: Db, key: Once, mails: Sequence[str], do: Any) -> Any:
    """`do()` under an Idempotency-Key: the first time for real, then its answer again."""
    found = db.row("find_answer", scope=key.scope, key=key.key)
    if found is not None:
        fingerprint, answer = found
        if fingerprint != key.fingerprint:
            raise KeyReused("This Idempotency-Key came before with another body. Use a new key.")
        return Replay(bytes(answer))
    result = do()
    try:
        answer = key.answer(result)
    except Exception as refusal:
        # What was refused is told and not kept, but what the refusal wrote stays.
        if refusal is result or (isinstance(result, list) and any(refusal is r for r in result)):
            return result
        raise
    db.run(
        "keep_answer",
        scope=key.scope,
        key=key.key,
        fingerprint=key.fingerprint,
        at=key.at,
        mails=text(list(mails)),
        answer=answer,
    )
    return result


def lock(db: Db, ids: Sequence[str]) -> None:
    """Let nobody else write these mails until the transaction ends, so that what is read stays."""
    db.value("lock_mails", ids=text(list(ids)))


def change(db: Db, id: str, decide: Decide) -> Stored | None:
    """Read one mail, which the caller has locked, write what `decide` says, and return it as it is
    then."""
    found = db.value("read_mail", id=id)
    stored = _stored.decode(found) if found is not None else None
    wanted = decide(stored)
    if wanted is None:
        return stored
    if wanted.insert is not None:
        if stored is not None:
            raise AlreadyExists(f"A mail with id {id} exists.")
        [mail] = insert(db, [wanted.insert])
        return Stored(mail, wanted.insert.document)
    if stored is None:
        return None
    if wanted.delete:
        remove(db, stored.mail, wanted.at)  # first, for it may refuse
    if wanted.timer is not None and stored.timer is not None:
        write(db, stored.timer, wanted.timer)
        if wanted.timer.refuse is not None:
            raise wanted.timer.refuse
    if wanted.delete:
        return None
    if wanted == Change():
        return stored
    update(db, stored.mail, wanted)
    if wanted.quiet:
        return None
    return _stored.decode(db.value("read_mail", id=id))
