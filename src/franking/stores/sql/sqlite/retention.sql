-- What is old enough to be let go of (RETAIN_DAYS). Each walk takes the next :look rows in the order
-- of a key, and answers an object: `looked`, how many there were; `last`, the last one's key;
-- `young`, whether all of them are too young; `rows`, the first :most that may go. A `+` before a column
-- keeps the planner from an index: what is removed is found by its key.

-- name: old_mails
-- Mails that ended before :before, as [seq, id]; those of a touchpoint that is here stay with it,
-- and those that still have recipients to try wait for them.
WITH near AS MATERIALIZED (
    SELECT seq, id, state, created_at, end_at, touchpoint_id, remainder_of FROM mail
    WHERE seq > :after ORDER BY seq LIMIT :look
)
SELECT json_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', json(iif((SELECT min(created_at) FROM near) >= :before, 'true', 'false')),
    'rows', (SELECT json_group_array(json_array(seq, id)) FROM (
        SELECT n.seq, n.id FROM near n
        WHERE n.state IN ('SUCCESS', 'ERROR') AND coalesce(n.end_at, n.created_at) < :before
            AND n.remainder_of IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM touchpoint t WHERE t.id = n.touchpoint_id AND t.deleted_at IS NULL
            )
            AND NOT EXISTS (
                SELECT 1 FROM mail r WHERE r.remainder_of = n.id
                    AND r.state IN ('PENDING', 'PROCESSING', 'RETRY')
            )
        ORDER BY n.seq LIMIT :most
    ))
);

-- name: old_remainders
-- The remainders of a JSON list of ids, as [seq, id].
SELECT json_group_array(json_array(m.seq, m.id))
FROM json_each(:ids) r JOIN mail m ON m.remainder_of = r.value;

-- name: remove_documents!
-- The documents of a JSON list of seqs.
DELETE FROM document WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: remove_attempts!
-- The attempts at mails of a JSON list of ids.
DELETE FROM attempt WHERE mail IN (SELECT value FROM json_each(:ids));

-- name: remove_bounces_of!
-- What came back for mails of a JSON list of ids.
DELETE FROM bounce WHERE mail IN (SELECT value FROM json_each(:ids));

-- name: remove_mails!
-- Mails of a JSON list of seqs; what began again since stays.
DELETE FROM mail WHERE seq IN (SELECT value FROM json_each(:seqs))
    AND +state IN ('SUCCESS', 'ERROR');

-- name: remove_timers!
-- Timers of a JSON list of ids that have ended.
DELETE FROM timer WHERE id IN (SELECT value FROM json_each(:ids))
    AND +state IN ('executed', 'failed', 'deleted');

-- name: remove_lives_of!
-- The earlier lives of timers of a JSON list of ids that are gone.
DELETE FROM timer_life WHERE timer IN (SELECT value FROM json_each(:ids))
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.id = timer_life.timer);

-- name: old_timers
-- Timers that ended before :before, as [seq, id]; one that made a mail goes with it, and one of a
-- touchpoint that is here stays with that.
WITH near AS MATERIALIZED (
    SELECT seq, id, state, executed_at, deleted_at, created_at FROM timer
    WHERE seq > :after ORDER BY seq LIMIT :look
)
SELECT json_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', json('false'),
    'rows', (SELECT json_group_array(json_array(seq, id)) FROM (
        SELECT n.seq, n.id FROM near n
        WHERE n.state IN ('executed', 'failed', 'deleted')
            AND coalesce(n.deleted_at, n.executed_at, n.created_at) < :before
            AND NOT EXISTS (SELECT 1 FROM mail m WHERE m.id = n.id)
            AND NOT EXISTS (
                SELECT 1 FROM touchpoint t WHERE t.id = n.id AND t.deleted_at IS NULL
            )
        ORDER BY n.seq LIMIT :most
    ))
);

-- name: old_lives
-- Earlier lives of timers that ended before :before, as [[timer, life], timer].
WITH near AS MATERIALIZED (
    SELECT timer, life, coalesce(deleted_at, executed_at, served_at, due_at) AS ended_at
    FROM timer_life WHERE (timer, life) > (:timer, :life) ORDER BY timer, life LIMIT :look
)
SELECT json_object(
    'looked', (SELECT count(*) FROM near),
    'last', json((
        SELECT json_array(timer, life) FROM near ORDER BY timer DESC, life DESC LIMIT 1
    )),
    'young', json('false'),
    'rows', (SELECT json_group_array(json_array(json_array(timer, life), timer)) FROM (
        SELECT timer, life FROM near WHERE ended_at < :before ORDER BY timer, life LIMIT :most
    ))
);

-- name: remove_lives!
-- Earlier lives of a JSON list of [timer, life].
DELETE FROM timer_life WHERE (timer, life) IN (
    SELECT r.value ->> 0, r.value ->> 1 FROM json_each(:keys) r
);

-- name: old_events
-- Events that happened before :before and that nobody has yet to hear, as [seq, mail]; those of a
-- touchpoint that is here stay with it, and the newest of all, which listeners count from.
WITH near AS MATERIALIZED (
    SELECT seq, mail, touchpoint_id, occurred_at FROM event
    WHERE seq > :after ORDER BY seq LIMIT :look
)
SELECT json_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', json(iif((SELECT min(occurred_at) FROM near) >= :before, 'true', 'false')),
    'rows', (SELECT json_group_array(json_array(seq, mail)) FROM (
        SELECT n.seq, n.mail FROM near n
        WHERE n.occurred_at < :before AND n.seq < (SELECT max(seq) FROM event)
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = n.seq)
            AND NOT EXISTS (SELECT 1 FROM webhook_queue q WHERE q.seq = n.seq)
            AND NOT EXISTS (
                SELECT 1 FROM touchpoint t WHERE t.id = n.touchpoint_id AND t.deleted_at IS NULL
            )
        ORDER BY n.seq LIMIT :most
    ))
);

-- name: remove_events!
-- Events of a JSON list of seqs that nobody has yet to hear.
DELETE FROM event WHERE seq IN (SELECT value FROM json_each(:seqs))
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = event.seq)
    AND NOT EXISTS (SELECT 1 FROM webhook_queue q WHERE q.seq = event.seq);

-- name: old_bounces
-- Bounces that came before :before and were matched with no mail that is here, as [seq, null].
WITH near AS MATERIALIZED (
    SELECT seq, mail, received_at FROM bounce WHERE seq > :after ORDER BY seq LIMIT :look
)
SELECT json_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', json(iif((SELECT min(received_at) FROM near) >= :before, 'true', 'false')),
    'rows', (SELECT json_group_array(json_array(seq, NULL)) FROM (
        SELECT n.seq FROM near n
        WHERE n.received_at < :before
            AND NOT EXISTS (SELECT 1 FROM mail m WHERE m.id = n.mail)
        ORDER BY n.seq LIMIT :most
    ))
);

-- name: remove_bounces!
-- Bounces of a JSON list of seqs.
DELETE FROM bounce WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: old_answers
-- Kept answers of before :before whose mails are all gone, as [[created_at, scope, key], null].
WITH near AS MATERIALIZED (
    SELECT created_at, scope, key, mails FROM idempotency
    WHERE (created_at, scope, key) > (:at, :scope, :key) AND created_at < :before
    ORDER BY created_at, scope, key LIMIT :look
)
SELECT json_object(
    'looked', (SELECT count(*) FROM near),
    'last', json((
        SELECT json_array(created_at, scope, key) FROM near
        ORDER BY created_at DESC, scope DESC, key DESC LIMIT 1
    )),
    'young', json('false'),
    'rows', (SELECT json_group_array(json_array(json_array(created_at, scope, key), NULL)) FROM (
        SELECT n.created_at, n.scope, n.key FROM near n
        WHERE NOT EXISTS (SELECT 1 FROM json_each(n.mails) r JOIN mail m ON m.id = r.value)
        ORDER BY n.created_at, n.scope, n.key LIMIT :most
    ))
);

-- name: remove_answers!
-- Kept answers of a JSON list of [created_at, scope, key].
DELETE FROM idempotency WHERE (scope, key) IN (
    SELECT r.value ->> 1, r.value ->> 2 FROM json_each(:keys) r
);
