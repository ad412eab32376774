-- name: insert_touchpoint!
-- A new touchpoint, from JSON, with what is still to be done for it.
INSERT INTO touchpoint (
    id, kind, status, status_updated_at, created_at, cadence_member_id, email_message_id, due_at,
    mail_id, timer_id, recipient, subject, words, unfinished
)
VALUES (
    :t ->> '$.id', :t ->> '$.kind', :t ->> '$.status', :t ->> '$.status_updated_at',
    :t ->> '$.created_at', :t ->> '$.cadence_member_id', :t ->> '$.email_message_id',
    :t ->> '$.due_at', :t ->> '$.mail_id', :t ->> '$.timer_id', :t ->> '$.recipient',
    :t ->> '$.subject', :words, :unfinished
);

-- name: lock_touchpoint
-- Nothing to lock: there is one writer.
SELECT NULL;

-- name: read_touchpoint
-- One touchpoint, with its version and what is unfinished.
SELECT row, version, unfinished FROM touchpoint_json WHERE id = :id;

-- name: update_touchpoint!
-- All of a touchpoint in one write, fenced by the version that was read.
UPDATE touchpoint SET
    status = :t ->> '$.status', status_updated_at = :t ->> '$.status_updated_at',
    due_at = :t ->> '$.due_at', next_attempt_at = :t ->> '$.next_attempt_at',
    error_message = :t ->> '$.error_message',
    error_message_truncated = :t ->> '$.error_message_truncated',
    error_code = :t ->> '$.error_code', error_category = :t ->> '$.error_category',
    manual_retry_count = :t ->> '$.manual_retry_count',
    last_event_id = :t ->> '$.last_event_id', last_sequence = :t ->> '$.last_sequence',
    mail_id = :t ->> '$.mail_id', timer_id = :t ->> '$.timer_id',
    completions = :t ->> '$.completions', asked_at = :t ->> '$.asked_at',
    deleted_at = :t ->> '$.deleted_at', recipient = :t ->> '$.recipient',
    subject = :t ->> '$.subject', words = :words, unfinished = :unfinished, version = version + 1
WHERE id = :t ->> '$.id' AND version = :version;

-- name: delete_touchpoint!
-- A touchpoint that was never there for anybody.
DELETE FROM touchpoint WHERE id = :id AND version = :version;

-- name: insert_conquer_errors!
-- Children from a JSON list, in its order; a repeated event makes no second one.
INSERT INTO conquer_error (
    id, event_id, touchpoint_id, status, occurred_at, error_message, error_message_truncated,
    error_code, cadence_member_id, email_message_id
)
SELECT
    r.value ->> '$.id', r.value ->> '$.event_id', r.value ->> '$.touchpoint_id',
    r.value ->> '$.status', r.value ->> '$.occurred_at', r.value ->> '$.error_message',
    r.value ->> '$.error_message_truncated', r.value ->> '$.error_code',
    r.value ->> '$.cadence_member_id', r.value ->> '$.email_message_id'
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r WHERE true ORDER BY r.key
ON CONFLICT (event_id) DO NOTHING;

-- name: conquer_error_known
-- Is there a child of this event?
SELECT EXISTS (SELECT 1 FROM conquer_error WHERE event_id = :event_id);

-- name: last_conquer_error
-- The newest child with the status Error of a touchpoint.
SELECT row FROM conquer_error_json WHERE touchpoint_id = :touchpoint AND +status = 'Error'
ORDER BY seq DESC LIMIT 1;

-- name: conquer_errors_of
-- The children of a touchpoint, newest first.
SELECT '[' || coalesce(group_concat(row), '') || ']' FROM (
    SELECT row FROM conquer_error_json WHERE touchpoint_id = :touchpoint
    ORDER BY seq DESC LIMIT :limit
);

-- name: look_touchpoints
-- The newest that the narrowest index names, `window` of them at most, and of these the ones that
-- match the rest: how many were looked at, the last of them, how many match, and the newest that do.
-- What is named most narrowly says which index is read, the other branches are empty; where it is
-- named alone, no row is looked at.
WITH near AS MATERIALIZED (
    SELECT seq FROM touchpoint INDEXED BY touchpoint_member
    WHERE :by = 'member' AND cadence_member_id = :member AND seq < :after AND deleted_at IS NULL
    UNION ALL
    SELECT seq FROM touchpoint INDEXED BY touchpoint_category
    WHERE :by = 'category' AND error_category = :category AND seq < :after AND deleted_at IS NULL
    UNION ALL
    SELECT seq FROM touchpoint INDEXED BY touchpoint_status
    WHERE :by = 'status' AND status = :status AND seq < :after AND deleted_at IS NULL
    UNION ALL
    SELECT seq FROM touchpoint INDEXED BY touchpoint_live
    WHERE :by = '' AND seq < :after AND deleted_at IS NULL
    ORDER BY seq DESC LIMIT :window
),
found AS MATERIALIZED (
    SELECT n.seq FROM near n WHERE :alone OR EXISTS (
        SELECT 1 FROM touchpoint t
        WHERE t.seq = n.seq AND (:status IS NULL OR t.status = :status)
            AND (:category IS NULL OR t.error_category = :category)
    )
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || coalesce((SELECT min(seq) FROM near), 'null')
    || ',"matched":' || (SELECT count(*) FROM found)
    || ',"touchpoints":[' || coalesce((
        SELECT group_concat(row) FROM (
            SELECT t.row FROM (SELECT seq FROM found ORDER BY seq DESC LIMIT :limit) f
            CROSS JOIN touchpoint_json t ON t.seq = f.seq ORDER BY f.seq DESC
        )
    ), '') || ']}';

-- name: look_touchpoints_by_words
-- As look_touchpoints, among those that have these words.
WITH near AS MATERIALIZED (
    SELECT rowid AS seq FROM touchpoint_search
    WHERE touchpoint_search MATCH :q AND rowid < :after ORDER BY rowid DESC LIMIT :window
),
found AS MATERIALIZED (
    SELECT n.seq FROM near n WHERE :alone OR EXISTS (
        SELECT 1 FROM touchpoint t
        WHERE t.seq = n.seq AND (:status IS NULL OR t.status = :status)
            AND (:category IS NULL OR t.error_category = :category)
            AND (:member IS NULL OR t.cadence_member_id = :member)
    )
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || coalesce((SELECT min(seq) FROM near), 'null')
    || ',"matched":' || (SELECT count(*) FROM found)
    || ',"touchpoints":[' || coalesce((
        SELECT group_concat(row) FROM (
            SELECT t.row FROM (SELECT seq FROM found ORDER BY seq DESC LIMIT :limit) f
            CROSS JOIN touchpoint_json t ON t.seq = f.seq ORDER BY f.seq DESC
        )
    ), '') || ']}';

-- name: count_statuses
-- How many touchpoints are in each status, each counted up to `most`, as a JSON object: of the
-- statuses that are given, and of up to `statuses` that there are, found by one step in the index
-- each.
WITH RECURSIVE there (status) AS (
    SELECT min(status) FROM touchpoint INDEXED BY touchpoint_status WHERE deleted_at IS NULL
    UNION ALL
    SELECT (
        SELECT min(t.status) FROM touchpoint t INDEXED BY touchpoint_status
        WHERE t.status > there.status AND t.deleted_at IS NULL
    )
    FROM there WHERE there.status IS NOT NULL
    LIMIT :statuses
)
SELECT json_group_object(status, (
    SELECT count(*) FROM (
        SELECT 1 FROM touchpoint t INDEXED BY touchpoint_status
        WHERE t.status = s.status AND t.deleted_at IS NULL LIMIT :most
    )
))
FROM (
    SELECT value AS status FROM json_each(:known)
    UNION
    SELECT status FROM there WHERE status IS NOT NULL
) s;

-- name: conquer_errors_of_each
-- The children of each of these touchpoints, newest first, as a list of lists in the order given.
SELECT '[' || coalesce(group_concat(children), '') || ']' FROM (
    SELECT '[' || coalesce((
        SELECT group_concat(row) FROM (
            SELECT row FROM conquer_error_json WHERE touchpoint_id = g.value
            ORDER BY seq DESC LIMIT :limit
        )
    ), '') || ']' AS children
    FROM json_each(:ids) g ORDER BY g.key
);

-- name: page_conquer_errors
-- The newest conquer errors.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object('seq', seq, 'error', json(row)) AS item FROM conquer_error_json
    WHERE seq < :after
    ORDER BY seq DESC LIMIT :limit
);

-- name: page_conquer_errors_by_status
-- The newest conquer errors of a status.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object('seq', seq, 'error', json(row)) AS item FROM conquer_error_json
    WHERE status = :status AND seq < :after
    ORDER BY seq DESC LIMIT :limit
);

-- name: page_conquer_errors_by_touchpoint
-- The newest conquer errors of a touchpoint, and of a status where one is named.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object('seq', seq, 'error', json(row)) AS item FROM conquer_error_json
    WHERE touchpoint_id = :touchpoint AND seq < :after
        AND (:status IS NULL OR status = :status)
    ORDER BY seq DESC LIMIT :limit
);

-- name: unfinished_touchpoints
-- Touchpoints for which something is still to be done, as a JSON list of ids.
SELECT json_group_array(id) FROM (
    SELECT id FROM touchpoint INDEXED BY touchpoint_unfinished
    WHERE unfinished IS NOT NULL ORDER BY seq LIMIT :limit
);

-- name: touchpoints_after
-- Touchpoints in the order of their making, for the agreement check.
SELECT '[' || coalesce(group_concat(row), '') || ']' FROM (
    SELECT row FROM touchpoint_json WHERE seq > :after ORDER BY seq LIMIT :limit
);
