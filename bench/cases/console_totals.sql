-- What goes with the mails of console_filling.sql, once they are all there.

-- A tenth of the outbox is parked, the oldest.
UPDATE outbox SET state = 'parked', tries = 8, tried_at = :now, error = 'INVALID_CROSS_REFERENCE_KEY'
WHERE seq <= :count / 50;
UPDATE outbox SET tries = 1, tried_at = :now, error = 'UNABLE_TO_LOCK_ROW'
WHERE state = 'waiting' AND seq % 3 = 0;

INSERT INTO timer_lane (id, next_at) SELECT lane, min(next_at) FROM timer
WHERE next_at IS NOT NULL GROUP BY lane;

INSERT INTO account (
    id, settings, limits, created_at, state, reason, since, paused_until, pauses, next_at
)
WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 199)
SELECT printf('account-%03d@example.com', n),
    json_object('address', printf('account-%03d@example.com', n), 'server', json_object(
        'host', 'smtp.example.com', 'port', 587, 'secure', json('false'),
        'user', printf('account-%03d', n)
    )),
    '{"perMinute":30,"perDay":2000}', :now - 604800000,
    iif(n % 50 = 7, 'disconnected', 'ok'), iif(n % 50 = 7 OR n % 20 = 3, :refusal, NULL),
    iif(n % 50 = 7 OR n % 20 = 3, :now - 3600000, NULL),
    iif(n % 20 = 3, :now + (n + 60) * 60000, NULL), n % 20 = 3, :now
FROM number;

INSERT INTO account_usage (account, slot, mails, recipients)
SELECT account, at / 900000 * 900000, count(*), count(*) FROM (
    SELECT account, created_at AS at FROM mail WHERE created_at > :now - 86400000
) GROUP BY 1, 2;

INSERT INTO tally (step, slot, what, category, n)
SELECT step, at - at % step, what, category, count(*) FROM (
    SELECT end_at AS at,
        CASE WHEN state = 'SUCCESS' THEN 'sent' WHEN category = 'outcome_unknown' THEN 'in_doubt'
            ELSE 'failed' END AS what,
        coalesce(category, '') AS category
    FROM mail WHERE end_at IS NOT NULL
) JOIN (SELECT 60000 AS step, 172800000 AS kept UNION ALL SELECT 3600000, 604800000)
WHERE at > :now - kept
GROUP BY 1, 2, 3, 4;

INSERT INTO unknown_error (fingerprint, example, seen, first_at, last_at)
WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 199)
SELECT 'f' || n, '599 ' || n || ' ' || :refusal, 1000 - n, :now - 604800000, :now FROM number;

UPDATE counter SET value = :count WHERE name = 'epoch';
