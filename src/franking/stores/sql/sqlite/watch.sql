-- name: watched
-- What there is now, as an object: each count ends at a limit, each time is the head of an index.
SELECT json_object(
    'states', (SELECT json_group_object(s.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM mail INDEXED BY mail_state WHERE state = s.value LIMIT :most
        )
    )) FROM json_each(:states) s),
    'ended', (SELECT json_group_object(s.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM mail INDEXED BY mail_state WHERE state = s.value LIMIT :few
        )
    )) FROM json_each(:ended) s),
    'categories', (SELECT json_group_object(c.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM mail INDEXED BY mail_category WHERE category = c.value LIMIT :few
        )
    )) FROM json_each(:categories) c),
    'timers', (SELECT json_group_object(s.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM timer INDEXED BY timer_state WHERE state = s.value LIMIT :few
        )
    )) FROM json_each(:timer_states) s),
    'paused', (SELECT count(*) FROM (
        SELECT 1 FROM account INDEXED BY account_paused
        WHERE paused_until > :now AND state = 'ok' LIMIT :most
    )),
    'disconnected', (SELECT count(*) FROM (
        SELECT 1 FROM account INDEXED BY account_disconnected
        WHERE state = 'disconnected' AND id > '' LIMIT :most
    )),
    'free_since', (SELECT min(next_at) FROM (
        SELECT next_at, state, paused_until, probe_until FROM account INDEXED BY account_next
        WHERE next_at IS NOT NULL AND next_at <= :now ORDER BY next_at LIMIT :accounts
    ) WHERE state = 'ok' AND (paused_until IS NULL OR paused_until <= :now)
        AND (probe_until IS NULL OR probe_until <= :now)),
    'timer_since', (SELECT min(next_at) FROM timer_lane)
);
