-- A `+` before a column keeps the planner from an index: it must start from the list. A list that
-- is read many times a row is MATERIALIZED first: json_each makes each value anew when it is read.

-- name: gather_wakes!
-- Nothing to gather: who has something due wakes the account itself.
SELECT NULL;

-- name: ready_accounts
-- Accounts with something due that may send now, longest unserved first, each with whether it may be
-- written, as a JSON list of pairs: all of them, for there is one writer.
SELECT json_group_array(json_array(id, json('true'))) FROM (
    SELECT id FROM account
    WHERE next_at IS NOT NULL AND next_at <= :now AND state = 'ok'
        AND (paused_until IS NULL OR paused_until <= :now)
        AND (probe_until IS NULL OR probe_until <= :now)
    ORDER BY turn LIMIT :limit
);

-- name: claimable
-- Up to :share due mails of each account of a JSON list, by priority, oldest due first, and one more
-- where there is one, with how many recipients each names, as a JSON list of lists of pairs.
SELECT json_group_array(json((
    SELECT json_group_array(json_array(seq, recipients)) FROM (
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.value AND priority = 2 AND due_at <= :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now) ORDER BY due_at LIMIT :share + 1)
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.value AND priority = 1 AND due_at <= :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now) ORDER BY due_at LIMIT :share + 1)
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.value AND priority = 0 AND due_at <= :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now) ORDER BY due_at LIMIT :share + 1)
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.value AND priority = -1 AND due_at <= :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now) ORDER BY due_at LIMIT :share + 1)
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.value AND priority = -2 AND due_at <= :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now) ORDER BY due_at LIMIT :share + 1)
        LIMIT :share + 1
    )
))) FROM json_each(:ids) r;

-- name: claimable_alone
-- One due mail whose leases ran out too often, as a JSON list.
SELECT json_group_array(seq) FROM (
    SELECT seq FROM mail INDEXED BY mail_suspect
    WHERE state IN ('PENDING', 'RETRY') AND releases >= 3
        AND due_at <= :now AND (give_up_at IS NULL OR give_up_at > :now)
        AND NOT EXISTS (
            SELECT 1 FROM account a WHERE a.id = mail.account AND a.paused_until > :now
        )
    ORDER BY due_at LIMIT 1
);

-- name: draw_epochs
-- The next :count epochs; answers the last of them.
UPDATE counter SET value = value + :count WHERE name = 'epoch' RETURNING value;

-- name: lease_mails!
-- Waiting mails of a JSON list of seqs go to PROCESSING, each with an epoch after :base.
UPDATE mail SET returns_to = state, state = 'PROCESSING', epoch = :base + r.key + 1,
    stage = 'claimed', lease_expires_at = :expires_at, waiting_for = NULL,
    version = version + 1, fact = :fact
FROM json_each(:seqs) r
WHERE mail.seq = r.value AND +mail.state IN ('PENDING', 'RETRY');

-- name: serve_accounts!
-- Accounts of a JSON list of [id, turn, more] were served (turn) or may send again: the next mail of
-- each is due when the index says; while there are certainly more (more), it is as it was.
UPDATE account SET turn = coalesce(r.value ->> 1, turn),
    next_at = CASE WHEN r.value ->> 2 THEN next_at ELSE (
        SELECT min(due_at) FROM (
            SELECT min(m.due_at) AS due_at FROM mail m WHERE m.account = account.id
                AND m.priority = 2 AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
            UNION ALL
            SELECT min(m.due_at) FROM mail m WHERE m.account = account.id
                AND m.priority = 1 AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
            UNION ALL
            SELECT min(m.due_at) FROM mail m WHERE m.account = account.id
                AND m.priority = 0 AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
            UNION ALL
            SELECT min(m.due_at) FROM mail m WHERE m.account = account.id
                AND m.priority = -1 AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
            UNION ALL
            SELECT min(m.due_at) FROM mail m WHERE m.account = account.id
                AND m.priority = -2 AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
        )
    ) END
FROM json_each(:rows) r WHERE account.id = r.value ->> 0;

-- name: claimed_mails
-- The mails of a JSON list of seqs with their documents and their account's own address.
SELECT '[' || coalesce(group_concat(
    '{"mail":' || m.row || ',"document":' || d.body || ',"address":' || json_quote((
        SELECT a.settings ->> '$.address' FROM account a WHERE a.id = m.account
    )) || '}'
), '') || ']'
FROM json_each(:seqs) r JOIN mail_json m ON m.seq = r.value JOIN document d ON d.seq = m.seq;

-- name: content_of
-- A remainder's ready bytes.
SELECT content FROM document WHERE seq = :seq;

-- name: mark_transmitting!
-- The fence before the dot: the lease (state, epoch, end) holds and the account is not paused.
UPDATE mail SET stage = 'transmitting'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE mail.seq = r.value ->> 'seq' AND mail.epoch = r.value ->> 'epoch'
    AND +mail.state = 'PROCESSING' AND mail.lease_expires_at > r.value ->> 'now'
    AND NOT EXISTS (
        SELECT 1 FROM account a WHERE a.id = mail.account
            AND (a.paused_until > r.value ->> 'now' OR a.state <> 'ok')
    );

-- name: transmitting_of
-- Which leases of a JSON list stand at `transmitting`, as a list of their places in it.
SELECT json_group_array(r.key) FROM json_each(:rows) r
JOIN mail m ON m.seq = r.value ->> 'seq'
WHERE m.epoch = r.value ->> 'epoch' AND +m.state = 'PROCESSING' AND m.stage = 'transmitting'
    AND m.lease_expires_at > r.value ->> 'now';

-- name: renew_leases!
-- Leases that still hold (state, epoch) end later.
UPDATE mail SET lease_expires_at = r.value ->> 'expires_at'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE mail.seq = r.value ->> 'seq' AND mail.epoch = r.value ->> 'epoch'
    AND +mail.state = 'PROCESSING';

-- name: held
-- Which leases of a JSON list of [lease, …] still hold, as a list of their places in it.
SELECT json_group_array(r.key) FROM json_each(:rows) r
JOIN mail m ON m.seq = r.value ->> '$[0].seq'
WHERE m.epoch = r.value ->> '$[0].epoch' AND +m.state = 'PROCESSING';

-- name: settle_mails!
-- Deliveries after their attempts, from [lease, delivery, fact]; fenced by state and epoch.
UPDATE mail SET
    state = r.value ->> '$[1].state', due_at = r.value ->> '$[1].due_at',
    end_at = r.value ->> '$[1].end_at', attempts = r.value ->> '$[1].attempts',
    tries = r.value ->> '$[1].tries', waits = r.value ->> '$[1].waits',
    releases = r.value ->> '$[1].releases', stage = NULL, returns_to = NULL,
    lease_expires_at = NULL, give_up_at = r.value ->> '$[1].give_up_at',
    outcome = r.value ->> '$[1].outcome', error = r.value ->> '$[1].error',
    category = r.value ->> '$[1].category', cause = r.value ->> '$[1].cause',
    error_code = r.value ->> '$[1].error_code', sentence = r.value ->> '$[1].sentence',
    waiting_for = r.value ->> '$[1].waiting_for', info = nullif(r.value -> '$[1].info', 'null'),
    version = version + 1, fact = r.value ->> '$[2]'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE mail.seq = r.value ->> '$[0].seq' AND mail.epoch = r.value ->> '$[0].epoch'
    AND +mail.state = 'PROCESSING';

-- name: insert_attempts!
-- Attempts from a JSON list; a PROCESSING that came from outside has none.
INSERT INTO attempt (
    mail, epoch, number, revision, event, stage, outcome, started_at, ended_at,
    error, category, code, text, response, worker, steps, message_id
)
SELECT
    r.value ->> '$.mail', r.value ->> '$.epoch', r.value ->> '$.number',
    r.value ->> '$.revision', r.value ->> '$.event', r.value ->> '$.stage',
    r.value ->> '$.outcome', r.value ->> '$.started_at', r.value ->> '$.ended_at',
    r.value ->> '$.error', r.value ->> '$.category', r.value ->> '$.code',
    r.value ->> '$.text', r.value ->> '$.response', r.value ->> '$.worker',
    r.value -> '$.steps', r.value ->> '$.message_id'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r WHERE r.value ->> '$.epoch' > 0;

-- name: read_attempt
-- One attempt as JSON.
SELECT json_object('event', event, 'worker', worker, 'ended_at', ended_at, 'late', late)
FROM attempt WHERE mail = :mail AND epoch = :epoch;

-- name: other_doubts
-- How many other attempts at a mail are in doubt and unproved.
SELECT count(*) FROM attempt
WHERE mail = :mail AND epoch <> :epoch AND outcome = 'unknown'
    AND (late IS NULL OR late ->> '$.outcome' = 'unknown');

-- name: write_late!
-- What an attempt's own worker reported after its lease was lost.
UPDATE attempt SET late = :late,
    message_id = coalesce(message_id, :late ->> '$.message_id')
WHERE mail = :mail AND epoch = :epoch;

-- name: draw_sequences!
-- Sequences for the events of a JSON list that belong to touchpoints.
INSERT INTO touchpoint_sequence (touchpoint_id, last)
SELECT r.value ->> 'touchpoint_id', count(*) FROM json_each(:rows) r
WHERE r.value ->> 'touchpoint_id' IS NOT NULL GROUP BY 1
ON CONFLICT (touchpoint_id) DO UPDATE SET last = touchpoint_sequence.last + excluded.last;

-- name: insert_events!
-- Events, in the order of the list; one of a touchpoint gets the next sequence there, and names its
-- mail's account and the timer that the mail was served by.
INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)
SELECT e.id, e.kind, e.mail, e.touchpoint_id, e.sequence, e.occurred_at,
    iif(e.sequence IS NULL, e.body, json_set(
        iif(t.id IS NULL, e.body, json_set(e.body, '$.timerId', t.id)),
        '$.account', m.account, '$.sequence', e.sequence,
        '$.retryCount', coalesce(t.retry_count, 0)
    ))
FROM (
    SELECT r.key AS place, r.value ->> 'id' AS id, r.value ->> 'kind' AS kind,
        r.value ->> 'mail' AS mail, r.value ->> 'touchpoint_id' AS touchpoint_id,
        r.value ->> 'occurred_at' AS occurred_at, r.value -> 'body' AS body,
        s.last - count(*) OVER (PARTITION BY r.value ->> 'touchpoint_id')
            + row_number() OVER (PARTITION BY r.value ->> 'touchpoint_id' ORDER BY r.key)
            AS sequence
    FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
    LEFT JOIN touchpoint_sequence s ON s.touchpoint_id = r.value ->> 'touchpoint_id'
) e
LEFT JOIN mail m ON m.id = iif(e.touchpoint_id IS NULL, NULL, e.mail)
LEFT JOIN timer t ON t.id = m.id AND t.revision = m.timed
ORDER BY e.place;

-- name: tally_events!
-- What the events of a JSON list say, counted by the minute and by the hour in which it happened.
INSERT INTO tally (step, slot, what, category, n)
SELECT s.value, e.at - e.at % s.value, e.what, e.category, sum(e.n)
FROM (
    WITH told AS MATERIALIZED (
        SELECT r.value ->> 'occurred_at' AS at, r.value ->> 'kind' AS kind,
            r.value ->> '$.body.error.category' AS category
        FROM json_each(:rows) r
    )
    SELECT at - at % 60000 AS at,
        CASE
            WHEN kind = 'email_Sent' THEN 'sent'
            WHEN kind = 'email_Rate_Limited' THEN 'limited'
            WHEN category = 'outcome_unknown' THEN 'in_doubt'
            ELSE 'failed'
        END AS what,
        iif(kind = 'email_Sent', '', coalesce(category, '')) AS category, count(*) AS n
    FROM told WHERE kind IN ('email_Sent', 'email_Error', 'email_Rate_Limited')
    GROUP BY 1, 2, 3
) e
JOIN json_each('[60000, 3600000]') s
WHERE true GROUP BY 1, 2, 3, 4
ON CONFLICT (step, slot, what, category) DO UPDATE SET n = tally.n + excluded.n;

-- name: lapsed
-- Mails whose lease ran out, longest ago first.
SELECT '[' || coalesce(group_concat(row), '') || ']' FROM (
    SELECT row FROM mail_json WHERE seq IN (
        SELECT seq FROM mail INDEXED BY mail_lease
        WHERE state = 'PROCESSING' AND lease_expires_at <= :now
        ORDER BY lease_expires_at LIMIT :limit
    )
);

-- name: overdue
-- Waiting mails that may not wait any longer, as a list of ids.
SELECT json_group_array(id) FROM (
    SELECT id FROM mail INDEXED BY mail_give_up
    WHERE state IN ('PENDING', 'RETRY') AND give_up_at IS NOT NULL
        AND give_up_at <= :now ORDER BY give_up_at LIMIT :limit
);

-- name: expired
-- Mails that have ended and expired, as a list of ids; those of a touchpoint stay with it, and those
-- that still have recipients to try wait for them.
SELECT json_group_array(id) FROM (
    SELECT id FROM mail INDEXED BY mail_expire
    WHERE expire_at IS NOT NULL AND state IN ('SUCCESS', 'ERROR') AND expire_at <= :now
        AND touchpoint_id IS NULL AND remainder_of IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM mail r WHERE r.remainder_of = mail.id
                AND r.state IN ('PENDING', 'PROCESSING', 'RETRY')
        )
    ORDER BY expire_at LIMIT :limit
);

-- name: put_off_expiry!
-- An expired mail that could not be deleted is looked at again later.
UPDATE mail SET expire_at = :until WHERE id = :id;

-- name: put_off_mail!
-- A waiting mail that could not be ended is looked at again later.
UPDATE mail SET give_up_at = :until, due_at = max(due_at, :until) WHERE id = :id;
