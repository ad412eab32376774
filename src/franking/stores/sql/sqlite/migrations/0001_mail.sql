-- Mails, their documents, attempts and events. Times are milliseconds since 1970-01-01 UTC.

-- The next epoch and whatever else is drawn from one store-wide counter.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO counter (name, value) VALUES ('epoch', 0);

-- A sender's mailbox. next_at is no later than the due time of its earliest waiting mail;
-- turn is when it was last served, so that accounts are served in turn.
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    next_at INTEGER,
    turn INTEGER NOT NULL DEFAULT 0,
    paused_until INTEGER
) STRICT;
CREATE INDEX account_turn ON account (turn) WHERE next_at IS NOT NULL;
CREATE INDEX account_next ON account (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE mail (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'PROCESSING', 'RETRY', 'SUCCESS', 'ERROR')),
    account TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    give_up_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 1,
    version INTEGER NOT NULL DEFAULT 1,
    message_token TEXT NOT NULL,
    on_unknown TEXT NOT NULL DEFAULT 'ask' CHECK (on_unknown IN ('ask', 'resend')),
    touchpoint_id TEXT,
    cadence_member_id TEXT,
    email_message_id TEXT,
    remainder_of TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    stage TEXT CHECK (stage IN ('claimed', 'composed', 'transmitting', 'answered')),
    returns_to TEXT,
    lease_expires_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    waits INTEGER NOT NULL DEFAULT 0,
    releases INTEGER NOT NULL DEFAULT 0,
    start_at INTEGER,
    end_at INTEGER,
    outcome TEXT CHECK (outcome IN ('sent', 'not_sent', 'unknown')),
    error TEXT,
    category TEXT,
    cause TEXT,
    error_code TEXT,
    sentence TEXT,
    waiting_for TEXT,
    info TEXT
) STRICT;

-- What a claim reads: the waiting mails of one account and priority, oldest due first.
CREATE INDEX mail_claim ON mail (account, priority, due_at)
    WHERE state IN ('PENDING', 'RETRY') AND releases < 3;
CREATE INDEX mail_suspect ON mail (due_at)
    WHERE state IN ('PENDING', 'RETRY') AND releases >= 3;
CREATE INDEX mail_lease ON mail (lease_expires_at) WHERE state = 'PROCESSING';
CREATE INDEX mail_give_up ON mail (give_up_at)
    WHERE state IN ('PENDING', 'RETRY') AND give_up_at IS NOT NULL;
-- What lists read.
CREATE INDEX mail_state ON mail (state, seq);
CREATE INDEX mail_category ON mail (category, seq) WHERE category IS NOT NULL;
CREATE INDEX mail_account ON mail (account, seq);
CREATE INDEX mail_touchpoint ON mail (touchpoint_id, seq) WHERE touchpoint_id IS NOT NULL;
CREATE INDEX mail_remainder ON mail (remainder_of) WHERE remainder_of IS NOT NULL;

-- The body of a mail; words are those of recipients and subject; content a remainder's bytes.
CREATE TABLE document (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    words TEXT NOT NULL DEFAULT '',
    content BLOB
) STRICT;

CREATE VIRTUAL TABLE search USING fts5 (
    words, content = 'document', content_rowid = 'seq', tokenize = 'unicode61', detail = 'none'
);
CREATE TRIGGER document_in AFTER INSERT ON document WHEN new.words <> '' BEGIN
    INSERT INTO search (rowid, words) VALUES (new.seq, new.words);
END;
CREATE TRIGGER document_out AFTER DELETE ON document WHEN old.words <> '' BEGIN
    INSERT INTO search (search, rowid, words) VALUES ('delete', old.seq, old.words);
END;
CREATE TRIGGER document_over_out AFTER UPDATE OF words ON document
WHEN old.words <> new.words AND old.words <> '' BEGIN
    INSERT INTO search (search, rowid, words) VALUES ('delete', old.seq, old.words);
END;
CREATE TRIGGER document_over_in AFTER UPDATE OF words ON document
WHEN old.words <> new.words AND new.words <> '' BEGIN
    INSERT INTO search (rowid, words) VALUES (new.seq, new.words);
END;

-- One row for each try; the key proves which try wrote it.
CREATE TABLE attempt (
    mail TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    event TEXT NOT NULL,
    stage TEXT NOT NULL,
    outcome TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    error TEXT,
    category TEXT,
    code TEXT,
    text TEXT,
    response TEXT,
    worker TEXT NOT NULL,
    steps TEXT NOT NULL,
    late TEXT,
    PRIMARY KEY (mail, epoch)
) STRICT, WITHOUT ROWID;

-- Facts that others must hear, in the order of their commits.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    mail TEXT NOT NULL,
    touchpoint_id TEXT,
    sequence INTEGER,
    occurred_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX event_touchpoint ON event (touchpoint_id, sequence)
    WHERE touchpoint_id IS NOT NULL;

-- The last sequence drawn for each touchpoint.
CREATE TABLE touchpoint_sequence (
    touchpoint_id TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers kept for repeats under an Idempotency-Key.
CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    mails TEXT NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created ON idempotency (created_at);

-- A mail's row as the JSON object that the code reads (stores/base, Mail).
CREATE VIEW mail_json AS SELECT m.*, json_object(
    'seq', seq, 'id', id, 'account', account, 'priority', priority, 'created_at', created_at,
    'revision', revision, 'version', version, 'message_token', message_token,
    'on_unknown', on_unknown, 'remainder_of', remainder_of,
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
