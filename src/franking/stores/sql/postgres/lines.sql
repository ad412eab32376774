-- A mail is looked for in the index of the thing that is named most narrowly; what else is named is
-- looked for only in the rows that are near, newest first, so that a look ends at its limit.

-- name: lines
-- The newest mails among the :most before :after that the index :by names; what else is named is
-- looked for only among these. An object: how many there were, the last one's seq, and the lines.
WITH near AS MATERIALIZED (
    SELECT seq FROM (
        SELECT seq FROM mail
        WHERE :by = 'touchpoint' AND touchpoint_id = :touchpoint AND seq < :after
        ORDER BY seq DESC LIMIT :most) touchpoint
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail
        WHERE :by = 'category' AND category = :category AND seq < :after
        ORDER BY seq DESC LIMIT :most) category
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail
        WHERE :by = 'account' AND account = :account AND seq < :after
        ORDER BY seq DESC LIMIT :most) account
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail
        WHERE :by = 'state' AND state = :state AND seq < :after
        ORDER BY seq DESC LIMIT :most) state
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail WHERE :by = '' AND seq < :after ORDER BY seq DESC LIMIT :most) every
), found AS MATERIALIZED (
    SELECT m.seq FROM near n JOIN mail m ON m.seq = n.seq
    WHERE m.remainder_of IS NULL
        AND (CAST(:touchpoint AS text) IS NULL OR m.touchpoint_id = :touchpoint)
        AND (CAST(:category AS text) IS NULL OR m.category = :category)
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
        AND (CAST(:state AS text) IS NULL OR m.state = :state)
    ORDER BY m.seq DESC LIMIT :limit
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || (SELECT coalesce(min(seq), 0) FROM near)
    || ',"lines":[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']}'
FROM (
    SELECT m.seq, '{"mail":' || m.row
        || ',"recipient":' || coalesce(to_json(m.recipient)::text, 'null')
        || ',"subject":' || coalesce(to_json(m.subject)::text, 'null') || '}' AS item
    FROM found f JOIN mail_json m ON m.seq = f.seq
) lines;

-- name: lines_by_words
-- As lines, among those whose recipients and subject have these words.
WITH near AS MATERIALIZED (
    SELECT seq FROM document WHERE search IS NOT NULL AND search @@ sought(:q) AND seq < :after
    ORDER BY seq DESC LIMIT :most
), found AS MATERIALIZED (
    SELECT m.seq FROM near n JOIN mail m ON m.seq = n.seq
    WHERE m.remainder_of IS NULL
        AND (CAST(:touchpoint AS text) IS NULL OR m.touchpoint_id = :touchpoint)
        AND (CAST(:category AS text) IS NULL OR m.category = :category)
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
        AND (CAST(:state AS text) IS NULL OR m.state = :state)
    ORDER BY m.seq DESC LIMIT :limit
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || (SELECT coalesce(min(seq), 0) FROM near)
    || ',"lines":[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']}'
FROM (
    SELECT m.seq, '{"mail":' || m.row
        || ',"recipient":' || coalesce(to_json(m.recipient)::text, 'null')
        || ',"subject":' || coalesce(to_json(m.subject)::text, 'null') || '}' AS item
    FROM found f JOIN mail_json m ON m.seq = f.seq
) lines;

-- name: tallied
-- What happened from :since on, in slots of :width, the earliest first.
SELECT coalesce(json_agg(json_build_object(
    'slot', slot, 'what', what, 'category', category, 'count', n
) ORDER BY slot, what, category), '[]')::text
FROM (
    SELECT :since + (slot - :since) / :width * :width AS slot, what, category, sum(n)::bigint AS n
    FROM tally WHERE step = :step AND slot >= :since
    GROUP BY 1, 2, 3
) slots;

-- name: stock
-- How many mails wait, are being sent, stand in ERROR and are in doubt, each counted to a limit,
-- and how many accounts are held.
SELECT json_build_object(
    'waiting', (SELECT count(*) FROM (
        SELECT 1 FROM mail WHERE state IN ('PENDING', 'RETRY') LIMIT :most
    ) m),
    'sending', (SELECT count(*) FROM (
        SELECT 1 FROM mail WHERE state = 'PROCESSING' LIMIT :most
    ) m),
    'failed', (SELECT count(*) FROM (
        SELECT 1 FROM mail WHERE state = 'ERROR' LIMIT :most
    ) m),
    'in_doubt', (SELECT count(*) FROM (
        SELECT 1 FROM mail WHERE state = 'ERROR' AND category = 'outcome_unknown' LIMIT :most
    ) m),
    'paused', (SELECT count(*) FROM (
        SELECT 1 FROM account WHERE paused_until > :now AND state = 'ok' LIMIT :most
    ) a),
    'disconnected', (SELECT count(*) FROM (
        SELECT 1 FROM account WHERE state = 'disconnected' AND id > '' LIMIT :most
    ) a)
)::text;

-- name: oldest_waiting
-- The mail that has been due for longest, of the accounts whose next mail is due first and of
-- those whose leases ran out too often, as a line.
WITH next AS MATERIALIZED (
    SELECT id FROM (
        SELECT id FROM account WHERE next_at IS NOT NULL ORDER BY next_at LIMIT :most
    ) a
    UNION
    SELECT account FROM (
        SELECT account FROM account_wake GROUP BY account ORDER BY min(due_at) LIMIT :most
    ) w
), first (seq) AS (
    SELECT (
        SELECT m.seq FROM mail m
        WHERE m.account = a.id AND m.priority = p.priority
            AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
        ORDER BY m.due_at LIMIT 1
    )
    FROM next a CROSS JOIN (VALUES (2), (1), (0), (-1), (-2)) p (priority)
    UNION ALL
    SELECT (
        SELECT seq FROM mail
        WHERE state IN ('PENDING', 'RETRY') AND releases >= 3 AND due_at > 0
        ORDER BY due_at LIMIT 1
    )
)
SELECT '{"mail":' || m.row
    || ',"recipient":' || coalesce(to_json(m.recipient)::text, 'null')
    || ',"subject":' || coalesce(to_json(m.subject)::text, 'null') || '}'
FROM mail_json m WHERE m.seq = (
    SELECT w.seq FROM first f JOIN mail w ON w.seq = f.seq ORDER BY w.due_at, w.seq LIMIT 1
);

-- name: held_accounts
-- Accounts that send nothing now, the disconnected ones first, then those whose pause ends first.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'id', id, 'state', state, 'reason', reason, 'since', since, 'paused_until', paused_until,
        'pauses', pauses
    ) AS item
    FROM account
    WHERE state = 'disconnected' OR (state = 'ok' AND paused_until > :now)
    ORDER BY state <> 'disconnected',
        CASE WHEN state = 'disconnected' THEN id END, paused_until LIMIT :limit
) held;

-- name: forget_tally!
-- Counts by a step that are too old to be kept, in small batches.
DELETE FROM tally WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM tally WHERE step = :step AND slot < :before ORDER BY slot LIMIT :limit
    FOR UPDATE SKIP LOCKED
));
