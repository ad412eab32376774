-- The outbox. Times are milliseconds since 1970-01-01 UTC.

-- What the outlet has yet to hear, one row an event of a touchpoint: waiting, or parked, which
-- later events pass. A delivered event's row is gone.
CREATE TABLE outbox (
    seq bigint PRIMARY KEY,
    touchpoint_id text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked')),
    tries bigint NOT NULL DEFAULT 0,
    tried_at bigint,
    error text
);
CREATE INDEX outbox_waiting ON outbox (touchpoint_id, seq) WHERE state = 'waiting';
CREATE INDEX outbox_parked ON outbox (seq) WHERE state = 'parked';

-- Touchpoints that have something waiting; next_at is when their first event may be told, or until
-- when somebody tells it (leased). Whoever
-- writes an event of a touchpoint, or ends its lane, has locked its touchpoint_sequence first.
CREATE TABLE outbox_lane (
    touchpoint_id text COLLATE "C" PRIMARY KEY,
    next_at bigint NOT NULL,
    leased bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX outbox_lane_next ON outbox_lane (next_at);

-- An event of a touchpoint waits for the outlet from the transaction on that wrote it.
CREATE FUNCTION event_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (seq, touchpoint_id) VALUES (NEW.seq, NEW.touchpoint_id);
    INSERT INTO outbox_lane (touchpoint_id, next_at) VALUES (NEW.touchpoint_id, 0)
    ON CONFLICT (touchpoint_id) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER event_waits AFTER INSERT ON event FOR EACH ROW
WHEN (NEW.touchpoint_id IS NOT NULL) EXECUTE FUNCTION event_waits();

-- Why the outlet itself hears nothing now, and until when.
CREATE TABLE outlet (
    id bigint PRIMARY KEY CHECK (id = 1),
    paused_until bigint,
    reason text,
    since bigint
);
INSERT INTO outlet (id) VALUES (1);
