-- name: lock_account
-- Nothing to lock: there is one writer.
SELECT NULL;

-- name: read_accounts
-- The accounts of a JSON list of ids with what they sent in the last day, as JSON.
SELECT '[' || coalesce(group_concat(json_array(
    json_object(
        'id', a.id, 'state', a.state, 'reason', a.reason, 'since', a.since,
        'paused_until', a.paused_until, 'pauses', a.pauses, 'probe_until', a.probe_until,
        'tokens', a.tokens, 'tokens_at', a.tokens_at, 'limits', json(a.limits)
    ),
    json((
        SELECT json_group_array(json_object(
            'slot', u.slot, 'mails', u.mails, 'recipients', u.recipients
        ))
        FROM account_usage u WHERE u.account = a.id AND u.slot > :since
    ))
)), '') || ']'
FROM json_each(:ids) r JOIN account a ON a.id = r.value;

-- name: write_account_state!
-- Where an account stands after a pause, a probe, a disconnection or a person's word.
UPDATE account SET state = :state, reason = :reason, since = :since,
    paused_until = :paused_until, pauses = :pauses, probe_until = :probe_until,
    tokens = :tokens, tokens_at = :tokens_at
WHERE id = :id;

-- name: put_off_accounts!
-- Accounts of a JSON list of [id, again_at] that may not send now are looked at again later.
UPDATE account SET next_at = max(next_at, r.value ->> 1)
FROM json_each(:rows) r WHERE account.id = r.value ->> 0 AND next_at IS NOT NULL;

-- name: use_accounts!
-- What a claim took from the minutes of accounts, and the leases of their probes, from a JSON list
-- of [id, tokens, probe_until].
UPDATE account SET tokens = r.value ->> 1, tokens_at = :now,
    probe_until = coalesce(r.value ->> 2, probe_until)
FROM json_each(:rows) r WHERE account.id = r.value ->> 0;

-- name: count_usage!
-- What was taken from the days of accounts, from a JSON list of [account, mails, recipients]; a
-- negative count gives back.
INSERT INTO account_usage (account, slot, mails, recipients)
SELECT r.value ->> 0, :slot, r.value ->> 1, r.value ->> 2 FROM json_each(:rows) r WHERE true
ON CONFLICT (account, slot) DO UPDATE SET
    mails = max(account_usage.mails + excluded.mails, 0),
    recipients = max(account_usage.recipients + excluded.recipients, 0);

-- name: forget_usage!
-- Usage that no limit counts any more.
DELETE FROM account_usage WHERE slot < :before;

-- name: give_back!
-- One mail that did not go after all, to its account's minute.
UPDATE account SET tokens = tokens + 1 WHERE id = :id AND tokens IS NOT NULL;

-- name: renew_probes!
-- The probes among renewed leases go on.
UPDATE account SET probe_until = :expires_at WHERE probe_until IS NOT NULL AND id IN (
    SELECT m.account FROM json_each(:rows) r JOIN mail m ON m.seq = r.value ->> 'seq'
    WHERE m.epoch = r.value ->> 'epoch' AND +m.state = 'PROCESSING'
);

-- name: held_by_pauses
-- Mails that have waited too long for their account's sending limit, as a list of ids.
SELECT json_group_array(id) FROM (
    SELECT m.id FROM account a JOIN mail m ON m.account = a.id
    WHERE a.paused_until IS NOT NULL AND a.pauses > 0
        AND m.priority IN (-2, -1, 0, 1, 2) AND m.state IN ('PENDING', 'RETRY')
        AND m.releases < 3 AND m.due_at <= :before
    LIMIT :limit
);

-- name: held_by_disconnection
-- Mails that have waited too long for their account to be reconnected, as a list of ids.
SELECT json_group_array(id) FROM (
    SELECT m.id FROM account a INDEXED BY account_disconnected
    JOIN mail m ON m.account = a.id
    WHERE a.state = 'disconnected'
        AND m.priority IN (-2, -1, 0, 1, 2) AND m.state IN ('PENDING', 'RETRY')
        AND m.releases < 3 AND m.due_at <= :before
    LIMIT :limit
);

-- name: save_account!
-- An account as a person set it; its state and usage stay.
INSERT INTO account (id, settings, limits, secret, created_at)
VALUES (:id, :settings, :limits, :secret, :now)
ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, limits = excluded.limits,
    secret = excluded.secret,
    created_at = coalesce(account.created_at, excluded.created_at),
    version = account.version + 1;

-- name: know_account!
-- A row for an account that was not named before.
INSERT INTO account (id) VALUES (:id) ON CONFLICT (id) DO NOTHING;

-- name: show_account
-- One account as JSON, without its secret, with what waits and what went in the last day.
SELECT json_insert(row,
    '$.waiting', (
        SELECT count(*) FROM (
            SELECT 1 FROM mail WHERE account = :id AND priority IN (-2, -1, 0, 1, 2)
                AND state IN ('PENDING', 'RETRY') AND releases < 3 LIMIT :most
        )
    ),
    '$.sent', (SELECT sum(mails) FROM account_usage WHERE account = :id AND slot > :since)
) FROM account_json WHERE id = :id;

-- name: show_accounts
-- Accounts after a name, by name, as show_account has them; those only mails name are left out.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_insert(a.row,
        '$.waiting', (
            SELECT count(*) FROM (
                SELECT 1 FROM mail m WHERE m.account = a.id AND m.priority IN (-2, -1, 0, 1, 2)
                    AND m.state IN ('PENDING', 'RETRY') AND m.releases < 3 LIMIT :most
            )
        ),
        '$.sent', (
            SELECT sum(mails) FROM account_usage u WHERE u.account = a.id AND u.slot > :since
        )
    ) AS item
    FROM account_json a
    WHERE a.id > :after AND (a.settings IS NOT NULL OR a.id = 'default')
    ORDER BY a.id LIMIT :limit
);

-- name: account_secret
-- An account's encrypted secret, its version and settings.
SELECT secret, version, settings, limits FROM account WHERE id = :id;

-- name: secret_headers
-- How the secrets begin, which names their keys, in hexadecimal, each with how many do.
SELECT json_group_array(json_array(header, n)) FROM (
    SELECT hex(substr(secret, 1, 9)) AS header, count(*) AS n
    FROM account WHERE secret IS NOT NULL GROUP BY 1
);

-- name: sealed_otherwise
-- Accounts whose secret begins otherwise than this, as a list of ids.
SELECT json_group_array(id) FROM (
    SELECT id FROM account
    WHERE secret IS NOT NULL AND substr(secret, 1, length(:header)) <> :header
    ORDER BY id LIMIT :limit
);

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
);

-- name: forget_account!
-- Forget an account's settings and secret; its mails keep its name.
UPDATE account SET settings = NULL, limits = NULL, secret = NULL, created_at = NULL,
    state = 'ok', reason = NULL, since = NULL, paused_until = NULL, pauses = 0,
    probe_until = NULL, tokens = NULL, tokens_at = NULL, version = version + 1
WHERE id = :id AND settings IS NOT NULL AND state IN ('ok', 'disconnected');
