-- Timers, their earlier lives, and the lanes in which they wait. Times are milliseconds since
-- 1970-01-01 UTC.

-- A timer. callback is JSON, data the JSON of a string or an object. next_at is when somebody must
-- look at it: its due time, its next try, or the end of its lease; NULL while its mail is under way
-- and once it has ended. tries are the calls of this life that ended badly, as JSON.
CREATE TABLE timer (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('scheduled', 'served', 'executed', 'failed', 'deleted')),
    transport TEXT NOT NULL,
    lane TEXT NOT NULL,
    next_at INTEGER,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    served_at INTEGER,
    executed_at INTEGER,
    deleted_at INTEGER,
    error TEXT,
    previous_served_at INTEGER,
    previous_executed_at INTEGER,
    previous_deleted_at INTEGER,
    previous_error TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 1,
    epoch INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    lease_expires_at INTEGER,
    tries TEXT NOT NULL DEFAULT '[]',
    asked_at INTEGER,
    callback TEXT NOT NULL,
    data TEXT
) STRICT;
CREATE INDEX timer_next ON timer (lane, next_at) WHERE next_at IS NOT NULL;
-- What lists read.
CREATE INDEX timer_state ON timer (state, seq);
CREATE INDEX timer_transport ON timer (transport, seq);

-- The lives that a timer had before its present one, and what began the next.
CREATE TABLE timer_life (
    timer TEXT NOT NULL,
    life INTEGER NOT NULL,
    ended_by TEXT NOT NULL CHECK (ended_by IN ('created', 'replaced', 'retried')),
    state TEXT NOT NULL,
    revision INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    served_at INTEGER,
    executed_at INTEGER,
    deleted_at INTEGER,
    error TEXT,
    retry_count INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    tries TEXT NOT NULL,
    callback TEXT NOT NULL,
    data TEXT,
    PRIMARY KEY (timer, life)
) STRICT, WITHOUT ROWID;

-- Whom timers wait for; next_at is no later than the earliest next_at of the lane's timers.
CREATE TABLE timer_lane (
    id TEXT PRIMARY KEY,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_lane_next ON timer_lane (next_at);

-- Which revision of the timer that has its id a mail was made of; 0 for one that no timer made.
ALTER TABLE mail ADD COLUMN timed INTEGER NOT NULL DEFAULT 0;

-- A timer's row as the JSON object that the code reads (core/timer, Timer), and beside its data,
-- which is kept and handed over byte for byte.
CREATE VIEW timer_json AS SELECT t.*, json_object(
    'seq', seq, 'id', id, 'state', state, 'callback', json(callback),
    'next_at', next_at, 'due_at', due_at, 'created_at', created_at,
    'served_at', served_at, 'executed_at', executed_at, 'deleted_at', deleted_at,
    'error', error, 'previous_served_at', previous_served_at,
    'previous_executed_at', previous_executed_at,
    'previous_deleted_at', previous_deleted_at, 'previous_error', previous_error,
    'retry_count', retry_count, 'revision', revision, 'epoch', epoch, 'attempt', attempt,
    'tries', json(tries), 'asked_at', asked_at
) AS row FROM timer t;

-- A mail's row with where its account stands, and its timer.
DROP VIEW mail_json;
CREATE VIEW mail_json AS SELECT m.*, json_object(
    'seq', seq, 'id', id, 'account', account, 'priority', priority, 'created_at', created_at,
    'revision', revision, 'version', version, 'message_token', message_token,
    'on_unknown', on_unknown, 'remainder_of', remainder_of,
    'recipients', recipients,
    'timed', timed,
    'hold', json((
        SELECT json_object(
            'state', a.state, 'paused_until', a.paused_until, 'pauses', a.pauses,
            'reason', a.reason
        )
        FROM account a WHERE a.id = m.account
            AND (a.state <> 'ok' OR a.paused_until IS NOT NULL)
    )),
    'links', json_object(
        'touchpoint_id', touchpoint_id, 'cadence_member_id', cadence_member_id,
        'email_message_id', email_message_id
    ),
    'delivery', json_object(
        'state', state, 'due_at', due_at, 'start_at', start_at, 'end_at', end_at,
        'attempts', attempts, 'tries', tries, 'waits', waits, 'releases', releases,
        'epoch', epoch, 'stage', stage, 'returns_to', returns_to,
        'lease_expires_at', lease_expires_at, 'give_up_at', give_up_at, 'outcome', outcome,
        'error', error, 'category', category, 'cause', cause, 'error_code', error_code,
        'sentence', sentence, 'waiting_for', waiting_for, 'info', json(info)
    )
) AS row FROM mail m;
