-- name: lock_timers
-- Nobody else writes the timers of a JSON list of ids until the transaction ends.
SELECT count(*) FROM (
    SELECT 1 FROM timer WHERE id IN (SELECT jsonb_array_elements_text(given(:ids)))
    ORDER BY seq FOR UPDATE
) locked;

-- name: timers_known
-- The state of each timer of a JSON list of ids that exists, as an object.
SELECT coalesce(json_object_agg(t.id, t.state), '{}')::text
FROM jsonb_array_elements_text(given(:ids)) r (id) JOIN timer t ON t.id = r.id;

-- name: mails_known
-- Which ids of a JSON list belong to mails, as an object with the timer's revision that each was
-- made of, 0 for one that no timer made.
SELECT coalesce(json_object_agg(m.id, m.timed), '{}')::text
FROM jsonb_array_elements_text(given(:ids)) r (id) JOIN mail m ON m.id = r.id;

-- name: insert_timers!
-- New timers from a JSON list of [id, transport, lane, due_at, created_at, callback, data].
INSERT INTO timer (id, state, transport, lane, next_at, due_at, created_at, callback, data)
SELECT
    r.value ->> 0, 'scheduled', r.value ->> 1, r.value ->> 2, (r.value ->> 3)::bigint,
    (r.value ->> 3)::bigint, (r.value ->> 4)::bigint, (r.value -> 5)::text, r.value ->> 6
FROM jsonb_array_elements(given(:rows)) WITH ORDINALITY r (value, key) ORDER BY r.key;

-- name: wake_lanes!
-- Lanes of the timers of a JSON list of [lane, next_at] have those due; nobody waits for anybody
-- here.
INSERT INTO timer_wake (lane, next_at)
SELECT r.value ->> 0, min((r.value ->> 1)::bigint)
FROM jsonb_array_elements(given(:rows)) r (value) GROUP BY 1;

-- name: keep_life!
-- The present life of a timer, as one of its earlier ones.
INSERT INTO timer_life (
    timer, life, ended_by, state, revision, due_at, created_at, served_at, executed_at,
    deleted_at, error, retry_count, attempt, tries, callback, data
)
SELECT id, coalesce((SELECT max(l.life) FROM timer_life l WHERE l.timer = t.id), 0) + 1,
    :ended_by, state, revision, due_at, created_at, served_at, executed_at,
    deleted_at, error, retry_count, attempt, tries, callback, data
FROM timer t WHERE seq = :seq;

-- name: begin_timer!
-- A new life under an id that was used, fenced by what was read: created again, or replaced, which
-- keeps (:kept) what is known of its retries.
UPDATE timer SET
    state = 'scheduled', transport = :transport, lane = :lane, next_at = :due_at,
    due_at = :due_at, created_at = :now, served_at = NULL, executed_at = NULL,
    deleted_at = NULL, error = NULL,
    previous_served_at = CASE WHEN :kept = 1 THEN previous_served_at END,
    previous_executed_at = CASE WHEN :kept = 1 THEN previous_executed_at END,
    previous_deleted_at = CASE WHEN :kept = 1 THEN previous_deleted_at END,
    previous_error = CASE WHEN :kept = 1 THEN previous_error END,
    retry_count = CASE WHEN :kept = 1 THEN retry_count ELSE 0 END,
    revision = revision + 1, attempt = 0, lease_expires_at = NULL, tries = '[]',
    asked_at = NULL, callback = given(:callback)::text, data = CAST(:data AS text), epoch = :fresh
WHERE seq = :seq AND state = :state AND epoch = :epoch;

-- name: retry_timer!
-- Retry Timer: the four columns move to previous_* and become NULL, once more, due now.
UPDATE timer SET
    previous_deleted_at = deleted_at, previous_executed_at = executed_at,
    previous_error = error, previous_served_at = served_at,
    deleted_at = NULL, executed_at = NULL, error = NULL, served_at = NULL,
    retry_count = retry_count + 1, due_at = :now, next_at = :now, state = 'scheduled',
    lease_expires_at = NULL, tries = '[]', asked_at = NULL,
    data = coalesce(CAST(:data AS text), data)
WHERE seq = :seq AND state IN ('failed', 'deleted') AND state = :state AND epoch = :epoch;

-- name: delete_timer!
-- What was still to come is dropped; a new epoch shuts out whoever serves it now.
UPDATE timer SET state = 'deleted', deleted_at = :now, next_at = NULL, lease_expires_at = NULL,
    epoch = :fresh
WHERE seq = :seq AND state = :state AND epoch = :epoch;

-- name: wake_lane_of!
-- The lane of a timer has it due.
INSERT INTO timer_wake (lane, next_at) SELECT lane, next_at FROM timer WHERE seq = :seq;

-- name: ask_again!
-- A person was asked whether to send again although the outcome is unknown.
UPDATE timer SET asked_at = CAST(:at AS bigint) WHERE seq = :seq;

-- name: gather_lanes!
-- Lanes that have something due get it into next_at, but for those that somebody else writes now.
WITH ours AS MATERIALIZED (
    SELECT id FROM timer_lane WHERE id IN (SELECT lane FROM timer_wake)
    ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
), woken AS (
    DELETE FROM timer_wake WHERE ctid = ANY (ARRAY(
        SELECT w.ctid FROM timer_wake w
        WHERE w.lane IN (SELECT id FROM ours)
            OR NOT EXISTS (SELECT 1 FROM timer_lane l WHERE l.id = w.lane)
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING lane, next_at
)
INSERT INTO timer_lane (id, next_at)
SELECT lane, min(next_at) FROM woken GROUP BY lane ORDER BY lane
ON CONFLICT (id) DO UPDATE SET next_at = least(timer_lane.next_at, excluded.next_at);

-- name: ready_lanes
-- Lanes with something due, longest due first, but for a JSON list of those that are full.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT id FROM timer_lane
    WHERE next_at <= :now AND id NOT IN (SELECT jsonb_array_elements_text(given(:full)))
    ORDER BY next_at LIMIT :limit
) ready;

-- name: next_lane_due
-- When the next timer of a lane that is not full must be looked at.
SELECT min(next_at) FROM (
    SELECT min(next_at) AS next_at FROM timer_lane
    WHERE id NOT IN (SELECT jsonb_array_elements_text(given(:full)))
    UNION ALL
    SELECT min(next_at) FROM timer_wake
    WHERE lane NOT IN (SELECT jsonb_array_elements_text(given(:full)))
) next;

-- name: lane_due
-- When the next timer of a lane must be looked at.
SELECT min(next_at) FROM (
    SELECT next_at FROM timer_lane WHERE id = :lane
    UNION ALL
    SELECT next_at FROM timer_wake WHERE lane = :lane
) next;

-- name: due_timers
-- Timers of a lane that must be looked at, longest due first, as a JSON list of [seq, bytes];
-- nobody else serves them meanwhile.
SELECT coalesce(json_agg(json_build_array(seq, bytes)), '[]')::text FROM (
    SELECT seq, coalesce(length(data), 0) AS bytes FROM timer
    WHERE lane = :lane AND next_at IS NOT NULL AND next_at <= :now
    ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED
) due;

-- name: lease_timers!
-- Timers of a JSON list of seqs are served, each under an epoch that no lease ever had; one whose
-- lease ran out has lost a try.
UPDATE timer SET state = 'served', epoch = nextval('epoch'), attempt = attempt + 1,
    served_at = coalesce(served_at, :now), lease_expires_at = :expires_at,
    next_at = :expires_at,
    tries = CASE WHEN lease_expires_at IS NULL THEN tries ELSE (
        tries::jsonb || jsonb_build_object(
            'attempt', attempt, 'at', lease_expires_at, 'error', CAST(:lost AS text)
        )
    )::text END
FROM jsonb_array_elements(given(:seqs)) r (seq)
WHERE timer.seq = r.seq::bigint AND timer.state IN ('scheduled', 'served');

-- name: leased_timers
-- The timers of a JSON list of seqs, in its order.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY key), '') || ']' FROM (
    SELECT r.key, '{"timer":' || t.row || ',"data":' || coalesce(t.data, 'null') || '}' AS item
    FROM jsonb_array_elements(given(:seqs)) WITH ORDINALITY r (seq, key)
    JOIN timer_json t ON t.seq = r.seq::bigint
) leased;

-- name: lock_lanes
-- Which lanes of a JSON list may be written, as a JSON list: those that nobody else writes now.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT id FROM timer_lane WHERE id IN (SELECT jsonb_array_elements_text(given(:lanes)))
    ORDER BY id FOR UPDATE SKIP LOCKED
) ours;

-- name: serve_lane!
-- The lane's next timer is due when the index says.
UPDATE timer_lane SET next_at = (
    SELECT min(next_at) FROM timer WHERE lane = :lane AND next_at IS NOT NULL
)
WHERE id = :lane
    AND EXISTS (SELECT 1 FROM timer WHERE lane = :lane AND next_at IS NOT NULL);

-- name: drop_lane!
-- A lane in which nothing waits is gone.
DELETE FROM timer_lane WHERE id = :lane
    AND NOT EXISTS (SELECT 1 FROM timer WHERE lane = :lane AND next_at IS NOT NULL);

-- name: renew_timers!
-- Leases of timers that still hold (state, epoch, and their call has not ended) end later.
UPDATE timer SET lease_expires_at = r.expires_at, next_at = r.expires_at
FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint, epoch bigint, expires_at bigint)
WHERE timer.seq = r.seq AND timer.epoch = r.epoch
    AND timer.state = 'served' AND timer.lease_expires_at IS NOT NULL;

-- name: held_timers
-- Which leases of a JSON list still hold, as a list of their places in it; nobody else writes those
-- timers until the transaction ends.
SELECT coalesce(json_agg(place), '[]')::text FROM (
    SELECT r.key - 1 AS place
    FROM ROWS FROM (jsonb_to_recordset(given(:rows)) AS (seq bigint, epoch bigint))
        WITH ORDINALITY AS r (seq, epoch, key)
    JOIN timer t ON t.seq = r.seq
    WHERE t.epoch = r.epoch AND t.state = 'served' AND t.lease_expires_at IS NOT NULL
    ORDER BY t.seq FOR UPDATE OF t
) held;

-- name: end_timers!
-- How calls ended, from a JSON list of ends; fenced by state and epoch.
UPDATE timer SET state = r.state,
    executed_at = CASE WHEN r.state = 'served' THEN NULL ELSE r.at END,
    error = r.error, next_at = r.next_at, lease_expires_at = NULL,
    tries = CASE WHEN coalesce(r.tried, 'null') = 'null' THEN tries
        ELSE (tries::jsonb || jsonb_build_array(r.tried))::text END
FROM jsonb_to_recordset(given(:rows)) AS r (
    seq bigint, epoch bigint, state text, at bigint, error text, next_at bigint, tried jsonb
)
WHERE timer.seq = r.seq AND timer.epoch = r.epoch
    AND timer.state = 'served' AND timer.lease_expires_at IS NOT NULL;

-- name: wake_lanes_of!
-- The lanes of timers of a JSON list of ends that are tried again have those due.
INSERT INTO timer_wake (lane, next_at)
SELECT t.lane, min(t.next_at) FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint)
JOIN timer t ON t.seq = r.seq
WHERE t.next_at IS NOT NULL GROUP BY t.lane;

-- name: serve_timers!
-- Timers of a JSON list of seqs were handed over as mails, in this transaction.
UPDATE timer SET state = 'served', served_at = :now, next_at = NULL, attempt = attempt + 1
FROM jsonb_array_elements(given(:seqs)) r (seq)
WHERE timer.seq = r.seq::bigint AND timer.state = 'scheduled';

-- name: end_mailed!
-- The work of timers has ended with their mails', from a JSON list of [id, state, at, error]; what
-- failed may be proved later to have been sent.
UPDATE timer SET state = r.value ->> 1, executed_at = (r.value ->> 2)::bigint,
    error = r.value ->> 3, next_at = NULL
FROM jsonb_array_elements(given(:rows)) r (value)
WHERE timer.id = r.value ->> 0 AND timer.state IN ('served', 'failed')
    AND timer.transport IN ('mail', 'smtp');

-- name: put_off_timer!
-- A timer that could not be served is looked at again later.
UPDATE timer SET next_at = :until WHERE seq = :seq;

-- name: read_timer
-- One timer, by id.
SELECT '{"timer":' || row || ',"data":' || coalesce(data, 'null') || '}'
FROM timer_json WHERE id = :id;

-- name: lives_of
-- The earlier lives of a timer, oldest first.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'ended_by', ended_by, 'due_at', due_at, 'created_at', created_at,
        'served_at', served_at, 'executed_at', executed_at, 'deleted_at', deleted_at,
        'error', error, 'retry_count', retry_count
    ) AS item
    FROM timer_life WHERE timer = :id ORDER BY life LIMIT :limit
) lives;

-- name: page_timers
-- The newest timers; :data says whether with theirs, which may be large.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT t.seq, '{"timer":' || t.row || ',"data":'
        || coalesce(CASE WHEN CAST(:data AS boolean) THEN t.data END, 'null') || '}' AS item
    FROM timer_json t WHERE t.seq < :after ORDER BY t.seq DESC LIMIT :limit
) page;

-- name: page_timers_by_state
-- The newest timers in a state.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT t.seq, '{"timer":' || t.row || ',"data":'
        || coalesce(CASE WHEN CAST(:data AS boolean) THEN t.data END, 'null') || '}' AS item
    FROM timer_json t WHERE t.state = :state AND t.seq < :after ORDER BY t.seq DESC LIMIT :limit
) page;

-- name: page_timers_by_transport
-- The newest timers of a transport in one of the states of a JSON list, each of which is a range of
-- one index: a transport that has few in a state would else be looked for among all that are in it.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT t.seq, '{"timer":' || t.row || ',"data":'
        || coalesce(CASE WHEN CAST(:data AS boolean) THEN t.data END, 'null') || '}' AS item
    FROM (
        SELECT n.seq FROM jsonb_array_elements_text(given(:states)) s (state)
        CROSS JOIN LATERAL (
            SELECT x.seq FROM timer x
            WHERE x.transport = :transport AND x.state = s.state AND x.seq < :after
            ORDER BY x.seq DESC LIMIT :limit
        ) n
        ORDER BY n.seq DESC LIMIT :limit
    ) f JOIN timer_json t ON t.seq = f.seq
) page;

-- name: page_timers_by_id
-- The timers whose id begins so, of the first :most of these, newest first, and of a state and a
-- transport where named; with more than these, also of the newest :most in that state.
WITH first AS MATERIALIZED (
    SELECT seq FROM timer WHERE id >= :q AND id < :q || chr(1114111) ORDER BY id LIMIT :most
), near AS MATERIALIZED (
    SELECT seq FROM first
    UNION
    SELECT seq FROM (
        SELECT seq FROM timer
        WHERE (SELECT count(*) FROM first) = :most AND state = :state AND seq < :after
        ORDER BY seq DESC LIMIT :most
    ) newest
)
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT t.seq, '{"timer":' || t.row || ',"data":'
        || coalesce(CASE WHEN CAST(:data AS boolean) THEN t.data END, 'null') || '}' AS item
    FROM (
        SELECT n.seq FROM near n JOIN timer t ON t.seq = n.seq
        WHERE n.seq < :after AND t.id >= :q AND t.id < :q || chr(1114111)
            AND (CAST(:state AS text) IS NULL OR t.state = :state)
            AND (CAST(:transport AS text) IS NULL OR t.transport = :transport)
        ORDER BY n.seq DESC LIMIT :limit
    ) f JOIN timer_json t ON t.seq = f.seq
) page;

-- name: count_timers
-- How many timers are in each state.
SELECT coalesce(json_object_agg(state, count), '{}')::text FROM (
    SELECT state, count(*) AS count FROM timer GROUP BY state
) states;

-- name: stuck_timers
-- Timers without an owner, a deadline or a next step; the proof is that there are none.
SELECT '[' || coalesce(string_agg(item, ','), '') || ']' FROM (
    SELECT json_build_object('id', id, 'state', state, 'why', why)::text AS item FROM (
        SELECT t.id, t.state, 'nobody served it in time' AS why
        FROM timer t WHERE t.next_at IS NOT NULL AND t.next_at < :before
            AND t.lane IN (
                SELECT id FROM timer_lane WHERE next_at < :before
                UNION ALL SELECT lane FROM timer_wake
            )
        UNION ALL
        SELECT id, state, 'its lane is not due to be served' FROM (
            SELECT t.id, t.state FROM timer t LEFT JOIN timer_lane l ON l.id = t.lane
            WHERE t.state IN ('scheduled', 'served') AND t.next_at IS NOT NULL
                AND (l.next_at IS NULL OR l.next_at > t.next_at)
                AND NOT EXISTS (
                    SELECT 1 FROM timer_wake w WHERE w.lane = t.lane AND w.next_at <= t.next_at
                )
            LIMIT :limit
        ) unserved
        UNION ALL
        SELECT id, state, 'nothing will look at it again' FROM (
            SELECT t.id, t.state FROM timer t
            WHERE t.state IN ('scheduled', 'served') AND t.next_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM mail m WHERE m.id = t.id AND m.timed = t.revision
                    AND t.state = 'served' AND m.state IN ('PENDING', 'RETRY', 'PROCESSING')
            )
            LIMIT :limit
        ) forgotten
    ) found
    LIMIT :limit
) stuck;
