-- name: watched
-- What there is now, as an object: each count ends at a limit, each time is the head of an index.
-- What is counted is counted in the order of an index, or the planner might read the table instead.
SELECT json_build_object(
    'states', (SELECT json_object_agg(s.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM mail WHERE state = s.value ORDER BY seq LIMIT :most
        ) m
    )) FROM jsonb_array_elements_text(given(:states)) s (value)),
    'ended', (SELECT json_object_agg(s.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM mail WHERE state = s.value ORDER BY seq LIMIT :few
        ) m
    )) FROM jsonb_array_elements_text(given(:ended)) s (value)),
    'categories', (SELECT json_object_agg(c.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM mail WHERE category = c.value ORDER BY seq LIMIT :few
        ) m
    )) FROM jsonb_array_elements_text(given(:categories)) c (value)),
    'timers', (SELECT json_object_agg(s.value, (
        SELECT count(*) FROM (
            SELECT 1 FROM timer WHERE state = s.value ORDER BY seq LIMIT :few
        ) t
    )) FROM jsonb_array_elements_text(given(:timer_states)) s (value)),
    'paused', (SELECT count(*) FROM (
        SELECT 1 FROM account
        WHERE paused_until > :now AND state = 'ok' ORDER BY paused_until LIMIT :most
    ) a),
    'disconnected', (SELECT count(*) FROM (
        SELECT 1 FROM account WHERE state = 'disconnected' ORDER BY id LIMIT :most
    ) a),
    'free_since', (SELECT min(n.next_at) FROM (
        SELECT next_at, state, paused_until, probe_until FROM (
            SELECT next_at, state, paused_until, probe_until FROM account
            WHERE next_at IS NOT NULL AND next_at <= :now ORDER BY next_at LIMIT :accounts
        ) known
        UNION ALL
        SELECT w.due_at, a.state, a.paused_until, a.probe_until
        FROM (
            SELECT account, min(due_at) AS due_at FROM account_wake
            WHERE due_at <= :now GROUP BY account ORDER BY 2 LIMIT :accounts
        ) w JOIN account a ON a.id = w.account
    ) n WHERE n.state = 'ok' AND (n.paused_until IS NULL OR n.paused_until <= :now)
        AND (n.probe_until IS NULL OR n.probe_until <= :now)),
    'timer_since', (SELECT min(n.next_at) FROM (
        SELECT min(next_at) AS next_at FROM timer_lane
        UNION ALL
        SELECT min(next_at) FROM timer_wake
    ) n)
)::text;
