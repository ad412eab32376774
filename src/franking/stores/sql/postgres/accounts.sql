-- name: lock_account
-- Nobody else writes this account until the transaction ends.
SELECT 1 FROM account WHERE id = :id FOR UPDATE;

-- name: read_accounts
-- The accounts of a JSON list of ids with what they sent in the last day, as JSON.
SELECT coalesce(json_agg(json_build_array(
    json_build_object(
        'id', a.id, 'state', a.state, 'reason', a.reason, 'since', a.since,
        'paused_until', a.paused_until, 'pauses', a.pauses, 'probe_until', a.probe_until,
        'tokens', a.tokens, 'tokens_at', a.tokens_at, 'limits', a.limits::json
    ),
    (
        SELECT coalesce(json_agg(json_build_object(
            'slot', u.slot, 'mails', u.mails, 'recipients', u.recipients
        )), '[]')
        FROM account_usage u WHERE u.account = a.id AND u.slot > :since
    )
) ORDER BY r.key), '[]')::text
FROM jsonb_array_elements_text(given(:ids)) WITH ORDINALITY r (id, key)
JOIN account a ON a.id = r.id;

-- name: write_account_state!
-- Where an account stands after a pause, a probe, a disconnection or a person's word.
UPDATE account SET state = :state, reason = :reason, since = CAST(:since AS bigint),
    paused_until = CAST(:paused_until AS bigint), pauses = :pauses,
    probe_until = CAST(:probe_until AS bigint), tokens = CAST(:tokens AS double precision),
    tokens_at = CAST(:tokens_at AS bigint)
WHERE id = :id;

-- name: put_off_accounts!
-- Accounts of a JSON list of [id, again_at] that may not send now are looked at again later.
UPDATE account SET next_at = greatest(account.next_at, (r.value ->> 1)::bigint)
FROM jsonb_array_elements(given(:rows)) r (value)
WHERE account.id = r.value ->> 0 AND account.next_at IS NOT NULL;

-- name: use_accounts!
-- What a claim took from the minutes of accounts, and the leases of their probes, from a JSON list
-- of [id, tokens, probe_until].
UPDATE account SET tokens = (r.value ->> 1)::double precision, tokens_at = :now,
    probe_until = coalesce((r.value ->> 2)::bigint, account.probe_until)
FROM jsonb_array_elements(given(:rows)) r (value) WHERE account.id = r.value ->> 0;

-- name: count_usage!
-- What was taken from the days of accounts, from a JSON list of [account, mails, recipients]; a
-- negative count gives back.
INSERT INTO account_usage (account, slot, mails, recipients)
SELECT r.value ->> 0, :slot, (r.value ->> 1)::bigint, (r.value ->> 2)::bigint
FROM jsonb_array_elements(given(:rows)) r (value) ORDER BY 1
ON CONFLICT (account, slot) DO UPDATE SET
    mails = greatest(account_usage.mails + excluded.mails, 0),
    recipients = greatest(account_usage.recipients + excluded.recipients, 0);

-- name: forget_usage!
-- Usage that no limit counts any more.
DELETE FROM account_usage WHERE slot < :before;

-- name: give_back!
-- One mail that did not go after all, to its account's minute.
UPDATE account SET tokens = tokens + 1 WHERE id = :id AND tokens IS NOT NULL;

-- name: renew_probes!
-- The probes among renewed leases go on.
UPDATE account SET probe_until = :expires_at WHERE probe_until IS NOT NULL AND id IN (
    SELECT m.account FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint, epoch bigint)
    JOIN mail m ON m.seq = r.seq
    WHERE m.epoch = r.epoch AND m.state = 'PROCESSING'
);

-- name: held_by_pauses
-- Mails that have waited too long for their account's sending limit, as a list of ids; nobody else
-- ends them meanwhile.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT m.id FROM account a JOIN mail m ON m.account = a.id
    WHERE a.paused_until IS NOT NULL AND a.pauses > 0
        AND m.priority IN (-2, -1, 0, 1, 2) AND m.state IN ('PENDING', 'RETRY')
        AND m.releases < 3 AND m.due_at <= :before
    LIMIT :limit FOR UPDATE OF m SKIP LOCKED
) held;

-- name: held_by_disconnection
-- Mails that have waited too long for their account to be reconnected, as a list of ids; nobody
-- else ends them meanwhile.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT m.id FROM account a JOIN mail m ON m.account = a.id
    WHERE a.state = 'disconnected'
        AND m.priority IN (-2, -1, 0, 1, 2) AND m.state IN ('PENDING', 'RETRY')
        AND m.releases < 3 AND m.due_at <= :before
    LIMIT :limit FOR UPDATE OF m SKIP LOCKED
) held;

-- name: save_account!
-- An account as a person set it; its state and usage stay.
INSERT INTO account (id, settings, limits, secret, created_at)
VALUES (
    :id, given(CAST(:settings AS text))::text, given(CAST(:limits AS text))::text,
    CAST(:secret AS bytea), :now
)
ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, limits = excluded.limits,
    secret = excluded.secret,
    created_at = coalesce(account.created_at, excluded.created_at),
    version = account.version + 1;

-- name: know_account!
-- A row for an account that was not named before.
INSERT INTO account (id) VALUES (:id) ON CONFLICT (id) DO NOTHING;

-- name: show_account
-- One account as JSON, without its secret, with what waits and what went in the last day.
SELECT (row || jsonb_build_object(
    'waiting', (
        SELECT count(*) FROM (
            SELECT 1 FROM mail WHERE account = :id AND priority IN (-2, -1, 0, 1, 2)
                AND state IN ('PENDING', 'RETRY') AND releases < 3 LIMIT :most
        ) w
    ),
    'sent', (SELECT sum(mails) FROM account_usage WHERE account = :id AND slot > :since)
))::text FROM account_json WHERE id = :id;

-- name: show_accounts
-- Accounts after a name, by name, as show_account has them; those only mails name are left out.
SELECT '[' || coalesce(string_agg(item, ','), '') || ']' FROM (
    SELECT (a.row || jsonb_build_object(
        'waiting', (
            SELECT count(*) FROM (
                SELECT 1 FROM mail m WHERE m.account = a.id AND m.priority IN (-2, -1, 0, 1, 2)
                    AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3 LIMIT :most
            ) w
        ),
        'sent', (
            SELECT sum(mails) FROM account_usage u WHERE u.account = a.id AND u.slot > :since
        )
    ))::text AS item
    FROM account_json a
    WHERE a.id > :after AND (a.settings IS NOT NULL OR a.id = 'default')
    ORDER BY a.id LIMIT :limit
) page;

-- name: account_secret
-- An account's encrypted secret, its version and settings.
SELECT secret, version, settings, limits FROM account WHERE id = :id;

-- name: secret_headers
-- How the secrets begin, which names their keys, in hexadecimal, each with how many do.
SELECT coalesce(json_agg(json_build_array(header, n)), '[]')::text FROM (
    SELECT encode(substr(secret, 1, 9), 'hex') AS header, count(*) AS n
    FROM account WHERE secret IS NOT NULL GROUP BY 1
) headers;

-- name: sealed_otherwise
-- Accounts whose secret begins otherwise than this, as a list of ids.
SELECT coalesce(json_agg(id), '[]')::text FROM (
    SELECT id FROM account
    WHERE secret IS NOT NULL
        AND substr(secret, 1, length(CAST(:header AS bytea))) <> CAST(:header AS bytea)
    ORDER BY id LIMIT :limit
) others;

-- name: reseal_account!
-- The same secret under another key, where it is still the one that was read.
UPDATE account SET secret = :new WHERE id = :id AND secret = :old;

-- name: ahead
-- How many waiting mails of the same account go before one, counted to a limit.
SELECT count(*) FROM (
    SELECT 1 FROM mail WHERE account = :account AND priority > :priority AND priority <= 2
        AND state IN ('PENDING', 'RETRY') AND releases < 3 AND due_at <= :due_at
    UNION ALL
    SELECT 1 FROM mail WHERE account = :account AND priority = :priority
        AND state IN ('PENDING', 'RETRY') AND releases < 3 AND due_at < :due_at
    LIMIT :limit
) ahead;

-- name: forget_account!
-- Forget an account's settings and secret; its mails keep its name.
UPDATE account SET settings = NULL, limits = NULL, secret = NULL, created_at = NULL,
    state = 'ok', reason = NULL, since = NULL, paused_until = NULL, pauses = 0,
    probe_until = NULL, tokens = NULL, tokens_at = NULL, version = version + 1
WHERE id = :id AND settings IS NOT NULL AND state IN ('ok', 'disconnected');
