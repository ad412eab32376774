-- The seven events of Trigger Email, and the webhooks that hear them. Times are milliseconds since
-- 1970-01-01 UTC.

-- Who we are, in the source of every event. It stays when the database is moved or restored.
CREATE TABLE installation (
    id text PRIMARY KEY
);
INSERT INTO installation (id) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 16));

-- A receiver. types is a JSON list; secret is sealed, several where one is being replaced. state:
-- disabled hears nothing and nothing is kept for it; removed, it is waiting to be forgotten.
-- paused_until, reason and since tell of a receiver that does not take what it is told; told_at is
-- when it last did.
CREATE TABLE webhook (
    id text COLLATE "C" PRIMARY KEY,
    url text NOT NULL,
    types text NOT NULL,
    include text NOT NULL CHECK (include IN ('doc', 'delivery')),
    secret bytea NOT NULL,
    state text NOT NULL DEFAULT 'ok' CHECK (
        state IN ('ok', 'paused', 'disabled', 'removed')
    ),
    version bigint NOT NULL DEFAULT 1,
    created_at bigint NOT NULL,
    paused_until bigint,
    pauses bigint NOT NULL DEFAULT 0,
    reason text,
    since bigint,
    told_at bigint
);

-- Who hears which kind now: each enabled webhook, and (webhook '', until then) those who listen.
-- While it is empty, which it is without any, a fact is written and nothing else.
CREATE TABLE hearing (
    kind text COLLATE "C" NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    until bigint,
    PRIMARY KEY (kind, webhook)
);

-- What a webhook has yet to hear: waiting, or parked, which later events pass. What was heard is
-- gone.
CREATE TABLE webhook_queue (
    webhook text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    mail text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked')),
    tries bigint NOT NULL DEFAULT 0,
    tried_at bigint,
    error text,
    PRIMARY KEY (webhook, seq)
);
CREATE INDEX webhook_queue_waiting ON webhook_queue (webhook, mail, seq) WHERE state = 'waiting';
CREATE INDEX webhook_queue_parked ON webhook_queue (webhook, seq) WHERE state = 'parked';
CREATE INDEX webhook_queue_event ON webhook_queue (seq);

-- The mails of which a webhook has something waiting; next_at is when the first may be told, or
-- until when somebody tells it (leased). Whoever writes an event of a mail, or ends its lane, has
-- locked the mail first.
CREATE TABLE webhook_lane (
    webhook text COLLATE "C" NOT NULL,
    mail text COLLATE "C" NOT NULL,
    next_at bigint NOT NULL,
    leased bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (webhook, mail)
) WITH (fillfactor = 70);
CREATE INDEX webhook_lane_next ON webhook_lane (webhook, next_at);

-- A document as an event must show it, that was edited or deleted since.
CREATE TABLE kept_document (
    seq bigint NOT NULL,
    revision bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (seq, revision)
);

-- What the last statement that changed a delivery told of it: whoever writes the state writes this
-- too, and the trigger takes it from there.
CREATE FUNCTION mail_tells() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told jsonb := NEW.fact;
    at bigint := told ->> 0;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM hearing) THEN
        RETURN NULL;
    END IF;
    INSERT INTO event (id, kind, mail, occurred_at, body, mail_seq)
    SELECT replace(gen_random_uuid()::text, '-', ''), k.kind, NEW.id, at,
        (SELECT row FROM mail_json WHERE seq = NEW.seq), NEW.seq
    FROM jsonb_array_elements_text(told) WITH ORDINALITY k (kind, place)
    WHERE k.place > 1 AND EXISTS (
        SELECT 1 FROM hearing h WHERE h.kind = k.kind AND (h.until IS NULL OR h.until > at)
    )
    ORDER BY k.place;
    RETURN NULL;
END
$$;
CREATE TRIGGER mail_begins AFTER INSERT ON mail FOR EACH ROW
WHEN (NEW.fact IS NOT NULL AND NEW.remainder_of IS NULL) EXECUTE FUNCTION mail_tells();
CREATE TRIGGER mail_goes_on AFTER UPDATE OF fact ON mail FOR EACH ROW
WHEN (NEW.fact IS NOT NULL AND NEW.remainder_of IS NULL) EXECUTE FUNCTION mail_tells();

-- An event waits for each webhook that hears its kind, from the transaction on that wrote it.
CREATE FUNCTION event_is_heard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_queue (webhook, seq, mail)
    SELECT webhook, NEW.seq, NEW.mail FROM hearing WHERE kind = NEW.kind AND webhook <> '';
    INSERT INTO webhook_lane (webhook, mail, next_at)
    SELECT webhook, NEW.mail, 0 FROM hearing WHERE kind = NEW.kind AND webhook <> ''
    ORDER BY webhook
    ON CONFLICT (webhook, mail) DO UPDATE SET next_at = webhook_lane.next_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER event_is_heard AFTER INSERT ON event FOR EACH ROW
WHEN (NEW.mail_seq IS NOT NULL) EXECUTE FUNCTION event_is_heard();

-- The row is edited before its document, and deleted after it: what an event that is still there
-- must show is kept. One event more than needs it may keep it.
CREATE FUNCTION mail_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept_document (seq, revision, body)
    SELECT OLD.seq, OLD.revision, d.body FROM document d
    WHERE d.seq = OLD.seq
        AND EXISTS (SELECT 1 FROM event e WHERE e.mail_seq IS NOT NULL AND e.mail_seq = OLD.seq)
    ON CONFLICT (seq, revision) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER mail_edited AFTER UPDATE OF revision ON mail FOR EACH ROW
WHEN (NEW.revision <> OLD.revision) EXECUTE FUNCTION mail_edited();
CREATE FUNCTION document_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kept_document (seq, revision, body)
    SELECT OLD.seq, m.revision, OLD.body FROM mail m
    WHERE m.seq = OLD.seq
        AND EXISTS (SELECT 1 FROM event e WHERE e.mail_seq IS NOT NULL AND e.mail_seq = OLD.seq)
    ON CONFLICT (seq, revision) DO NOTHING;
    RETURN OLD;
END
$$;
CREATE TRIGGER document_deleted BEFORE DELETE ON document FOR EACH ROW
EXECUTE FUNCTION document_deleted();
-- With its last event what was kept for them is gone.
CREATE FUNCTION event_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM kept_document WHERE seq = OLD.mail_seq AND NOT EXISTS (
        SELECT 1 FROM event e WHERE e.mail_seq IS NOT NULL AND e.mail_seq = OLD.mail_seq
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER event_forgotten AFTER DELETE ON event FOR EACH ROW
WHEN (OLD.mail_seq IS NOT NULL) EXECUTE FUNCTION event_forgotten();
