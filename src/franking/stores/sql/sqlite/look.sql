-- name: next_due
-- When the next waiting mail is due, of accounts that are not paused beyond it.
SELECT min(due_at) FROM (
    SELECT min(max(next_at, coalesce(paused_until, 0), coalesce(probe_until, 0))) AS due_at
    FROM account WHERE next_at IS NOT NULL AND state = 'ok'
    UNION ALL
    SELECT min(max(m.due_at, coalesce(a.paused_until, 0)))
    FROM mail m INDEXED BY mail_suspect LEFT JOIN account a ON a.id = m.account
    WHERE m.state IN ('PENDING', 'RETRY') AND m.releases >= 3
);

-- name: suspect
-- Is there a due mail whose leases ran out too often?
SELECT EXISTS (
    SELECT 1 FROM mail INDEXED BY mail_suspect
    WHERE state IN ('PENDING', 'RETRY') AND releases >= 3
        AND due_at <= :now AND (give_up_at IS NULL OR give_up_at > :now)
        AND NOT EXISTS (
            SELECT 1 FROM account a WHERE a.id = mail.account AND a.paused_until > :now
        )
);

-- name: page_all
-- The newest mails, remainders left out.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.seq < :after AND m.remainder_of IS NULL
    ORDER BY m.seq DESC LIMIT :limit
);

-- name: page_by_state
-- The newest mails in a state, and of an account where one is named.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.state = :state AND m.seq < :after AND m.remainder_of IS NULL
        AND (:account IS NULL OR m.account = :account)
    ORDER BY m.seq DESC LIMIT :limit
);

-- name: page_by_category
-- The newest mails with a category of error, and of a state and account where named.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.category = :category AND m.seq < :after AND m.remainder_of IS NULL
        AND (:state IS NULL OR m.state = :state)
        AND (:account IS NULL OR m.account = :account)
    ORDER BY m.seq DESC LIMIT :limit
);

-- name: page_by_account
-- The newest mails of an account.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.account = :account AND m.seq < :after AND m.remainder_of IS NULL
    ORDER BY m.seq DESC LIMIT :limit
);

-- name: page_by_touchpoint
-- The newest mails of a touchpoint, and whatever else is named.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.touchpoint_id = :touchpoint AND m.seq < :after AND m.remainder_of IS NULL
        AND (:state IS NULL OR m.state = :state)
        AND (:category IS NULL OR m.category = :category)
        AND (:account IS NULL OR m.account = :account)
    ORDER BY m.seq DESC LIMIT :limit
);

-- name: page_by_words
-- The newest mails whose recipients and subject match, and whatever else is named.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM search s JOIN mail_json m ON m.seq = s.rowid JOIN document d ON d.seq = m.seq
    WHERE search MATCH :q AND s.rowid < :after AND m.remainder_of IS NULL
        AND (:state IS NULL OR m.state = :state)
        AND (:category IS NULL OR m.category = :category)
        AND (:account IS NULL OR m.account = :account)
        AND (:touchpoint IS NULL OR m.touchpoint_id = :touchpoint)
    ORDER BY s.rowid DESC LIMIT :limit
);

-- name: matching
-- Mails after a seq that match what is named, oldest first, as a list of [seq, id]; what is named
-- most narrowly says which index is read, the other branches are empty.
SELECT json_group_array(json_array(seq, id)) FROM (
    SELECT m.seq, m.id FROM mail m INDEXED BY mail_touchpoint
    WHERE :by = 'touchpoint' AND m.touchpoint_id = :touchpoint AND m.seq > :after
        AND (:category IS NULL OR m.category = :category) AND m.remainder_of IS NULL
        AND (:state IS NULL OR m.state = :state) AND (:account IS NULL OR m.account = :account)
    UNION ALL
    SELECT m.seq, m.id FROM mail m INDEXED BY mail_category
    WHERE :by = 'category' AND m.category = :category AND m.seq > :after
        AND m.remainder_of IS NULL
        AND (:state IS NULL OR m.state = :state) AND (:account IS NULL OR m.account = :account)
    UNION ALL
    SELECT m.seq, m.id FROM mail m INDEXED BY mail_account
    WHERE :by = 'account' AND m.account = :account AND m.seq > :after
        AND m.remainder_of IS NULL AND (:state IS NULL OR m.state = :state)
    UNION ALL
    SELECT m.seq, m.id FROM mail m INDEXED BY mail_state
    WHERE :by = 'state' AND m.state = :state AND m.seq > :after AND m.remainder_of IS NULL
    ORDER BY seq LIMIT :limit
);

-- name: matching_words
-- As matching, where recipients and subject have these words.
SELECT json_group_array(json_array(seq, id)) FROM (
    SELECT m.seq, m.id FROM search s JOIN mail m ON m.seq = s.rowid
    WHERE search MATCH :q AND s.rowid > :after AND m.remainder_of IS NULL
        AND (:state IS NULL OR m.state = :state)
        AND (:category IS NULL OR m.category = :category)
        AND (:account IS NULL OR m.account = :account)
        AND (:touchpoint IS NULL OR m.touchpoint_id = :touchpoint)
    ORDER BY s.rowid LIMIT :limit
);

-- name: timeline
-- Every attempt at a mail and its remainders, oldest first.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'mail', mail, 'epoch', epoch, 'number', number, 'revision', revision, 'event', event,
        'stage', stage, 'outcome', outcome, 'started_at', started_at, 'ended_at', ended_at,
        'error', error, 'category', category, 'code', code, 'text', text,
        'response', response, 'worker', worker, 'steps', json(steps), 'late', json(late),
        'message_id', message_id
    ) AS item
    FROM attempt
    WHERE mail = :id OR mail IN (SELECT id FROM mail WHERE remainder_of = :id)
    ORDER BY epoch LIMIT :limit
);

-- name: events_after
-- Events in the order of their commits.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'seq', seq, 'id', id, 'kind', kind, 'mail', mail, 'occurred_at', occurred_at,
        'touchpoint_id', touchpoint_id, 'sequence', sequence, 'body', json(body)
    ) AS item
    FROM event WHERE seq > :after AND seq <= :upto ORDER BY seq LIMIT :limit
);

-- name: last_event
-- The number of the newest event.
SELECT coalesce(max(seq), 0) FROM event;

-- name: count_states
-- How many mails are in each state, as a JSON object.
SELECT json_group_object(state, n) FROM (SELECT state, count(*) AS n FROM mail GROUP BY state);

-- name: stuck
-- Mails without an owner, a deadline or a next step; the proof is that there are none.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object('id', id, 'state', state, 'why', 'its lease has no end') AS item
    FROM mail INDEXED BY mail_lease
    WHERE state = 'PROCESSING' AND lease_expires_at IS NULL
    UNION ALL
    SELECT json_object('id', id, 'state', state, 'why', 'its lease ran out and nobody swept it')
    FROM mail INDEXED BY mail_lease
    WHERE state = 'PROCESSING' AND lease_expires_at < :before
    UNION ALL
    SELECT json_object('id', id, 'state', state, 'why', 'it waits longer than it may')
    FROM mail INDEXED BY mail_give_up
    WHERE state IN ('PENDING', 'RETRY') AND give_up_at IS NOT NULL
        AND give_up_at < :before
    UNION ALL
    SELECT json_object('id', id, 'state', state, 'why', 'its account is not due to be served')
    FROM (
        SELECT m.id, m.state FROM mail m LEFT JOIN account a ON a.id = m.account
        WHERE m.state IN ('PENDING', 'RETRY') AND m.releases < 3
            AND (a.next_at IS NULL OR a.next_at > max(m.due_at, :before) + 100000000)
        LIMIT :limit
    )
    UNION ALL
    SELECT json_object('id', m.id, 'state', m.state, 'why', 'its mail is gone')
    FROM mail m LEFT JOIN mail p ON p.id = m.remainder_of
    WHERE m.remainder_of IS NOT NULL AND p.seq IS NULL
    UNION ALL
    SELECT json_object('id', m.id, 'state', m.state, 'why', 'in doubt without a reason')
    FROM mail m WHERE m.category = 'outcome_unknown' AND m.state = 'ERROR' AND m.epoch > 0
        AND NOT EXISTS (
            SELECT 1 FROM attempt a WHERE a.mail = m.id AND a.outcome = 'unknown'
                AND a.stage IN ('transmitting', 'answered')
        )
    LIMIT :limit
);
