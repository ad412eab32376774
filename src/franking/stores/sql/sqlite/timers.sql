-- name: lock_timers
-- Nothing to lock: there is one writer.
SELECT NULL;

-- name: timers_known
-- The state of each timer of a JSON list of ids that exists, as an object.
SELECT json_group_object(t.id, t.state) FROM json_each(:ids) r JOIN timer t ON t.id = r.value;

-- name: mails_known
-- Which ids of a JSON list belong to mails, as an object with the timer's revision that each was
-- made of, 0 for one that no timer made.
SELECT json_group_object(m.id, m.timed) FROM json_each(:ids) r JOIN mail m ON m.id = r.value;

-- name: insert_timers!
-- New timers from a JSON list of [id, transport, lane, due_at, created_at, callback, data].
INSERT INTO timer (id, state, transport, lane, next_at, due_at, created_at, callback, data)
SELECT
    r.value ->> 0, 'scheduled', r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 3,
    r.value ->> 4, r.value -> 5, r.value ->> 6
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r ORDER BY r.key;

-- name: wake_lanes!
-- Lanes of the timers of a JSON list of [lane, next_at] are due no later than those.
INSERT INTO timer_lane (id, next_at)
SELECT r.value ->> 0, min(r.value ->> 1) FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r GROUP BY 1
ON CONFLICT (id) DO UPDATE SET next_at = min(timer_lane.next_at, excluded.next_at);

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
    previous_served_at = iif(:kept, previous_served_at, NULL),
    previous_executed_at = iif(:kept, previous_executed_at, NULL),
    previous_deleted_at = iif(:kept, previous_deleted_at, NULL),
    previous_error = iif(:kept, previous_error, NULL), retry_count = iif(:kept, retry_count, 0),
    revision = revision + 1, attempt = 0, lease_expires_at = NULL, tries = '[]',
    asked_at = NULL, callback = :callback, data = :data, epoch = :fresh
WHERE seq = :seq AND state = :state AND epoch = :epoch;

-- name: retry_timer!
-- Retry Timer: the four columns move to previous_* and become NULL, once more, due now.
UPDATE timer SET
    previous_deleted_at = deleted_at, previous_executed_at = executed_at,
    previous_error = error, previous_served_at = served_at,
    deleted_at = NULL, executed_at = NULL, error = NULL, served_at = NULL,
    retry_count = retry_count + 1, due_at = :now, next_at = :now, state = 'scheduled',
    lease_expires_at = NULL, tries = '[]', asked_at = NULL, data = coalesce(:data, data)
WHERE seq = :seq AND state IN ('failed', 'deleted') AND state = :state AND epoch = :epoch;

-- name: delete_timer!
-- What was still to come is dropped; a new epoch shuts out whoever serves it now.
UPDATE timer SET state = 'deleted', deleted_at = :now, next_at = NULL, lease_expires_at = NULL,
    epoch = :fresh
WHERE seq = :seq AND state = :state AND epoch = :epoch;

-- name: wake_lane_of!
-- The lane of a timer is due no later than the timer.
INSERT INTO timer_lane (id, next_at) SELECT lane, next_at FROM timer WHERE seq = :seq
ON CONFLICT (id) DO UPDATE SET next_at = min(timer_lane.next_at, excluded.next_at);

-- name: ask_again!
-- A person was asked whether to send again although the outcome is unknown.
UPDATE timer SET asked_at = :at WHERE seq = :seq;

-- name: gather_lanes!
-- Nothing to gather: who has something due wakes the lane itself.
SELECT NULL;

-- name: ready_lanes
-- Lanes with something due, longest due first, but for a JSON list of those that are full.
SELECT json_group_array(id) FROM (
    SELECT id FROM timer_lane
    WHERE next_at <= :now AND id NOT IN (SELECT value FROM json_each(:full))
    ORDER BY next_at LIMIT :limit
);

-- name: next_lane_due
-- When the next timer of a lane that is not full must be looked at.
SELECT min(next_at) FROM timer_lane WHERE id NOT IN (SELECT value FROM json_each(:full));

-- name: lane_due
-- When the next timer of a lane must be looked at.
SELECT next_at FROM timer_lane WHERE id = :lane;

-- name: due_timers
-- Timers of a lane that must be looked at, longest due first, as a JSON list of [seq, bytes].
SELECT json_group_array(json_array(seq, bytes)) FROM (
    SELECT seq, coalesce(length(data), 0) AS bytes FROM timer
    WHERE lane = :lane AND next_at IS NOT NULL AND next_at <= :now
    ORDER BY next_at LIMIT :limit
);

-- name: lease_timers!
-- Timers of a JSON list of seqs are served, each under an epoch after :base; one whose lease ran
-- out has lost a try.
UPDATE timer SET state = 'served', epoch = :base + r.key + 1, attempt = attempt + 1,
    served_at = coalesce(served_at, :now), lease_expires_at = :expires_at,
    next_at = :expires_at,
    tries = iif(lease_expires_at IS NULL, tries, json_insert(tries, '$[#]', json_object(
        'attempt', attempt, 'at', lease_expires_at, 'error', :lost
    )))
FROM json_each(:seqs) r
WHERE timer.seq = r.value AND +timer.state IN ('scheduled', 'served');

-- name: leased_timers
-- The timers of a JSON list of seqs, in its order.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"timer":' || t.row || ',"data":' || coalesce(t.data, 'null') || '}' AS item
    FROM json_each(:seqs) r JOIN timer_json t ON t.seq = r.value ORDER BY r.key
);

-- name: lock_lanes
-- Which lanes of a JSON list may be written, as a JSON list: all of them, for there is one writer.
SELECT json(:lanes);

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
UPDATE timer SET lease_expires_at = r.value ->> 'expires_at', next_at = r.value ->> 'expires_at'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE timer.seq = r.value ->> 'seq' AND timer.epoch = r.value ->> 'epoch'
    AND +timer.state = 'served' AND timer.lease_expires_at IS NOT NULL;

-- name: held_timers
-- Which leases of a JSON list still hold, as a list of their places in it.
SELECT json_group_array(r.key) FROM json_each(:rows) r
JOIN timer t ON t.seq = r.value ->> 'seq'
WHERE t.epoch = r.value ->> 'epoch' AND +t.state = 'served' AND t.lease_expires_at IS NOT NULL;

-- name: end_timers!
-- How calls ended, from a JSON list of ends; fenced by state and epoch.
UPDATE timer SET state = r.value ->> '$.state',
    executed_at = iif(r.value ->> '$.state' = 'served', NULL, r.value ->> '$.at'),
    error = r.value ->> '$.error', next_at = r.value ->> '$.next_at', lease_expires_at = NULL,
    tries = iif(
        r.value ->> '$.tried' IS NULL, tries, json_insert(tries, '$[#]', r.value -> '$.tried')
    )
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE timer.seq = r.value ->> '$.seq' AND timer.epoch = r.value ->> '$.epoch'
    AND +timer.state = 'served' AND timer.lease_expires_at IS NOT NULL;

-- name: wake_lanes_of!
-- The lanes of timers of a JSON list of ends that are tried again are due no later than those.
INSERT INTO timer_lane (id, next_at)
SELECT t.lane, min(t.next_at) FROM json_each(:rows) r JOIN timer t ON t.seq = r.value ->> '$.seq'
WHERE t.next_at IS NOT NULL GROUP BY t.lane
ON CONFLICT (id) DO UPDATE SET next_at = min(timer_lane.next_at, excluded.next_at);

-- name: serve_timers!
-- Timers of a JSON list of seqs were handed over as mails, in this transaction.
UPDATE timer SET state = 'served', served_at = :now, next_at = NULL, attempt = attempt + 1
FROM json_each(:seqs) r
WHERE timer.seq = r.value AND +timer.state = 'scheduled';

-- name: end_mailed!
-- The work of timers has ended with their mails', from a JSON list of [id, state, at, error]; what
-- failed may be proved later to have been sent.
UPDATE timer SET state = r.value ->> 1, executed_at = r.value ->> 2, error = r.value ->> 3,
    next_at = NULL
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
WHERE timer.id = r.value ->> 0 AND +timer.state IN ('served', 'failed')
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
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'ended_by', ended_by, 'due_at', due_at, 'created_at', created_at,
        'served_at', served_at, 'executed_at', executed_at, 'deleted_at', deleted_at,
        'error', error, 'retry_count', retry_count
    ) AS item
    FROM timer_life WHERE timer = :id ORDER BY life LIMIT :limit
);

-- name: page_timers
-- The newest timers; :data says whether with theirs, which may be large.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"timer":' || row || ',"data":'
        || iif(:data, coalesce(data, 'null'), 'null') || '}' AS item
    FROM timer_json WHERE seq < :after ORDER BY seq DESC LIMIT :limit
);

-- name: page_timers_by_state
-- The newest timers in a state.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"timer":' || row || ',"data":'
        || iif(:data, coalesce(data, 'null'), 'null') || '}' AS item
    FROM timer_json WHERE state = :state AND seq < :after ORDER BY seq DESC LIMIT :limit
);

-- name: page_timers_by_transport
-- The newest timers of a transport in one of the states of a JSON list, each of which is a range of
-- one index: a transport that has few in a state would else be looked for among all that are in it.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"timer":' || t.row || ',"data":'
        || iif(:data, coalesce(t.data, 'null'), 'null') || '}' AS item
    FROM (
        SELECT n.seq FROM json_each(:states) s CROSS JOIN timer n ON n.seq IN (
            SELECT x.seq FROM timer x INDEXED BY timer_transport
            WHERE x.transport = :transport AND x.state = s.value AND x.seq < :after
            ORDER BY x.seq DESC LIMIT :limit
        )
        ORDER BY n.seq DESC LIMIT :limit
    ) f CROSS JOIN timer_json t ON t.seq = f.seq
    ORDER BY f.seq DESC
);

-- name: page_timers_by_id
-- The timers whose id begins so, of the first :most of these, newest first, and of a state and a
-- transport where named; with more than these, also of the newest :most in that state.
WITH first AS MATERIALIZED (
    SELECT seq FROM timer WHERE id >= :q AND id < :q || char(1114111) ORDER BY id LIMIT :most
), near AS MATERIALIZED (
    SELECT seq FROM first
    UNION
    SELECT seq FROM (
        SELECT seq FROM timer INDEXED BY timer_state
        WHERE (SELECT count(*) FROM first) = :most AND state = :state AND seq < :after
        ORDER BY seq DESC LIMIT :most
    )
)
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"timer":' || t.row || ',"data":'
        || iif(:data, coalesce(t.data, 'null'), 'null') || '}' AS item
    FROM (
        SELECT n.seq FROM near n CROSS JOIN timer t ON t.seq = n.seq
        WHERE n.seq < :after AND t.id >= :q AND t.id < :q || char(1114111)
            AND (:state IS NULL OR t.state = :state)
            AND (:transport IS NULL OR t.transport = :transport)
        ORDER BY n.seq DESC LIMIT :limit
    ) f CROSS JOIN timer_json t ON t.seq = f.seq
    ORDER BY f.seq DESC
);

-- name: count_timers
-- How many timers are in each state.
SELECT json_group_object(state, count) FROM (
    SELECT state, count(*) AS count FROM timer GROUP BY state
);

-- name: stuck_timers
-- Timers without an owner, a deadline or a next step; the proof is that there are none.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object('id', t.id, 'state', t.state, 'why', 'nobody served it in time') AS item
    FROM timer_lane l JOIN timer t INDEXED BY timer_next
        ON t.lane = l.id AND t.next_at IS NOT NULL AND t.next_at < :before
    WHERE l.next_at < :before
    UNION ALL
    SELECT json_object('id', id, 'state', state, 'why', 'its lane is not due to be served')
    FROM (
        SELECT t.id, t.state FROM timer t LEFT JOIN timer_lane l ON l.id = t.lane
        WHERE t.state IN ('scheduled', 'served') AND t.next_at IS NOT NULL
            AND (l.next_at IS NULL OR l.next_at > t.next_at)
        LIMIT :limit
    )
    UNION ALL
    SELECT json_object('id', id, 'state', state, 'why', 'nothing will look at it again') FROM (
        SELECT t.id, t.state FROM timer t
        WHERE t.state IN ('scheduled', 'served') AND t.next_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM mail m WHERE m.id = t.id AND m.timed = t.revision
                AND t.state = 'served' AND m.state IN ('PENDING', 'RETRY', 'PROCESSING')
        )
        LIMIT :limit
    )
    LIMIT :limit
);
