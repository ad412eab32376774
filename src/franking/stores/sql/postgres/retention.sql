-- What is old enough to be let go of (RETAIN_DAYS). Each walk takes the next :look rows in the order
-- of a key, and answers an object: `looked`, how many there were; `last`, the last one's key;
-- `young`, whether all of them are too young; `rows`, the first :most that may go, which nobody else
-- writes until the transaction ends; what somebody writes now is left to the next walk. Each thing
-- is looked at again as it is removed, for it may have begun anew before it was locked.

-- name: old_mails
-- Mails that ended before :before, as [seq, id]; those of a touchpoint that is here stay with it,
-- and those that still have recipients to try wait for them.
WITH near AS MATERIALIZED (
    SELECT seq, created_at FROM mail WHERE seq > :after ORDER BY seq LIMIT :look
), old AS MATERIALIZED (
    SELECT m.seq, m.id FROM near n JOIN mail m ON m.seq = n.seq
    WHERE m.state IN ('SUCCESS', 'ERROR') AND coalesce(m.end_at, m.created_at) < :before
        AND m.remainder_of IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM touchpoint t WHERE t.id = m.touchpoint_id AND t.deleted_at IS NULL
        )
        AND NOT EXISTS (
            SELECT 1 FROM mail r WHERE r.remainder_of = m.id
                AND r.state IN ('PENDING', 'PROCESSING', 'RETRY')
        )
    ORDER BY m.seq LIMIT :most FOR UPDATE OF m SKIP LOCKED
)
SELECT json_build_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', coalesce((SELECT min(created_at) FROM near) >= :before, false),
    'rows', (SELECT coalesce(json_agg(json_build_array(seq, id) ORDER BY seq), '[]') FROM old)
)::text;

-- name: old_remainders
-- The remainders of a JSON list of ids, as [seq, id]; nobody else writes them until the transaction
-- ends.
SELECT coalesce(json_agg(json_build_array(seq, id)), '[]')::text FROM (
    SELECT seq, id FROM mail
    WHERE remainder_of IN (SELECT jsonb_array_elements_text(given(:ids)))
    ORDER BY seq FOR UPDATE
) remainders;

-- name: remove_documents!
-- The documents of a JSON list of seqs.
DELETE FROM document
WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value));

-- name: remove_attempts!
-- The attempts at mails of a JSON list of ids.
DELETE FROM attempt WHERE mail IN (SELECT jsonb_array_elements_text(given(:ids)));

-- name: remove_bounces_of!
-- What came back for mails of a JSON list of ids.
DELETE FROM bounce WHERE mail IN (SELECT jsonb_array_elements_text(given(:ids)));

-- name: remove_mails!
-- Mails of a JSON list of seqs; what began again since stays.
DELETE FROM mail
WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value))
    AND state IN ('SUCCESS', 'ERROR');

-- name: remove_timers!
-- Timers of a JSON list of ids that have ended.
DELETE FROM timer WHERE id IN (SELECT jsonb_array_elements_text(given(:ids)))
    AND state IN ('executed', 'failed', 'deleted');

-- name: remove_lives_of!
-- The earlier lives of timers of a JSON list of ids that are gone.
DELETE FROM timer_life WHERE timer IN (SELECT jsonb_array_elements_text(given(:ids)))
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.id = timer_life.timer);

-- name: old_timers
-- Timers that ended before :before, as [seq, id]; one that made a mail goes with it, and one of a
-- touchpoint that is here stays with that.
WITH near AS MATERIALIZED (
    SELECT seq FROM timer WHERE seq > :after ORDER BY seq LIMIT :look
), old AS MATERIALIZED (
    SELECT i.seq, i.id FROM near n JOIN timer i ON i.seq = n.seq
    WHERE i.state IN ('executed', 'failed', 'deleted')
        AND coalesce(i.deleted_at, i.executed_at, i.created_at) < :before
        AND NOT EXISTS (SELECT 1 FROM mail m WHERE m.id = i.id)
        AND NOT EXISTS (
            SELECT 1 FROM touchpoint t WHERE t.id = i.id AND t.deleted_at IS NULL
        )
    ORDER BY i.seq LIMIT :most FOR UPDATE OF i SKIP LOCKED
)
SELECT json_build_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', false,
    'rows', (SELECT coalesce(json_agg(json_build_array(seq, id) ORDER BY seq), '[]') FROM old)
)::text;

-- name: old_lives
-- Earlier lives of timers that ended before :before, as [[timer, life], timer].
WITH near AS MATERIALIZED (
    SELECT timer, life, coalesce(deleted_at, executed_at, served_at, due_at) AS ended_at
    FROM timer_life WHERE (timer, life) > (:timer, :life) ORDER BY timer, life LIMIT :look
)
SELECT json_build_object(
    'looked', (SELECT count(*) FROM near),
    'last', (
        SELECT json_build_array(timer, life) FROM near ORDER BY timer DESC, life DESC LIMIT 1
    ),
    'young', false,
    'rows', (SELECT coalesce(json_agg(
        json_build_array(json_build_array(timer, life), timer) ORDER BY timer, life
    ), '[]') FROM (
        SELECT timer, life FROM near WHERE ended_at < :before ORDER BY timer, life LIMIT :most
    ) old)
)::text;

-- name: remove_lives!
-- Earlier lives of a JSON list of [timer, life].
DELETE FROM timer_life WHERE (timer, life) IN (
    SELECT r.value ->> 0, (r.value ->> 1)::bigint
    FROM jsonb_array_elements(given(:keys)) r (value)
);

-- name: old_events
-- Events that happened before :before and that nobody has yet to hear, as [seq, mail]; those of a
-- touchpoint that is here stay with it, and the newest of all, which listeners count from.
WITH near AS MATERIALIZED (
    SELECT seq, occurred_at FROM event WHERE seq > :after ORDER BY seq LIMIT :look
), old AS MATERIALIZED (
    SELECT e.seq, e.mail FROM near n JOIN event e ON e.seq = n.seq
    WHERE e.occurred_at < :before AND e.seq < (SELECT max(seq) FROM event)
        AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = e.seq)
        AND NOT EXISTS (SELECT 1 FROM webhook_queue q WHERE q.seq = e.seq)
        AND NOT EXISTS (
            SELECT 1 FROM touchpoint t WHERE t.id = e.touchpoint_id AND t.deleted_at IS NULL
        )
    ORDER BY e.seq LIMIT :most FOR UPDATE OF e SKIP LOCKED
)
SELECT json_build_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', coalesce((SELECT min(occurred_at) FROM near) >= :before, false),
    'rows', (SELECT coalesce(json_agg(json_build_array(seq, mail) ORDER BY seq), '[]') FROM old)
)::text;

-- name: remove_events!
-- Events of a JSON list of seqs that nobody has yet to hear.
DELETE FROM event
WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value))
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = event.seq)
    AND NOT EXISTS (SELECT 1 FROM webhook_queue q WHERE q.seq = event.seq);

-- name: old_bounces
-- Bounces that came before :before and were matched with no mail that is here, as [seq, null].
WITH near AS MATERIALIZED (
    SELECT seq, received_at FROM bounce WHERE seq > :after ORDER BY seq LIMIT :look
), old AS MATERIALIZED (
    SELECT b.seq FROM near n JOIN bounce b ON b.seq = n.seq
    WHERE b.received_at < :before AND NOT EXISTS (SELECT 1 FROM mail m WHERE m.id = b.mail)
    ORDER BY b.seq LIMIT :most FOR UPDATE OF b SKIP LOCKED
)
SELECT json_build_object(
    'looked', (SELECT count(*) FROM near), 'last', (SELECT max(seq) FROM near),
    'young', coalesce((SELECT min(received_at) FROM near) >= :before, false),
    'rows', (SELECT coalesce(json_agg(json_build_array(seq, NULL) ORDER BY seq), '[]') FROM old)
)::text;

-- name: remove_bounces!
-- Bounces of a JSON list of seqs.
DELETE FROM bounce
WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value));

-- name: old_answers
-- Kept answers of before :before whose mails are all gone, as [[created_at, scope, key], null].
WITH near AS MATERIALIZED (
    SELECT created_at, scope, key FROM idempotency
    WHERE (created_at, scope, key) > (:at, :scope, :key) AND created_at < :before
    ORDER BY created_at, scope, key LIMIT :look
), old AS MATERIALIZED (
    SELECT i.created_at, i.scope, i.key
    FROM near n JOIN idempotency i ON i.scope = n.scope AND i.key = n.key
    WHERE NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(given(i.mails)) r (id) JOIN mail m ON m.id = r.id
    )
    ORDER BY i.created_at, i.scope, i.key LIMIT :most FOR UPDATE OF i SKIP LOCKED
)
SELECT json_build_object(
    'looked', (SELECT count(*) FROM near),
    'last', (
        SELECT json_build_array(created_at, scope, key) FROM near
        ORDER BY created_at DESC, scope DESC, key DESC LIMIT 1
    ),
    'young', false,
    'rows', (SELECT coalesce(json_agg(
        json_build_array(json_build_array(created_at, scope, key), NULL)
        ORDER BY created_at, scope, key
    ), '[]') FROM old)
)::text;

-- name: remove_answers!
-- Kept answers of a JSON list of [created_at, scope, key].
DELETE FROM idempotency WHERE (scope, key) IN (
    SELECT r.value ->> 1, r.value ->> 2 FROM jsonb_array_elements(given(:keys)) r (value)
);
