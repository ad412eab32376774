-- name: ready_touchpoints
-- Touchpoints whose first waiting event may be told, longest due first, as a JSON list.
SELECT json_group_array(touchpoint_id) FROM (
    SELECT touchpoint_id FROM outbox_lane WHERE next_at <= :now ORDER BY next_at LIMIT :limit
);

-- name: lease_touchpoints!
-- Touchpoints of a JSON list are somebody's until :until.
UPDATE outbox_lane SET next_at = :until, leased = 1
WHERE touchpoint_id IN (SELECT value FROM json_each(:ids));

-- name: waiting_events
-- The first :each waiting events of each touchpoint of a JSON list, in the order of their commits.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'seq', e.seq, 'touchpoint_id', e.touchpoint_id, 'tries', o.tries, 'error', o.error,
        'event', json_object(
            'seq', e.seq, 'id', e.id, 'kind', e.kind, 'mail', e.mail,
            'occurred_at', e.occurred_at, 'touchpoint_id', e.touchpoint_id,
            'sequence', e.sequence, 'body', json(e.body)
        )
    ) AS item
    FROM json_each(:ids) r
    JOIN outbox o ON o.seq IN (
        SELECT w.seq FROM outbox w WHERE w.touchpoint_id = r.value AND w.state = 'waiting'
        ORDER BY w.seq LIMIT :each
    )
    JOIN event e ON e.seq = o.seq
    ORDER BY r.key, e.seq
);

-- name: lock_touchpoints
-- Nothing to lock: there is one writer.
SELECT NULL;

-- name: told_events!
-- Events of a JSON list of seqs were told.
DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = 'waiting';

-- name: try_events!
-- Events that were not told, from a JSON list of ends: they wait, or are parked.
UPDATE outbox SET state = r.value ->> '$.state', tries = tries + 1,
    tried_at = r.value ->> '$.at', error = r.value ->> '$.error'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE outbox.seq = r.value ->> '$.seq' AND +outbox.state = 'waiting';

-- name: free_touchpoints!
-- Touchpoints of a JSON list of [id, next_at] may be told again from then on.
UPDATE outbox_lane SET next_at = r.value ->> 1, leased = 0
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE outbox_lane.touchpoint_id = r.value ->> 0;

-- name: leave_touchpoints!
-- Touchpoints of a JSON list of [id, …] that have nothing waiting are gone from the outbox.
DELETE FROM outbox_lane WHERE touchpoint_id IN (SELECT value ->> 0 FROM json_each(:rows))
    AND NOT EXISTS (
        SELECT 1 FROM outbox o
        WHERE o.touchpoint_id = outbox_lane.touchpoint_id AND o.state = 'waiting'
    );

-- name: next_report
-- When the next event may be told.
SELECT min(next_at) FROM outbox_lane;

-- name: outbox_counts
-- How many events wait and how many are parked, and when the oldest that waits happened.
SELECT json_object(
    'waiting', (SELECT count(*) FROM (
        SELECT 1 FROM outbox INDEXED BY outbox_waiting WHERE state = 'waiting' LIMIT :most
    )),
    'parked', (SELECT count(*) FROM (
        SELECT 1 FROM outbox INDEXED BY outbox_parked WHERE state = 'parked' LIMIT :most
    )),
    'oldest_at', (
        SELECT e.occurred_at FROM event e WHERE e.seq = (
            SELECT min(o.seq) FROM outbox o WHERE o.state = 'waiting'
        )
    ),
    'paused_until', (SELECT paused_until FROM outlet WHERE id = 1),
    'reason', (SELECT reason FROM outlet WHERE id = 1),
    'since', (SELECT since FROM outlet WHERE id = 1)
);

-- name: page_outbox
-- What was not told yet, newest first; of a state or touchpoint where one is named.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'seq', o.seq, 'touchpoint_id', o.touchpoint_id, 'state', o.state, 'tries', o.tries,
        'tried_at', o.tried_at, 'error', o.error, 'kind', e.kind, 'mail', e.mail,
        'occurred_at', e.occurred_at, 'event_id', e.id, 'body', json(e.body)
    ) AS item
    FROM (
        SELECT seq FROM (
            SELECT o.seq FROM event e INDEXED BY event_touchpoint CROSS JOIN outbox o
                ON o.seq = e.seq
            WHERE :touchpoint IS NOT NULL AND e.touchpoint_id = :touchpoint
                AND e.seq < :after AND (:state IS NULL OR o.state = :state)
            ORDER BY e.seq DESC LIMIT :limit)
        UNION ALL
        SELECT seq FROM (
            SELECT seq FROM outbox INDEXED BY outbox_parked
            WHERE :touchpoint IS NULL AND :state = 'parked' AND state = 'parked' AND seq < :after
            ORDER BY seq DESC LIMIT :limit)
        UNION ALL
        SELECT seq FROM (
            SELECT seq FROM outbox
            WHERE :touchpoint IS NULL AND :state IS NOT 'parked' AND seq < :after
                AND (:state IS NULL OR state = :state)
            ORDER BY seq DESC LIMIT :limit)
    ) f CROSS JOIN outbox o ON o.seq = f.seq CROSS JOIN event e ON e.seq = o.seq
    ORDER BY o.seq DESC
);

-- name: parked_events
-- Seqs of parked events, oldest first: one, those of a touchpoint, or all.
SELECT json_group_array(seq) FROM (
    SELECT seq FROM outbox INDEXED BY outbox_parked WHERE state = 'parked'
        AND (:seq IS NULL OR seq = :seq)
        AND (:touchpoint IS NULL OR touchpoint_id = :touchpoint)
    ORDER BY seq LIMIT :limit
);

-- name: resend_events!
-- Parked events of a JSON list of seqs wait again, as if for the first time.
UPDATE outbox SET state = 'waiting', tries = 0, error = NULL
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = 'parked';

-- name: wake_touchpoints!
-- The touchpoints of a JSON list of seqs may be told now; what somebody tells, they go on with.
INSERT INTO outbox_lane (touchpoint_id, next_at)
SELECT DISTINCT o.touchpoint_id, :now FROM json_each(:seqs) r JOIN outbox o ON o.seq = r.value
WHERE true
ON CONFLICT (touchpoint_id) DO UPDATE SET next_at = min(outbox_lane.next_at, excluded.next_at)
WHERE NOT outbox_lane.leased;

-- name: pause_outlet!
-- The outlet hears nothing until then, and why; nothing where it does.
UPDATE outlet SET paused_until = :until, reason = :reason,
    since = iif(:until IS NULL, NULL, coalesce(since, :now))
WHERE id = 1;

-- name: outlet_pause
-- Until when the outlet hears nothing, and why.
SELECT json_object('paused_until', paused_until, 'reason', reason, 'since', since)
FROM outlet WHERE id = 1;

-- name: report_again!
-- An event that was told once waits again, for whoever missed it.
INSERT INTO outbox (seq, touchpoint_id)
SELECT e.seq, e.touchpoint_id FROM json_each(:seqs) r JOIN event e ON e.seq = r.value
WHERE e.touchpoint_id IS NOT NULL
ON CONFLICT (seq) DO NOTHING;

-- name: events_of_touchpoint
-- The events of a touchpoint, in the order of its sequence.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'seq', seq, 'id', id, 'kind', kind, 'mail', mail, 'occurred_at', occurred_at,
        'touchpoint_id', touchpoint_id, 'sequence', sequence, 'body', json(body)
    ) AS item
    FROM event WHERE touchpoint_id = :touchpoint ORDER BY sequence LIMIT :limit
);

-- name: stuck_events
-- Events that wait and whose touchpoint is not due to be told; the proof is that there are none.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object('id', o.seq, 'state', o.state, 'why', 'nobody will tell it') AS item
    FROM outbox o LEFT JOIN outbox_lane l ON l.touchpoint_id = o.touchpoint_id
    WHERE o.state = 'waiting' AND l.touchpoint_id IS NULL LIMIT :limit
);
