-- name: insert_touchpoint!
-- A new touchpoint, from JSON, with what is still to be done for it.
INSERT INTO touchpoint (
    id, kind, status, status_updated_at, created_at, cadence_member_id, email_message_id, due_at,
    mail_id, timer_id, recipient, subject, words, unfinished
)
SELECT
    t.id, t.kind, t.status, t.status_updated_at, t.created_at, t.cadence_member_id,
    t.email_message_id, t.due_at, t.mail_id, t.timer_id, t.recipient, t.subject,
    :words, CAST(:unfinished AS text)
FROM jsonb_to_record(given(:t)) AS t (
    id text, kind text, status text, status_updated_at bigint, created_at bigint,
    cadence_member_id text, email_message_id text, due_at bigint, mail_id text, timer_id text,
    recipient text, subject text
);

-- name: lock_touchpoint
-- Nobody else writes this touchpoint until the transaction ends.
SELECT 1 FROM touchpoint WHERE id = :id FOR UPDATE;

-- name: read_touchpoint
-- One touchpoint, with its version and what is unfinished.
SELECT row, version, unfinished FROM touchpoint_json WHERE id = :id;

-- name: update_touchpoint!
-- All of a touchpoint in one write, fenced by the version that was read.
UPDATE touchpoint SET
    status = t.status, status_updated_at = t.status_updated_at, due_at = t.due_at,
    next_attempt_at = t.next_attempt_at, error_message = t.error_message,
    error_message_truncated = t.error_message_truncated, error_code = t.error_code,
    error_category = t.error_category, manual_retry_count = t.manual_retry_count,
    last_event_id = t.last_event_id, last_sequence = t.last_sequence, mail_id = t.mail_id,
    timer_id = t.timer_id, completions = t.completions, asked_at = t.asked_at,
    deleted_at = t.deleted_at, recipient = t.recipient, subject = t.subject,
    words = :words, unfinished = CAST(:unfinished AS text), version = touchpoint.version + 1
FROM jsonb_to_record(given(:t)) AS t (
    id text, status text, status_updated_at bigint, due_at bigint, next_attempt_at bigint,
    error_message text, error_message_truncated text, error_code text, error_category text,
    manual_retry_count bigint, last_event_id text, last_sequence bigint, mail_id text,
    timer_id text, completions bigint, asked_at bigint, deleted_at bigint, recipient text,
    subject text
)
WHERE touchpoint.id = t.id AND touchpoint.version = :version;

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
    r.id, r.event_id, r.touchpoint_id, r.status, r.occurred_at, r.error_message,
    r.error_message_truncated, r.error_code, r.cadence_member_id, r.email_message_id
FROM ROWS FROM (jsonb_to_recordset(given(:rows)) AS (
    id text, event_id text, touchpoint_id text, status text, occurred_at bigint,
    error_message text, error_message_truncated text, error_code text, cadence_member_id text,
    email_message_id text
)) WITH ORDINALITY AS r (
    id, event_id, touchpoint_id, status, occurred_at, error_message, error_message_truncated,
    error_code, cadence_member_id, email_message_id, key
)
ORDER BY r.key
ON CONFLICT (event_id) DO NOTHING;

-- name: conquer_error_known
-- Is there a child of this event?
SELECT EXISTS (SELECT 1 FROM conquer_error WHERE event_id = :event_id);

-- name: last_conquer_error
-- The newest child with the status Error of a touchpoint.
SELECT row FROM conquer_error_json WHERE touchpoint_id = :touchpoint AND status = 'Error'
ORDER BY seq DESC LIMIT 1;

-- name: conquer_errors_of
-- The children of a touchpoint, newest first.
SELECT '[' || coalesce(string_agg(row, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT seq, row FROM conquer_error_json WHERE touchpoint_id = :touchpoint
    ORDER BY seq DESC LIMIT :limit
) children;

-- name: look_touchpoints
-- The newest that the narrowest index names, `window` of them at most, and of these the ones that
-- match the rest: how many were looked at, the last of them, how many match, and the newest that do.
-- What is named most narrowly says which index is read, the other branches are empty; where it is
-- named alone, no row is looked at. What matches is asked of each row apart (LATERAL, LIMIT 1), or
-- the planner might read the whole table for it.
WITH near AS MATERIALIZED (
    SELECT seq FROM (
        SELECT seq FROM touchpoint
        WHERE :by = 'member' AND cadence_member_id = :member AND seq < :after
            AND deleted_at IS NULL
        ORDER BY seq DESC LIMIT :window) member
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM touchpoint
        WHERE :by = 'category' AND error_category = :category AND seq < :after
            AND deleted_at IS NULL
        ORDER BY seq DESC LIMIT :window) category
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM touchpoint
        WHERE :by = 'status' AND status = :status AND seq < :after AND deleted_at IS NULL
        ORDER BY seq DESC LIMIT :window) status
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM touchpoint WHERE :by = '' AND seq < :after AND deleted_at IS NULL
        ORDER BY seq DESC LIMIT :window) live
), found AS MATERIALIZED (
    SELECT seq FROM near WHERE :alone
    UNION ALL
    SELECT n.seq FROM near n CROSS JOIN LATERAL (
        SELECT 1 FROM touchpoint t
        WHERE t.seq = n.seq AND (CAST(:status AS text) IS NULL OR t.status = :status)
            AND (CAST(:category AS text) IS NULL OR t.error_category = :category)
        LIMIT 1
    ) matching WHERE NOT :alone
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || coalesce((SELECT min(seq) FROM near)::text, 'null')
    || ',"matched":' || (SELECT count(*) FROM found)
    || ',"touchpoints":[' || coalesce((
        SELECT string_agg(t.row, ',' ORDER BY f.seq DESC)
        FROM (SELECT seq FROM found ORDER BY seq DESC LIMIT :limit) f
        JOIN touchpoint_json t ON t.seq = f.seq
    ), '') || ']}';

-- name: look_touchpoints_by_words
-- As look_touchpoints, among those that have these words.
WITH near AS MATERIALIZED (
    SELECT seq FROM touchpoint_search WHERE search @@ sought(:q) AND seq < :after
    ORDER BY seq DESC LIMIT :window
), found AS MATERIALIZED (
    SELECT seq FROM near WHERE :alone
    UNION ALL
    SELECT n.seq FROM near n CROSS JOIN LATERAL (
        SELECT 1 FROM touchpoint t
        WHERE t.seq = n.seq AND (CAST(:status AS text) IS NULL OR t.status = :status)
            AND (CAST(:category AS text) IS NULL OR t.error_category = :category)
            AND (CAST(:member AS text) IS NULL OR t.cadence_member_id = :member)
        LIMIT 1
    ) matching WHERE NOT :alone
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || coalesce((SELECT min(seq) FROM near)::text, 'null')
    || ',"matched":' || (SELECT count(*) FROM found)
    || ',"touchpoints":[' || coalesce((
        SELECT string_agg(t.row, ',' ORDER BY f.seq DESC)
        FROM (SELECT seq FROM found ORDER BY seq DESC LIMIT :limit) f
        JOIN touchpoint_json t ON t.seq = f.seq
    ), '') || ']}';

-- name: count_statuses
-- How many touchpoints are in each status, each counted up to `most`, as a JSON object: of the
-- statuses that are given, and of up to `statuses` that there are, found by one step in the index
-- each.
WITH RECURSIVE there (status, place) AS (
    SELECT (
        SELECT status FROM touchpoint WHERE deleted_at IS NULL ORDER BY status LIMIT 1
    ), 1::bigint
    UNION ALL
    SELECT (
        SELECT t.status FROM touchpoint t
        WHERE t.status > there.status AND t.deleted_at IS NULL ORDER BY t.status LIMIT 1
    ), place + 1
    FROM there WHERE there.status IS NOT NULL AND place < :statuses
)
SELECT json_object_agg(s.status, (
    SELECT count(*) FROM (
        SELECT 1 FROM touchpoint t
        WHERE t.status = s.status AND t.deleted_at IS NULL ORDER BY t.seq LIMIT :most
    ) counted
))::text
FROM (
    SELECT value COLLATE "C" AS status FROM jsonb_array_elements_text(given(:known)) r (value)
    UNION
    SELECT status FROM there WHERE status IS NOT NULL
) s;

-- name: conquer_errors_of_each
-- The children of each of these touchpoints, newest first, as a list of lists in the order given.
SELECT '[' || coalesce(string_agg('[' || coalesce((
    SELECT string_agg(c.row, ',' ORDER BY c.seq DESC) FROM (
        SELECT seq, row FROM conquer_error_json WHERE touchpoint_id = g.id
        ORDER BY seq DESC LIMIT :limit
    ) c
), '') || ']', ',' ORDER BY g.key), '') || ']'
FROM jsonb_array_elements_text(given(:ids)) WITH ORDINALITY g (id, key);

-- name: page_conquer_errors
-- The newest conquer errors.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT seq, '{"seq":' || seq || ',"error":' || row || '}' AS item FROM conquer_error_json
    WHERE seq < :after
    ORDER BY seq DESC LIMIT :limit
) page;

-- name: page_conquer_errors_by_status
-- The newest conquer errors of a status.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT seq, '{"seq":' || seq || ',"error":' || row || '}' AS item FROM conquer_error_json
    WHERE status = :status AND seq < :after
    ORDER BY seq DESC LIMIT :limit
) page;

-- name: page_conquer_errors_by_touchpoint
-- The newest conquer errors of a touchpoint, and of a status where one is named.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT seq, '{"seq":' || seq || ',"error":' || row || '}' AS item FROM conquer_error_json
    WHERE touchpoint_id = :touchpoint AND seq < :after
        AND (CAST(:status AS text) IS NULL OR status = :status)
    ORDER BY seq DESC LIMIT :limit
) page;

-- name: unfinished_touchpoints
-- Touchpoints for which something is still to be done, as a JSON list of ids.
SELECT coalesce(json_agg(id ORDER BY seq), '[]')::text FROM (
    SELECT seq, id FROM touchpoint
    WHERE unfinished IS NOT NULL ORDER BY seq LIMIT :limit
) unfinished;

-- name: touchpoints_after
-- Touchpoints in the order of their making, for the agreement check.
SELECT '[' || coalesce(string_agg(row, ',' ORDER BY seq), '') || ']' FROM (
    SELECT seq, row FROM touchpoint_json WHERE seq > :after ORDER BY seq LIMIT :limit
) page;
