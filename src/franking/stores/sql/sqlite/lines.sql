-- A mail is looked for in the index of each thing that is named, not in its row: mails of one
-- account lie far apart in the table, and close together in an index. What is near is read in its
-- order, not sorted again, so that a look ends with its last line.

-- name: lines
-- The newest mails among the :most before :after that the index :by names; what else is named is
-- looked for only among these. An object: how many there were, the last one's seq, and the lines.
WITH near AS MATERIALIZED (
    SELECT seq FROM (
        SELECT seq FROM mail INDEXED BY mail_touchpoint
        WHERE :by = 'touchpoint' AND touchpoint_id = :touchpoint AND seq < :after
        ORDER BY seq DESC LIMIT :most)
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail INDEXED BY mail_category
        WHERE :by = 'category' AND category = :category AND seq < :after
        ORDER BY seq DESC LIMIT :most)
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail INDEXED BY mail_account
        WHERE :by = 'account' AND account = :account AND seq < :after
        ORDER BY seq DESC LIMIT :most)
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail INDEXED BY mail_state
        WHERE :by = 'state' AND state = :state AND seq < :after
        ORDER BY seq DESC LIMIT :most)
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM mail WHERE :by = '' AND seq < :after ORDER BY seq DESC LIMIT :most)
), found AS MATERIALIZED (
    SELECT m.seq FROM near n CROSS JOIN mail m ON m.seq = n.seq
    WHERE m.remainder_of IS NULL
        AND (:touchpoint IS NULL OR :by = 'touchpoint' OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_touchpoint
            WHERE x.touchpoint_id = :touchpoint AND x.seq = n.seq))
        AND (:category IS NULL OR :by = 'category' OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_category
            WHERE x.category = :category AND x.seq = n.seq))
        AND (:account IS NULL OR :by = 'account' OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_account
            WHERE x.account = :account AND x.seq = n.seq))
        AND (:state IS NULL OR :by = 'state' OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_state
            WHERE x.state = :state AND x.seq = n.seq))
    LIMIT :limit
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || (SELECT coalesce(min(seq), 0) FROM near)
    || ',"lines":[' || coalesce(group_concat(item), '') || ']}'
FROM (
    SELECT '{"mail":' || m.row || ',"recipient":' || json_quote(m.recipient)
        || ',"subject":' || json_quote(m.subject) || '}' AS item
    FROM found f CROSS JOIN mail_json m ON m.seq = f.seq
);

-- name: lines_by_words
-- As lines, among those whose recipients and subject have these words.
WITH near AS MATERIALIZED (
    SELECT rowid AS seq FROM search WHERE search MATCH :q AND rowid < :after
    ORDER BY rowid DESC LIMIT :most
), found AS MATERIALIZED (
    SELECT m.seq FROM near n CROSS JOIN mail m ON m.seq = n.seq
    WHERE m.remainder_of IS NULL
        AND (:touchpoint IS NULL OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_touchpoint
            WHERE x.touchpoint_id = :touchpoint AND x.seq = n.seq))
        AND (:category IS NULL OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_category
            WHERE x.category = :category AND x.seq = n.seq))
        AND (:account IS NULL OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_account
            WHERE x.account = :account AND x.seq = n.seq))
        AND (:state IS NULL OR EXISTS (
            SELECT 1 FROM mail x INDEXED BY mail_state
            WHERE x.state = :state AND x.seq = n.seq))
    LIMIT :limit
)
SELECT '{"looked":' || (SELECT count(*) FROM near)
    || ',"last":' || (SELECT coalesce(min(seq), 0) FROM near)
    || ',"lines":[' || coalesce(group_concat(item), '') || ']}'
FROM (
    SELECT '{"mail":' || m.row || ',"recipient":' || json_quote(m.recipient)
        || ',"subject":' || json_quote(m.subject) || '}' AS item
    FROM found f CROSS JOIN mail_json m ON m.seq = f.seq
);

-- name: tallied
-- What happened from :since on, in slots of :width, the earliest first.
SELECT json_group_array(json_object('slot', slot, 'what', what, 'category', category, 'count', n))
FROM (
    SELECT :since + (slot - :since) / :width * :width AS slot, what, category, sum(n) AS n
    FROM tally WHERE step = :step AND slot >= :since
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
);

-- name: stock
-- How many mails wait, are being sent, stand in ERROR and are in doubt, each counted to a limit,
-- and how many accounts are held.
SELECT json_object(
    'waiting', (SELECT count(*) FROM (
        SELECT 1 FROM mail INDEXED BY mail_state WHERE state IN ('PENDING', 'RETRY') LIMIT :most
    )),
    'sending', (SELECT count(*) FROM (
        SELECT 1 FROM mail INDEXED BY mail_state WHERE state = 'PROCESSING' LIMIT :most
    )),
    'failed', (SELECT count(*) FROM (
        SELECT 1 FROM mail INDEXED BY mail_state WHERE state = 'ERROR' LIMIT :most
    )),
    'in_doubt', (SELECT count(*) FROM (
        SELECT 1 FROM mail INDEXED BY mail_doubt
        WHERE state = 'ERROR' AND category = 'outcome_unknown' LIMIT :most
    )),
    'paused', (SELECT count(*) FROM (
        SELECT 1 FROM account INDEXED BY account_paused
        WHERE paused_until > :now AND state = 'ok' LIMIT :most
    )),
    'disconnected', (SELECT count(*) FROM (
        SELECT 1 FROM account INDEXED BY account_disconnected
        WHERE state = 'disconnected' AND id > '' LIMIT :most
    ))
);

-- name: oldest_waiting
-- The mail that has been due for longest, of the accounts whose next mail is due first and of
-- those whose leases ran out too often, as a line.
WITH next AS MATERIALIZED (
    SELECT id FROM account WHERE next_at IS NOT NULL ORDER BY next_at LIMIT :most
), first (seq) AS (
    SELECT (
        SELECT m.seq FROM mail m INDEXED BY mail_claim
        WHERE m.account = a.id AND m.priority = p.value
            AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3
        ORDER BY m.due_at LIMIT 1
    )
    FROM next a JOIN json_each('[2, 1, 0, -1, -2]') p
    UNION ALL
    SELECT (
        SELECT seq FROM mail INDEXED BY mail_suspect
        WHERE state IN ('PENDING', 'RETRY') AND releases >= 3 AND due_at > 0
        ORDER BY due_at LIMIT 1
    )
)
SELECT '{"mail":' || m.row || ',"recipient":' || json_quote(m.recipient)
    || ',"subject":' || json_quote(m.subject) || '}'
FROM mail_json m WHERE m.seq = (
    SELECT w.seq FROM first f CROSS JOIN mail w ON w.seq = f.seq ORDER BY w.due_at, w.seq LIMIT 1
);

-- name: held_accounts
-- Accounts that send nothing now, the disconnected ones first, then those whose pause ends first.
SELECT json_group_array(json_object(
    'id', id, 'state', state, 'reason', reason, 'since', since, 'paused_until', paused_until,
    'pauses', pauses
)) FROM (
    SELECT * FROM (
        SELECT * FROM account INDEXED BY account_disconnected
        WHERE state = 'disconnected' AND id > '' ORDER BY id LIMIT :limit)
    UNION ALL
    SELECT * FROM (
        SELECT * FROM account INDEXED BY account_paused
        WHERE paused_until > :now AND state = 'ok' ORDER BY paused_until LIMIT :limit)
    LIMIT :limit
);

-- name: forget_tally!
-- Counts by a step that are too old to be kept, in small batches.
DELETE FROM tally WHERE step = :step AND (slot, what, category) IN (
    SELECT t.slot, t.what, t.category FROM tally t
    WHERE t.step = :step AND t.slot < :before ORDER BY t.slot LIMIT :limit
);
