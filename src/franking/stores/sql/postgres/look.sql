-- name: next_due
-- When the next waiting mail is due, of accounts that are not paused beyond it.
SELECT min(due_at) FROM (
    SELECT min(greatest(next_at, paused_until, probe_until)) AS due_at
    FROM account WHERE next_at IS NOT NULL AND state = 'ok'
    UNION ALL
    SELECT min(greatest(w.due_at, a.paused_until, a.probe_until))
    FROM account_wake w JOIN account a ON a.id = w.account WHERE a.state = 'ok'
    UNION ALL
    SELECT min(greatest(m.due_at, a.paused_until))
    FROM mail m LEFT JOIN account a ON a.id = m.account
    WHERE m.state IN ('PENDING', 'RETRY') AND m.releases >= 3
) next;

-- name: suspect
-- Is there a due mail whose leases ran out too often?
SELECT EXISTS (
    SELECT 1 FROM mail
    WHERE state IN ('PENDING', 'RETRY') AND releases >= 3
        AND due_at <= :now AND (give_up_at IS NULL OR give_up_at > :now)
        AND NOT EXISTS (
            SELECT 1 FROM account a WHERE a.id = mail.account AND a.paused_until > :now
        )
);

-- name: page_all
-- The newest mails, remainders left out.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.seq < :after AND m.remainder_of IS NULL
    ORDER BY m.seq DESC LIMIT :limit
) page;

-- name: page_by_state
-- The newest mails in a state, and of an account where one is named.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.state = :state AND m.seq < :after AND m.remainder_of IS NULL
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
    ORDER BY m.seq DESC LIMIT :limit
) page;

-- name: page_by_category
-- The newest mails with a category of error, and of a state and account where named.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.category = :category AND m.seq < :after AND m.remainder_of IS NULL
        AND (CAST(:state AS text) IS NULL OR m.state = :state)
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
    ORDER BY m.seq DESC LIMIT :limit
) page;

-- name: page_by_account
-- The newest mails of an account.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.account = :account AND m.seq < :after AND m.remainder_of IS NULL
    ORDER BY m.seq DESC LIMIT :limit
) page;

-- name: page_by_touchpoint
-- The newest mails of a touchpoint, and whatever else is named.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE m.touchpoint_id = :touchpoint AND m.seq < :after AND m.remainder_of IS NULL
        AND (CAST(:state AS text) IS NULL OR m.state = :state)
        AND (CAST(:category AS text) IS NULL OR m.category = :category)
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
    ORDER BY m.seq DESC LIMIT :limit
) page;

-- name: page_by_words
-- The newest mails whose recipients and subject match, and whatever else is named.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, '{"mail":' || m.row || ',"document":' || d.body || '}' AS item
    FROM mail_json m JOIN document d ON d.seq = m.seq
    WHERE d.search IS NOT NULL AND d.search @@ sought(:q)
        AND m.seq < :after AND m.remainder_of IS NULL
        AND (CAST(:state AS text) IS NULL OR m.state = :state)
        AND (CAST(:category AS text) IS NULL OR m.category = :category)
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
        AND (CAST(:touchpoint AS text) IS NULL OR m.touchpoint_id = :touchpoint)
    ORDER BY m.seq DESC LIMIT :limit
) page;

-- name: matching
-- Mails after a seq that match what is named, oldest first, as a list of [seq, id]; what is named
-- most narrowly says which index is read, the other branches are empty.
SELECT coalesce(json_agg(json_build_array(seq, id) ORDER BY seq), '[]')::text FROM (
    SELECT seq, id FROM (
        SELECT m.seq, m.id FROM mail m
        WHERE :by = 'touchpoint' AND m.touchpoint_id = :touchpoint
            AND m.seq > :after AND m.remainder_of IS NULL
            AND (CAST(:category AS text) IS NULL OR m.category = :category)
            AND (CAST(:state AS text) IS NULL OR m.state = :state)
            AND (CAST(:account AS text) IS NULL OR m.account = :account)
        ORDER BY m.seq LIMIT :limit) touchpoint
    UNION ALL
    SELECT seq, id FROM (
        SELECT m.seq, m.id FROM mail m
        WHERE :by = 'category' AND m.category = :category
            AND m.seq > :after AND m.remainder_of IS NULL
            AND (CAST(:state AS text) IS NULL OR m.state = :state)
            AND (CAST(:account AS text) IS NULL OR m.account = :account)
        ORDER BY m.seq LIMIT :limit) category
    UNION ALL
    SELECT seq, id FROM (
        SELECT m.seq, m.id FROM mail m
        WHERE :by = 'account' AND m.account = :account
            AND m.seq > :after AND m.remainder_of IS NULL
            AND (CAST(:state AS text) IS NULL OR m.state = :state)
        ORDER BY m.seq LIMIT :limit) account
    UNION ALL
    SELECT seq, id FROM (
        SELECT m.seq, m.id FROM mail m
        WHERE :by = 'state' AND m.state = :state
            AND m.seq > :after AND m.remainder_of IS NULL
        ORDER BY m.seq LIMIT :limit) state
    LIMIT :limit
) matching;

-- name: matching_words
-- As matching, where recipients and subject have these words.
SELECT coalesce(json_agg(json_build_array(seq, id) ORDER BY seq), '[]')::text FROM (
    SELECT m.seq, m.id FROM document d JOIN mail m ON m.seq = d.seq
    WHERE d.search IS NOT NULL AND d.search @@ sought(:q) AND d.seq > :after
        AND m.remainder_of IS NULL
        AND (CAST(:state AS text) IS NULL OR m.state = :state)
        AND (CAST(:category AS text) IS NULL OR m.category = :category)
        AND (CAST(:account AS text) IS NULL OR m.account = :account)
        AND (CAST(:touchpoint AS text) IS NULL OR m.touchpoint_id = :touchpoint)
    ORDER BY m.seq LIMIT :limit
) matching;

-- name: timeline
-- Every attempt at a mail and its remainders, oldest first.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY epoch), '') || ']' FROM (
    SELECT epoch, json_build_object(
        'mail', mail, 'epoch', epoch, 'number', number, 'revision', revision, 'event', event,
        'stage', stage, 'outcome', outcome, 'started_at', started_at, 'ended_at', ended_at,
        'error', error, 'category', category, 'code', code, 'text', text,
        'response', response, 'worker', worker, 'steps', steps::json, 'late', late::json,
        'message_id', message_id
    )::text AS item
    FROM attempt
    WHERE mail = ANY (ARRAY(
        SELECT CAST(:id AS text) COLLATE "C"
        UNION ALL
        SELECT id FROM mail WHERE remainder_of = :id
    ))
    ORDER BY epoch LIMIT :limit
) attempts;

-- name: events_after
-- Events in the order of their numbers, up to one before which none is yet to be committed.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq), '') || ']' FROM (
    SELECT seq, json_build_object(
        'seq', seq, 'id', id, 'kind', kind, 'mail', mail, 'occurred_at', occurred_at,
        'touchpoint_id', touchpoint_id, 'sequence', sequence, 'body', body::json
    )::text AS item
    FROM event WHERE seq > :after AND seq <= :upto ORDER BY seq LIMIT :limit
) events;

-- name: last_event
-- The number of the newest event before which none is yet to be committed: none is larger than
-- those that are there, nor than what anybody has locked before drawing (event_is_drawn). The locks
-- are looked at after the events: who has none by then has committed, and the next statement sees
-- it.
SELECT coalesce(least((SELECT max(seq) FROM event), (
    SELECT min((classid::bigint << 32 | objid::bigint) - 2305843009213693952) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid::bigint >= 536870912 AND classid::bigint < 536875008
)), 0);

-- name: count_states
-- How many mails are in each state, as a JSON object.
SELECT coalesce(json_object_agg(state, n), '{}')::text
FROM (SELECT state, count(*) AS n FROM mail GROUP BY state) states;

-- name: stuck
-- Mails without an owner, a deadline or a next step; the proof is that there are none.
SELECT '[' || coalesce(string_agg(item, ','), '') || ']' FROM (
    SELECT json_build_object('id', id, 'state', state, 'why', why)::text AS item FROM (
        SELECT id, state, 'its lease has no end' AS why
        FROM mail WHERE state = 'PROCESSING' AND lease_expires_at IS NULL
        UNION ALL
        SELECT id, state, 'its lease ran out and nobody swept it'
        FROM mail WHERE state = 'PROCESSING' AND lease_expires_at < :before
        UNION ALL
        SELECT id, state, 'it waits longer than it may'
        FROM mail
        WHERE state IN ('PENDING', 'RETRY') AND give_up_at IS NOT NULL AND give_up_at < :before
        UNION ALL
        SELECT id, state, 'its account is not due to be served' FROM (
            SELECT m.id, m.state FROM mail m LEFT JOIN account a ON a.id = m.account
            WHERE m.state IN ('PENDING', 'RETRY') AND m.releases < 3
                AND (a.next_at IS NULL OR a.next_at > greatest(m.due_at, :before) + 100000000)
                AND NOT EXISTS (
                    SELECT 1 FROM account_wake w
                    WHERE w.account = m.account AND w.due_at <= m.due_at
                )
            LIMIT :limit
        ) unserved
        UNION ALL
        SELECT m.id, m.state, 'its mail is gone'
        FROM mail m LEFT JOIN mail p ON p.id = m.remainder_of
        WHERE m.remainder_of IS NOT NULL AND p.seq IS NULL
        UNION ALL
        SELECT m.id, m.state, 'in doubt without a reason'
        FROM mail m WHERE m.category = 'outcome_unknown' AND m.state = 'ERROR' AND m.epoch > 0
            AND NOT EXISTS (
                SELECT 1 FROM attempt a WHERE a.mail = m.id AND a.outcome = 'unknown'
                    AND a.stage IN ('transmitting', 'answered')
            )
    ) found
    LIMIT :limit
) stuck;
