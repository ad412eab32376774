-- name: ready_touchpoints
-- Touchpoints whose first waiting event may be told, longest due first, as a JSON list; nobody else
-- claims them meanwhile.
SELECT coalesce(json_agg(touchpoint_id), '[]')::text FROM (
    SELECT touchpoint_id FROM outbox_lane WHERE next_at <= :now
    ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED
) ready;

-- name: lease_touchpoints!
-- Touchpoints of a JSON list are somebody's until :until.
UPDATE outbox_lane SET next_at = :until, leased = 1
WHERE touchpoint_id IN (SELECT jsonb_array_elements_text(given(:ids)));

-- name: waiting_events
-- The first :each waiting events of each touchpoint of a JSON list, in the order of their commits.
SELECT coalesce(json_agg(item ORDER BY key, seq), '[]')::text FROM (
    SELECT r.key, e.seq, json_build_object(
        'seq', e.seq, 'touchpoint_id', e.touchpoint_id, 'tries', o.tries, 'error', o.error,
        'event', json_build_object(
            'seq', e.seq, 'id', e.id, 'kind', e.kind, 'mail', e.mail,
            'occurred_at', e.occurred_at, 'touchpoint_id', e.touchpoint_id,
            'sequence', e.sequence, 'body', e.body::json
        )
    ) AS item
    FROM jsonb_array_elements_text(given(:ids)) WITH ORDINALITY r (id, key)
    CROSS JOIN LATERAL (
        SELECT w.seq, w.tries, w.error FROM outbox w
        WHERE w.touchpoint_id = r.id AND w.state = 'waiting' ORDER BY w.seq LIMIT :each
    ) o
    JOIN event e ON e.seq = o.seq
) waiting;

-- name: lock_touchpoints
-- Nobody else writes events of the touchpoints of a JSON list of [id, …], nor wakes them, until the
-- transaction ends. The sequences come first, in the order in which whoever writes events locks
-- them.
WITH sequences AS MATERIALIZED (
    SELECT 1 FROM touchpoint_sequence
    WHERE touchpoint_id IN (SELECT r.value ->> 0 FROM jsonb_array_elements(given(:rows)) r (value))
    ORDER BY touchpoint_id FOR UPDATE
), counted AS MATERIALIZED (SELECT count(*) AS n FROM sequences)
SELECT count(*) FROM (
    SELECT 1 FROM outbox_lane WHERE (SELECT n FROM counted) >= 0
        AND touchpoint_id IN (
            SELECT r.value ->> 0 FROM jsonb_array_elements(given(:rows)) r (value)
        )
    ORDER BY touchpoint_id FOR UPDATE
) locked;

-- name: told_events!
-- Events of a JSON list of seqs were told.
DELETE FROM outbox
WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value))
    AND state = 'waiting';

-- name: try_events!
-- Events that were not told, from a JSON list of ends: they wait, or are parked.
UPDATE outbox SET state = r.state, tries = tries + 1, tried_at = r.at, error = r.error
FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint, state text, at bigint, error text)
WHERE outbox.seq = r.seq AND outbox.state = 'waiting';

-- name: free_touchpoints!
-- Touchpoints of a JSON list of [id, next_at] may be told again from then on.
UPDATE outbox_lane SET next_at = (r.value ->> 1)::bigint, leased = 0
FROM jsonb_array_elements(given(:rows)) r (value)
WHERE outbox_lane.touchpoint_id = r.value ->> 0;

-- name: leave_touchpoints!
-- Touchpoints of a JSON list of [id, …] that have nothing waiting are gone from the outbox.
DELETE FROM outbox_lane
WHERE touchpoint_id IN (SELECT r.value ->> 0 FROM jsonb_array_elements(given(:rows)) r (value))
    AND NOT EXISTS (
        SELECT 1 FROM outbox o
        WHERE o.touchpoint_id = outbox_lane.touchpoint_id AND o.state = 'waiting'
    );

-- name: next_report
-- When the next event may be told.
SELECT min(next_at) FROM outbox_lane;

-- name: outbox_counts
-- How many events wait and how many are parked, and when the oldest that waits happened.
SELECT json_build_object(
    'waiting', (SELECT count(*) FROM (
        SELECT 1 FROM outbox WHERE state = 'waiting' LIMIT :most
    ) o),
    'parked', (SELECT count(*) FROM (
        SELECT 1 FROM outbox WHERE state = 'parked' LIMIT :most
    ) o),
    'oldest_at', (
        SELECT e.occurred_at FROM event e WHERE e.seq = (
            SELECT o.seq FROM outbox o WHERE o.state = 'waiting' ORDER BY o.seq LIMIT 1
        )
    ),
    'paused_until', (SELECT paused_until FROM outlet WHERE id = 1),
    'reason', (SELECT reason FROM outlet WHERE id = 1),
    'since', (SELECT since FROM outlet WHERE id = 1)
)::text;

-- name: page_outbox
-- What was not told yet, newest first; of a state or touchpoint where one is named.
SELECT coalesce(json_agg(item ORDER BY seq DESC), '[]')::text FROM (
    SELECT o.seq, json_build_object(
        'seq', o.seq, 'touchpoint_id', o.touchpoint_id, 'state', o.state, 'tries', o.tries,
        'tried_at', o.tried_at, 'error', o.error, 'kind', e.kind, 'mail', e.mail,
        'occurred_at', e.occurred_at, 'event_id', e.id, 'body', e.body::json
    ) AS item
    FROM outbox o JOIN event e ON e.seq = o.seq
    WHERE o.seq < :after AND (CAST(:touchpoint AS text) IS NULL OR o.touchpoint_id = :touchpoint)
        AND (CAST(:state AS text) IS NULL OR o.state = :state)
    ORDER BY o.seq DESC LIMIT :limit
) page;

-- name: parked_events
-- Seqs of parked events, oldest first: one, those of a touchpoint, or all; nobody else writes them
-- until the transaction ends.
SELECT coalesce(json_agg(seq), '[]')::text FROM (
    SELECT seq FROM outbox WHERE state = 'parked'
        AND (CAST(:seq AS bigint) IS NULL OR seq = :seq)
        AND (CAST(:touchpoint AS text) IS NULL OR touchpoint_id = :touchpoint)
    ORDER BY seq LIMIT :limit FOR UPDATE
) parked;

-- name: resend_events!
-- Parked events of a JSON list of seqs wait again, as if for the first time.
UPDATE outbox SET state = 'waiting', tries = 0, error = NULL
WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value))
    AND state = 'parked';

-- name: wake_touchpoints!
-- The touchpoints of a JSON list of seqs may be told now; what somebody tells, they go on with.
INSERT INTO outbox_lane (touchpoint_id, next_at)
SELECT DISTINCT o.touchpoint_id, CAST(:now AS bigint)
FROM jsonb_array_elements(given(:seqs)) r (value) JOIN outbox o ON o.seq = r.value::bigint
ORDER BY 1
ON CONFLICT (touchpoint_id) DO UPDATE SET next_at = least(outbox_lane.next_at, excluded.next_at)
WHERE outbox_lane.leased = 0;

-- name: pause_outlet!
-- The outlet hears nothing until then, and why; nothing where it does.
UPDATE outlet SET paused_until = CAST(:until AS bigint), reason = CAST(:reason AS text),
    since = CASE WHEN CAST(:until AS bigint) IS NULL THEN NULL ELSE coalesce(since, :now) END
WHERE id = 1;

-- name: outlet_pause
-- Until when the outlet hears nothing, and why.
SELECT json_build_object('paused_until', paused_until, 'reason', reason, 'since', since)::text
FROM outlet WHERE id = 1;

-- name: report_again!
-- An event that was told once waits again, for whoever missed it; nobody lets go of it meanwhile.
INSERT INTO outbox (seq, touchpoint_id)
SELECT e.seq, e.touchpoint_id
FROM jsonb_array_elements(given(:seqs)) r (value) JOIN event e ON e.seq = r.value::bigint
WHERE e.touchpoint_id IS NOT NULL ORDER BY 1 FOR KEY SHARE OF e
ON CONFLICT (seq) DO NOTHING;

-- name: events_of_touchpoint
-- The events of a touchpoint, in the order of its sequence.
SELECT coalesce(json_agg(item ORDER BY sequence), '[]')::text FROM (
    SELECT sequence, json_build_object(
        'seq', seq, 'id', id, 'kind', kind, 'mail', mail, 'occurred_at', occurred_at,
        'touchpoint_id', touchpoint_id, 'sequence', sequence, 'body', body::json
    ) AS item
    FROM event WHERE touchpoint_id = :touchpoint ORDER BY sequence LIMIT :limit
) events;

-- name: stuck_events
-- Events that wait and whose touchpoint is not due to be told; the proof is that there are none.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object('id', o.seq, 'state', o.state, 'why', 'nobody will tell it') AS item
    FROM outbox o LEFT JOIN outbox_lane l ON l.touchpoint_id = o.touchpoint_id
    WHERE o.state = 'waiting' AND l.touchpoint_id IS NULL LIMIT :limit
) stuck;
