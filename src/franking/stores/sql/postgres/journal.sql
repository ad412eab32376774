-- name: gather_wakes!
-- Accounts that have something due get it into next_at and head_at, but for those that somebody else
-- writes now.
WITH ours AS MATERIALIZED (
    SELECT id FROM account WHERE id IN (SELECT account FROM account_wake)
    ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
), woken AS (
    DELETE FROM account_wake WHERE ctid = ANY (ARRAY(
        SELECT w.ctid FROM account_wake w
        WHERE w.account IN (SELECT id FROM ours)
            OR NOT EXISTS (SELECT 1 FROM account a WHERE a.id = w.account)
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING account, due_at
)
INSERT INTO account (id, next_at)
SELECT account, min(due_at) FROM woken GROUP BY account ORDER BY account
ON CONFLICT (id) DO UPDATE SET next_at = least(account.next_at, excluded.next_at),
    head_at = least(account.head_at, excluded.next_at)
WHERE account.next_at IS NULL OR account.next_at > excluded.next_at
    OR account.head_at > excluded.next_at;

-- name: ready_accounts
-- Accounts with something due that may send now, longest unserved first, each with whether it may be
-- written, as a JSON list of pairs; nobody else writes those meanwhile. One that somebody else
-- writes now is passed over, and claimed of beside them where there are too few others and none of
-- its limits are counted.
WITH ours AS MATERIALIZED (
    SELECT id, turn FROM account
    WHERE next_at IS NOT NULL AND next_at <= :now AND state = 'ok'
        AND (paused_until IS NULL OR paused_until <= :now)
        AND (probe_until IS NULL OR probe_until <= :now)
    ORDER BY turn LIMIT :limit FOR UPDATE SKIP LOCKED
), shared AS (
    SELECT id, turn FROM account
    WHERE next_at IS NOT NULL AND next_at <= :now AND state = 'ok'
        AND NOT coalesce(limits, '{}')::jsonb @? '$.* ? (@ != null)'
        AND pauses = 0 AND probe_until IS NULL
        AND (paused_until IS NULL OR paused_until <= :now)
        AND id NOT IN (SELECT id FROM ours)
    ORDER BY turn LIMIT :limit - (SELECT count(*) FROM ours)
)
SELECT coalesce(json_agg(json_build_array(id, ours) ORDER BY turn), '[]')::text FROM (
    SELECT id, turn, true AS ours FROM ours UNION ALL SELECT id, turn, false FROM shared
) ready;

-- name: claimable
-- Up to :share due mails of each account of a JSON list, by priority, oldest due first, and one more
-- where there is one, with how many recipients each names, as a JSON list of lists of pairs; nobody
-- else claims them meanwhile. The limit is a column, for with one that it knows the planner would
-- plan anew each time.
SELECT coalesce(json_agg(found.mails ORDER BY r.key), '[]')::text
FROM (
    SELECT i.id, i.key, a.head_at, CAST(:share AS bigint) + 1 AS share
    FROM jsonb_array_elements_text(given(:ids)) WITH ORDINALITY i (id, key)
    JOIN account a ON a.id = i.id OFFSET 0
) r
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_array(seq, recipients)), '[]') AS mails FROM (
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.id AND priority = 2 AND due_at BETWEEN r.head_at AND :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now)
            ORDER BY due_at, seq LIMIT r.share FOR UPDATE SKIP LOCKED) a
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.id AND priority = 1 AND due_at BETWEEN r.head_at AND :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now)
            ORDER BY due_at, seq LIMIT r.share FOR UPDATE SKIP LOCKED) b
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.id AND priority = 0 AND due_at BETWEEN r.head_at AND :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now)
            ORDER BY due_at, seq LIMIT r.share FOR UPDATE SKIP LOCKED) c
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.id AND priority = -1 AND due_at BETWEEN r.head_at AND :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now)
            ORDER BY due_at, seq LIMIT r.share FOR UPDATE SKIP LOCKED) d
        UNION ALL
        SELECT seq, recipients FROM (
            SELECT seq, recipients FROM mail
            WHERE account = r.id AND priority = -2 AND due_at BETWEEN r.head_at AND :now
                AND state IN ('PENDING', 'RETRY') AND releases < 3
                AND (give_up_at IS NULL OR give_up_at > :now)
            ORDER BY due_at, seq LIMIT r.share FOR UPDATE SKIP LOCKED) e
        LIMIT r.share
    ) due
) found;

-- name: claimable_alone
-- One due mail whose leases ran out too often, as a JSON list; nobody else claims it meanwhile.
SELECT coalesce(json_agg(seq), '[]')::text FROM (
    SELECT seq FROM mail
    WHERE state IN ('PENDING', 'RETRY') AND releases >= 3
        AND due_at <= :now AND (give_up_at IS NULL OR give_up_at > :now)
        AND NOT EXISTS (
            SELECT 1 FROM account a WHERE a.id = mail.account AND a.paused_until > :now
        )
    ORDER BY due_at LIMIT 1 FOR UPDATE OF mail SKIP LOCKED
) due;

-- name: draw_epochs
-- The next epoch. Who leases many draws more by itself: what lies between two of one caller may be
-- somebody else's.
SELECT nextval('epoch');

-- name: lease_mails!
-- Waiting mails of a JSON list of seqs go to PROCESSING, each with an epoch that no lease ever had.
UPDATE mail SET returns_to = state, state = 'PROCESSING', epoch = nextval('epoch'),
    stage = 'claimed', lease_expires_at = :expires_at, waiting_for = NULL,
    version = version + 1, fact = :fact
FROM jsonb_array_elements(given(:seqs)) r (seq)
WHERE mail.seq = r.seq::bigint AND mail.state IN ('PENDING', 'RETRY');

-- name: serve_accounts!
-- Accounts of a JSON list of [id, turn, more] were served (turn) or may send again: the next mail of
-- each is due when the index says. While there are certainly more (more), it is as it was, and only
-- now and then its queue's head moves on. Whoever asks for it has locked them first, so that none
-- that was gathered before is missed.
WITH looked AS MATERIALIZED (
    SELECT a.id, (r.value ->> 1)::bigint AS turn, (
        SELECT min(d.due_at) FROM (VALUES (2), (1), (0), (-1), (-2)) p (priority)
        CROSS JOIN LATERAL (
            SELECT due_at FROM mail WHERE mail.account = a.id AND mail.priority = p.priority
                AND mail.due_at >= a.head_at
                AND mail.state IN ('PENDING', 'RETRY') AND mail.releases < 3
            ORDER BY due_at LIMIT 1
        ) d
    ) AS due_at
    FROM jsonb_array_elements(given(:rows)) r (value) JOIN account a ON a.id = r.value ->> 0
    WHERE NOT (r.value ->> 2)::boolean OR mod((r.value ->> 1)::bigint, 8) = 0
), served AS (
    UPDATE account SET turn = (r.value ->> 1)::bigint
    FROM jsonb_array_elements(given(:rows)) r (value)
    WHERE account.id = r.value ->> 0 AND account.id NOT IN (SELECT id FROM looked)
)
UPDATE account SET turn = coalesce(looked.turn, account.turn), next_at = looked.due_at,
    head_at = coalesce(looked.due_at, account.head_at)
FROM looked WHERE account.id = looked.id;

-- name: claimed_mails
-- The mails of a JSON list of seqs with their documents and their account's own address.
SELECT '[' || coalesce(string_agg(
    '{"mail":' || m.row || ',"document":' || d.body || ',"address":' || coalesce((
        SELECT to_json(a.settings::json ->> 'address')::text FROM account a WHERE a.id = m.account
    ), 'null') || '}', ',' ORDER BY r.key
), '') || ']'
FROM jsonb_array_elements(given(:seqs)) WITH ORDINALITY r (seq, key)
JOIN mail_json m ON m.seq = r.seq::bigint JOIN document d ON d.seq = m.seq;

-- name: content_of
-- A remainder's ready bytes.
SELECT content FROM document WHERE seq = :seq;

-- name: mark_transmitting!
-- The fence before the dot: the lease (state, epoch, end) holds and the account is not paused.
UPDATE mail SET stage = 'transmitting'
FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint, epoch bigint, now bigint)
WHERE mail.seq = r.seq AND mail.epoch = r.epoch
    AND mail.state = 'PROCESSING' AND mail.lease_expires_at > r.now
    AND NOT EXISTS (
        SELECT 1 FROM account a WHERE a.id = mail.account
            AND (a.paused_until > r.now OR a.state <> 'ok')
    );

-- name: transmitting_of
-- Which leases of a JSON list stand at `transmitting`, as a list of their places in it.
SELECT coalesce(json_agg(r.key - 1), '[]')::text
FROM ROWS FROM (jsonb_to_recordset(given(:rows)) AS (seq bigint, epoch bigint, now bigint))
    WITH ORDINALITY AS r (seq, epoch, now, key)
JOIN mail m ON m.seq = r.seq
WHERE m.epoch = r.epoch AND m.state = 'PROCESSING' AND m.stage = 'transmitting'
    AND m.lease_expires_at > r.now;

-- name: renew_leases!
-- Leases that still hold (state, epoch) end later.
UPDATE mail SET lease_expires_at = r.expires_at
FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint, epoch bigint, expires_at bigint)
WHERE mail.seq = r.seq AND mail.epoch = r.epoch AND mail.state = 'PROCESSING';

-- name: held
-- Which leases of a JSON list of [lease, …] still hold, as a list of their places in it; nobody
-- else writes those mails until the transaction ends.
SELECT coalesce(json_agg(place), '[]')::text FROM (
    SELECT r.key - 1 AS place
    FROM jsonb_array_elements(given(:rows)) WITH ORDINALITY r (value, key)
    JOIN mail m ON m.seq = (r.value -> 0 ->> 'seq')::bigint
    WHERE m.epoch = (r.value -> 0 ->> 'epoch')::bigint AND m.state = 'PROCESSING'
    ORDER BY m.seq FOR UPDATE OF m
) held;

-- name: settle_mails!
-- Deliveries after their attempts, from [lease, delivery, fact]; fenced by state and epoch.
UPDATE mail SET
    state = d.state, due_at = d.due_at, end_at = d.end_at, attempts = d.attempts,
    tries = d.tries, waits = d.waits, releases = d.releases, stage = NULL, returns_to = NULL,
    lease_expires_at = NULL, give_up_at = d.give_up_at, outcome = d.outcome, error = d.error,
    category = d.category, cause = d.cause, error_code = d.error_code, sentence = d.sentence,
    waiting_for = d.waiting_for, info = nullif(d.info, 'null'::jsonb)::text,
    version = version + 1, fact = r.value ->> 2
FROM jsonb_array_elements(given(:rows)) r (value)
CROSS JOIN LATERAL jsonb_to_record(r.value -> 0) AS l (seq bigint, epoch bigint)
CROSS JOIN LATERAL jsonb_to_record(r.value -> 1) AS d (
    state text, due_at bigint, end_at bigint, attempts bigint, tries bigint, waits bigint,
    releases bigint, give_up_at bigint, outcome text, error text, category text, cause text,
    error_code text, sentence text, waiting_for text, info jsonb
)
WHERE mail.seq = l.seq AND mail.epoch = l.epoch AND mail.state = 'PROCESSING';

-- name: insert_attempts!
-- Attempts from a JSON list; a PROCESSING that came from outside has none.
INSERT INTO attempt (
    mail, epoch, number, revision, event, stage, outcome, started_at, ended_at,
    error, category, code, text, response, worker, steps, message_id
)
SELECT
    r.mail, r.epoch, r.number, r.revision, r.event, r.stage, r.outcome, r.started_at, r.ended_at,
    r.error, r.category, r.code, r.text, r.response, r.worker, r.steps::text, r.message_id
FROM jsonb_to_recordset(given(:rows)) AS r (
    mail text, epoch bigint, number bigint, revision bigint, event text, stage text, outcome text,
    started_at bigint, ended_at bigint, error text, category text, code text, text text,
    response text, worker text, steps jsonb, message_id text
)
WHERE r.epoch > 0;

-- name: read_attempt
-- One attempt as JSON.
SELECT json_build_object('event', event, 'worker', worker, 'ended_at', ended_at, 'late', late)::text
FROM attempt WHERE mail = :mail AND epoch = :epoch;

-- name: other_doubts
-- How many other attempts at a mail are in doubt and unproved.
SELECT count(*) FROM attempt
WHERE mail = :mail AND epoch <> :epoch AND outcome = 'unknown'
    AND (late IS NULL OR given(late) ->> 'outcome' = 'unknown');

-- name: write_late!
-- What an attempt's own worker reported after its lease was lost.
UPDATE attempt SET late = :late,
    message_id = coalesce(message_id, given(:late) ->> 'message_id')
WHERE mail = :mail AND epoch = :epoch;

-- name: draw_sequences!
-- Sequences for the events of a JSON list that belong to touchpoints; nobody else draws any there
-- until the transaction ends, so that they are told in the order of their commits.
INSERT INTO touchpoint_sequence (touchpoint_id, last)
SELECT r.touchpoint_id, count(*)
FROM jsonb_to_recordset(given(:rows)) AS r (touchpoint_id text)
WHERE r.touchpoint_id IS NOT NULL GROUP BY 1 ORDER BY 1
ON CONFLICT (touchpoint_id) DO UPDATE SET last = touchpoint_sequence.last + excluded.last;

-- name: insert_events!
-- Events, in the order of the list; one of a touchpoint gets the next sequence there, and names its
-- mail's account and the timer that the mail was served by.
INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)
SELECT e.id, e.kind, e.mail, e.touchpoint_id, e.sequence, e.occurred_at,
    CASE WHEN e.sequence IS NULL THEN e.body ELSE
        e.body || jsonb_build_object(
            'account', m.account, 'sequence', e.sequence, 'retryCount', coalesce(t.retry_count, 0)
        ) || CASE WHEN t.id IS NULL THEN '{}' ELSE jsonb_build_object('timerId', t.id) END
    END::text
FROM (
    SELECT r.*, s.last - count(*) OVER (PARTITION BY r.touchpoint_id)
        + row_number() OVER (PARTITION BY r.touchpoint_id ORDER BY r.place) AS sequence
    FROM ROWS FROM (jsonb_to_recordset(given(:rows)) AS (
        id text, kind text, mail text, touchpoint_id text, occurred_at bigint, body jsonb
    )) WITH ORDINALITY AS r (id, kind, mail, touchpoint_id, occurred_at, body, place)
    LEFT JOIN touchpoint_sequence s ON s.touchpoint_id = r.touchpoint_id
) e
LEFT JOIN mail m ON m.id = CASE WHEN e.touchpoint_id IS NULL THEN NULL ELSE e.mail END
LEFT JOIN timer t ON t.id = m.id AND t.revision = m.timed
ORDER BY e.place;

-- name: tally_events!
-- What the events of a JSON list say, counted by the minute and by the hour in which it happened.
INSERT INTO tally (step, slot, what, category, n)
SELECT s.step, e.at - mod(e.at, s.step), e.what, e.category, count(*)
FROM (
    SELECT r.occurred_at AS at,
        CASE
            WHEN r.kind = 'email_Sent' THEN 'sent'
            WHEN r.kind = 'email_Rate_Limited' THEN 'limited'
            WHEN r.body -> 'error' ->> 'category' = 'outcome_unknown' THEN 'in_doubt'
            ELSE 'failed'
        END AS what,
        CASE WHEN r.kind = 'email_Sent' THEN ''
            ELSE coalesce(r.body -> 'error' ->> 'category', '') END AS category
    FROM jsonb_to_recordset(given(:rows)) AS r (kind text, occurred_at bigint, body jsonb)
    WHERE r.kind IN ('email_Sent', 'email_Error', 'email_Rate_Limited')
) e
CROSS JOIN (VALUES (60000::bigint), (3600000)) s (step)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (step, slot, what, category, shard) DO UPDATE SET n = tally.n + excluded.n;

-- name: lapsed
-- Mails whose lease ran out, longest ago first; nobody else sweeps them meanwhile.
SELECT '[' || coalesce(string_agg(row, ','), '') || ']' FROM (
    SELECT row FROM mail_json
    WHERE state = 'PROCESSING' AND lease_expires_at <= :now
    ORDER BY lease_expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
) lapsed;

-- name: overdue
-- Waiting mails that may not wait any longer, as a list of ids; nobody else ends them meanwhile.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT id FROM mail
    WHERE state IN ('PENDING', 'RETRY') AND give_up_at IS NOT NULL
        AND give_up_at <= :now ORDER BY give_up_at LIMIT :limit FOR UPDATE SKIP LOCKED
) overdue;

-- name: expired
-- Mails that have ended and expired, as a list of ids; those of a touchpoint stay with it, and
-- those that still have recipients to try wait for them. Nobody else deletes them meanwhile.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT id FROM mail
    WHERE expire_at IS NOT NULL AND state IN ('SUCCESS', 'ERROR') AND expire_at <= :now
        AND touchpoint_id IS NULL AND remainder_of IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM mail r WHERE r.remainder_of = mail.id
                AND r.state IN ('PENDING', 'PROCESSING', 'RETRY')
        )
    ORDER BY expire_at LIMIT :limit FOR UPDATE OF mail SKIP LOCKED
) expired;

-- name: put_off_expiry!
-- An expired mail that could not be deleted is looked at again later.
UPDATE mail SET expire_at = :until WHERE id = :id;

-- name: put_off_mail!
-- A waiting mail that could not be ended is looked at again later.
UPDATE mail SET give_up_at = :until, due_at = greatest(due_at, :until) WHERE id = :id;
