-- Senders' mailboxes and their limits, keys, bounces, suppressed addresses, unknown errors.

-- An account: where to send through, its limits, its state. settings and limits are JSON; secret is
-- encrypted. state is ok or disconnected; a pause is paused_until. pauses counts the limits met in
-- a row; while it is not 0 one mail is tried first, under a lease that ends at probe_until.
-- tokens (as of tokens_at) are what may be sent now within perMinute.
ALTER TABLE account ADD COLUMN settings TEXT;
ALTER TABLE account ADD COLUMN limits TEXT;
ALTER TABLE account ADD COLUMN secret BLOB;
ALTER TABLE account ADD COLUMN state TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE account ADD COLUMN reason TEXT;
ALTER TABLE account ADD COLUMN since INTEGER;
ALTER TABLE account ADD COLUMN pauses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN probe_until INTEGER;
ALTER TABLE account ADD COLUMN tokens REAL;
ALTER TABLE account ADD COLUMN tokens_at INTEGER;
ALTER TABLE account ADD COLUMN created_at INTEGER;
ALTER TABLE account ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX account_disconnected ON account (id) WHERE state = 'disconnected';
CREATE INDEX account_paused ON account (paused_until) WHERE paused_until IS NOT NULL;

-- What an account sent, by quarter of an hour, for its limits of a rolling day.
CREATE TABLE account_usage (
    account TEXT NOT NULL,
    slot INTEGER NOT NULL,
    mails INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    PRIMARY KEY (account, slot)
) STRICT, WITHOUT ROWID;

-- How many recipients a mail names, for limits that count them.
ALTER TABLE mail ADD COLUMN recipients INTEGER NOT NULL DEFAULT 1;

-- Which mail a Message-ID was given to, for bounces that come back.
ALTER TABLE attempt ADD COLUMN message_id TEXT;
CREATE INDEX attempt_message ON attempt (message_id) WHERE message_id IS NOT NULL;

-- Bounces and receipts that came back for a mail.
CREATE TABLE bounce (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL UNIQUE,
    mail TEXT,
    recipient TEXT,
    action TEXT NOT NULL,
    status TEXT,
    received_at INTEGER NOT NULL,
    category TEXT,
    cause TEXT,
    text TEXT
) STRICT;
CREATE INDEX bounce_mail ON bounce (mail) WHERE mail IS NOT NULL;

-- Addresses that nothing is sent to.
CREATE TABLE suppression (
    address TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Errors that no rule knows, counted by their shape.
CREATE TABLE unknown_error (
    fingerprint TEXT PRIMARY KEY,
    example TEXT NOT NULL,
    seen INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unknown_error_seen ON unknown_error (seen);

-- Keys of programs and people; only the hash of a key's secret is kept.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    per_minute INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- An account as JSON, for people and for the governor; never its secret.
CREATE VIEW account_json AS SELECT a.*, json_object(
    'id', id, 'settings', json(settings), 'limits', json(limits), 'state', state,
    'reason', reason, 'since', since, 'paused_until', paused_until, 'pauses', pauses,
    'probe_until', probe_until, 'tokens', tokens, 'tokens_at', tokens_at,
    'created_at', created_at, 'version', version, 'next_at', next_at,
    'secret', json(iif(secret IS NULL, 'false', 'true'))
) AS row FROM account a;

-- A mail's row with where its account stands.
DROP VIEW mail_json;
CREATE VIEW mail_json AS SELECT m.*, json_object(
    'seq', seq, 'id', id, 'account', account, 'priority', priority, 'created_at', created_at,
    'revision', revision, 'version', version, 'message_token', message_token,
    'on_unknown', on_unknown, 'remainder_of', remainder_of,
    'recipients', recipients,
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
