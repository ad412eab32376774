-- The outbox, and the embedded package's own tables. Times are milliseconds since 1970-01-01 UTC.

-- What the outlet has yet to hear, one row an event of a touchpoint: waiting, or parked, which later
-- events pass. A delivered event's row is gone.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    touchpoint_id TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked')),
    tries INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    error TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (touchpoint_id, seq) WHERE state = 'waiting';
CREATE INDEX outbox_parked ON outbox (seq) WHERE state = 'parked';

-- Touchpoints that have something waiting; next_at is when their first event may be told.
CREATE TABLE outbox_lane (
    touchpoint_id TEXT PRIMARY KEY,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_lane_next ON outbox_lane (next_at);

-- An event of a touchpoint waits for the outlet from the transaction on that wrote it.
CREATE TRIGGER event_waits AFTER INSERT ON event WHEN new.touchpoint_id IS NOT NULL BEGIN
    INSERT INTO outbox (seq, touchpoint_id) VALUES (new.seq, new.touchpoint_id);
    INSERT INTO outbox_lane (touchpoint_id, next_at) VALUES (new.touchpoint_id, 0)
    ON CONFLICT (touchpoint_id) DO NOTHING;
END;

-- Why the outlet itself hears nothing now, and until when.
CREATE TABLE outlet (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    paused_until INTEGER,
    reason TEXT,
    since INTEGER
) STRICT;
INSERT INTO outlet (id) VALUES (1);

-- The embedded package's touchpoints. status is any text: the picklist is unrestricted.
CREATE TABLE touchpoint (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('automated', 'manual')),
    status TEXT NOT NULL,
    status_updated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    cadence_member_id TEXT,
    email_message_id TEXT,
    due_at INTEGER,
    next_attempt_at INTEGER,
    error_message TEXT,
    error_message_truncated TEXT,
    error_code TEXT,
    error_category TEXT,
    manual_retry_count INTEGER NOT NULL DEFAULT 0,
    last_event_id TEXT,
    last_sequence INTEGER NOT NULL DEFAULT 0,
    mail_id TEXT,
    timer_id TEXT,
    completions INTEGER NOT NULL DEFAULT 0,
    asked_at INTEGER,
    deleted_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    -- What was asked for and is not done yet, as JSON: a timer to create, a deletion to finish.
    unfinished TEXT
) STRICT;
CREATE INDEX touchpoint_status ON touchpoint (status, seq);
CREATE INDEX touchpoint_category ON touchpoint (error_category, seq)
    WHERE error_category IS NOT NULL;
CREATE INDEX touchpoint_member ON touchpoint (cadence_member_id, seq)
    WHERE cadence_member_id IS NOT NULL;
CREATE INDEX touchpoint_unfinished ON touchpoint (seq) WHERE unfinished IS NOT NULL;

-- Its conquer errors; a repeated event makes no second one.
CREATE TABLE conquer_error (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL UNIQUE,
    touchpoint_id TEXT NOT NULL,
    status TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    error_message TEXT,
    error_message_truncated TEXT,
    error_code TEXT,
    cadence_member_id TEXT,
    email_message_id TEXT
) STRICT;
CREATE INDEX conquer_error_touchpoint ON conquer_error (touchpoint_id, seq);
CREATE INDEX conquer_error_status ON conquer_error (status, seq);

-- A touchpoint as the JSON object that the code reads (core/touchpoint, Touchpoint).
CREATE VIEW touchpoint_json AS SELECT t.*, json_object(
    'seq', seq, 'id', id, 'kind', kind, 'status', status,
    'status_updated_at', status_updated_at, 'created_at', created_at,
    'cadence_member_id', cadence_member_id, 'email_message_id', email_message_id,
    'due_at', due_at, 'next_attempt_at', next_attempt_at, 'error_message', error_message,
    'error_message_truncated', error_message_truncated, 'error_code', error_code,
    'error_category', error_category, 'manual_retry_count', manual_retry_count,
    'last_event_id', last_event_id, 'last_sequence', last_sequence, 'mail_id', mail_id,
    'timer_id', timer_id, 'completions', completions, 'asked_at', asked_at,
    'deleted_at', deleted_at
) AS row FROM touchpoint t;

-- A conquer error likewise.
CREATE VIEW conquer_error_json AS SELECT e.*, json_object(
    'id', id, 'event_id', event_id, 'touchpoint_id', touchpoint_id, 'status', status,
    'occurred_at', occurred_at, 'error_message', error_message,
    'error_message_truncated', error_message_truncated, 'error_code', error_code,
    'cadence_member_id', cadence_member_id, 'email_message_id', email_message_id
) AS row FROM conquer_error e;
