-- The seven events of Trigger Email, and the webhooks that hear them. Times are milliseconds since
-- 1970-01-01 UTC.

-- Who we are, in the source of every event. It stays when the file is moved or restored.
CREATE TABLE installation (
    id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO installation (id) VALUES (lower(hex(randomblob(8))));

-- A receiver. types is a JSON list; secret is sealed, several where one is being replaced. state:
-- disabled hears nothing and nothing is kept for it; removed, it is waiting to be forgotten. paused_until, reason and since tell of a
-- receiver that does not take what it is told; told_at is when it last did.
CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    types TEXT NOT NULL,
    include TEXT NOT NULL CHECK (include IN ('doc', 'delivery')),
    secret BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'ok' CHECK (
        state IN ('ok', 'paused', 'disabled', 'removed')
    ),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    paused_until INTEGER,
    pauses INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    since INTEGER,
    told_at INTEGER
) STRICT, WITHOUT ROWID;

-- Who hears which kind now: each enabled webhook, and (webhook '', until then) those who listen.
-- While it is empty, which it is without any, a fact is written and nothing else.
CREATE TABLE hearing (
    kind TEXT NOT NULL,
    webhook TEXT NOT NULL,
    until INTEGER,
    PRIMARY KEY (kind, webhook)
) STRICT, WITHOUT ROWID;

-- What a webhook has yet to hear: waiting, or parked, which later events pass. What was heard is
-- gone.
CREATE TABLE webhook_queue (
    webhook TEXT NOT NULL,
    seq INTEGER NOT NULL,
    mail TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked')),
    tries INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    error TEXT,
    PRIMARY KEY (webhook, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_queue_waiting ON webhook_queue (webhook, mail, seq) WHERE state = 'waiting';
CREATE INDEX webhook_queue_parked ON webhook_queue (webhook, seq) WHERE state = 'parked';
CREATE INDEX webhook_queue_event ON webhook_queue (seq);

-- The mails of which a webhook has something waiting; next_at is when the first may be told, or
-- until when somebody tells it (leased).
CREATE TABLE webhook_lane (
    webhook TEXT NOT NULL,
    mail TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (webhook, mail)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_lane_next ON webhook_lane (webhook, next_at);

-- One of the seven is an event of its mail's row; its body is that row as it was then (mail_json),
-- and its document is joined when it is told.
ALTER TABLE event ADD COLUMN mail_seq INTEGER;
CREATE INDEX event_of_mail ON event (mail_seq, seq) WHERE mail_seq IS NOT NULL;
CREATE INDEX event_told ON event (seq) WHERE mail_seq IS NOT NULL;

-- A document as an event must show it, that was edited or deleted since.
CREATE TABLE kept_document (
    seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (seq, revision)
) STRICT;

-- What the last statement that changed a delivery told of it, as [at, kind, …] (core/lifecycle):
-- whoever writes the state writes this too, and the triggers take it from there.
ALTER TABLE mail ADD COLUMN fact TEXT;

CREATE TRIGGER mail_begins AFTER INSERT ON mail
WHEN new.fact IS NOT NULL AND new.remainder_of IS NULL AND EXISTS (SELECT 1 FROM hearing) BEGIN
    INSERT INTO event (id, kind, mail, occurred_at, body, mail_seq)
    SELECT lower(hex(randomblob(16))), k.value, new.id, new.fact ->> 0,
        (SELECT row FROM mail_json WHERE seq = new.seq), new.seq
    FROM json_each(new.fact) k
    WHERE k.key > 0 AND EXISTS (
        SELECT 1 FROM hearing h
        WHERE h.kind = k.value AND (h.until IS NULL OR h.until > new.fact ->> 0)
    )
    ORDER BY k.key;
END;
CREATE TRIGGER mail_goes_on AFTER UPDATE OF fact ON mail
WHEN new.fact IS NOT NULL AND new.remainder_of IS NULL AND EXISTS (SELECT 1 FROM hearing) BEGIN
    INSERT INTO event (id, kind, mail, occurred_at, body, mail_seq)
    SELECT lower(hex(randomblob(16))), k.value, new.id, new.fact ->> 0,
        (SELECT row FROM mail_json WHERE seq = new.seq), new.seq
    FROM json_each(new.fact) k
    WHERE k.key > 0 AND EXISTS (
        SELECT 1 FROM hearing h
        WHERE h.kind = k.value AND (h.until IS NULL OR h.until > new.fact ->> 0)
    )
    ORDER BY k.key;
END;

-- An event waits for each webhook that hears its kind, from the transaction on that wrote it.
CREATE TRIGGER event_is_heard AFTER INSERT ON event WHEN new.mail_seq IS NOT NULL BEGIN
    INSERT INTO webhook_queue (webhook, seq, mail)
    SELECT webhook, new.seq, new.mail FROM hearing WHERE kind = new.kind AND webhook <> '';
    INSERT INTO webhook_lane (webhook, mail, next_at)
    SELECT webhook, new.mail, 0 FROM hearing WHERE kind = new.kind AND webhook <> ''
    ON CONFLICT (webhook, mail) DO NOTHING;
END;

-- The row is edited before its document, and deleted after it: what an event that is still there
-- must show is kept. One event more than needs it may keep it.
CREATE TRIGGER mail_edited AFTER UPDATE OF revision ON mail
WHEN new.revision <> old.revision
    AND EXISTS (SELECT 1 FROM event e WHERE e.mail_seq IS NOT NULL AND e.mail_seq = old.seq) BEGIN
    INSERT INTO kept_document (seq, revision, body)
    SELECT old.seq, old.revision, d.body FROM document d WHERE d.seq = old.seq
    ON CONFLICT (seq, revision) DO NOTHING;
END;
CREATE TRIGGER document_deleted BEFORE DELETE ON document
WHEN EXISTS (SELECT 1 FROM event e WHERE e.mail_seq IS NOT NULL AND e.mail_seq = old.seq) BEGIN
    INSERT INTO kept_document (seq, revision, body)
    SELECT old.seq, m.revision, old.body FROM mail m WHERE m.seq = old.seq
    ON CONFLICT (seq, revision) DO NOTHING;
END;
-- With its last event what was kept for them is gone.
CREATE TRIGGER event_forgotten AFTER DELETE ON event
WHEN old.mail_seq IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM event e WHERE e.mail_seq IS NOT NULL AND e.mail_seq = old.mail_seq
) BEGIN
    DELETE FROM kept_document WHERE seq = old.mail_seq;
END;
