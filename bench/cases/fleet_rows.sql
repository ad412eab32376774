-- Mails as a PostgreSQL has them after a while, made of numbers from :first to :last - 1 in one
-- statement each; rows as submit and settle would have made them, all of the past.

-- name: waiting
WITH mails AS (
    INSERT INTO mail (
        seq, id, state, account, created_at, due_at, start_at, message_token, recipient, subject
    )
    SELECT i, 'B' || lpad(i::text, 25, '0'), 'PENDING', 'account-' || mod(i, :accounts), :now,
        :now + i / 10, :now, 'T' || lpad(i::text, 25, '0'), 'alex.' || i || '@example.net',
        'Number ' || i
    FROM generate_series(CAST(:first AS bigint), :last - 1) i
)
INSERT INTO document (seq, body, words, search)
SELECT i, replace(:body, 'alex.0@', 'alex.' || i || '@'), 'alex example net',
    '''alex'' ''example'' ''net'''::tsvector
FROM generate_series(CAST(:first AS bigint), :last - 1) i;

-- name: finished
WITH mails AS (
    INSERT INTO mail (
        seq, id, state, account, created_at, due_at, start_at, end_at, message_token, recipient,
        subject, epoch, version, attempts, tries, outcome, info
    )
    SELECT i, 'B' || lpad(i::text, 25, '0'), 'SUCCESS', 'account-' || mod(i, :accounts), :now,
        :now + i / 10, :now, :now + i / 10, 'T' || lpad(i::text, 25, '0'),
        'alex.' || i || '@example.net', 'Number ' || i, i, 3, 1, 1, 'sent',
        json_build_object(
            'message_id', '<T' || lpad(i::text, 25, '0') || '@example.com>',
            'accepted', json_build_array('alex.' || i || '@example.net'),
            'rejected', '[]'::json, 'pending', '[]'::json, 'response', '250 2.0.0 Ok'
        )
    FROM generate_series(CAST(:first AS bigint), :last - 1) i
), attempts AS (
    INSERT INTO attempt (
        mail, epoch, number, revision, event, stage, outcome, started_at, ended_at, response,
        worker, steps, message_id
    )
    SELECT 'B' || lpad(i::text, 25, '0'), i, 1, 1, 'sent', 'answered', 'sent', :now + i / 10,
        :now + i / 10 + 20, '250 2.0.0 Ok', 'bench:1', :steps,
        '<T' || lpad(i::text, 25, '0') || '@example.com>'
    FROM generate_series(CAST(:first AS bigint), :last - 1) i
), events AS (
    INSERT INTO event (id, kind, mail, occurred_at, body)
    SELECT 'E' || lpad(i::text, 25, '0'), 'email_Sent', 'B' || lpad(i::text, 25, '0'),
        :now + i / 10, '{"emailMessageId":null,"touchpointId":null}'
    FROM generate_series(CAST(:first AS bigint), :last - 1) i
)
INSERT INTO document (seq, body, words, search)
SELECT i, replace(:body, 'alex.0@', 'alex.' || i || '@'), 'alex example net',
    '''alex'' ''example'' ''net'''::tsvector
FROM generate_series(CAST(:first AS bigint), :last - 1) i;

-- name: accounts
INSERT INTO account (id, next_at)
SELECT 'account-' || i, :now FROM generate_series(0, CAST(:accounts AS bigint) - 1) i
ON CONFLICT (id) DO UPDATE SET next_at = excluded.next_at;

-- name: counters
SELECT setval('mail_seq_seq', :last), setval('epoch', :last);

-- name: indexes
SELECT i.indexdef FROM pg_indexes i
WHERE i.schemaname = current_schema()
    AND i.tablename IN ('mail', 'document', 'attempt', 'event')
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname);
