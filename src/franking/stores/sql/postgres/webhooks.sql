-- name: installation
-- Who we are, in the source of every event.
SELECT id FROM installation;

-- name: lock_webhooks
-- Nobody else sets webhooks until the transaction ends.
SELECT pg_advisory_xact_lock(7237954630966275192);

-- name: add_webhook!
-- A new webhook, unless there are :most.
INSERT INTO webhook (id, url, types, include, secret, state, created_at)
SELECT :id, :url, :types, :include, CAST(:secret AS bytea), :state, :now
WHERE (SELECT count(*) FROM webhook WHERE state <> 'removed') < :most;

-- name: save_webhook!
-- A webhook as a person set it: what it was in trouble with is over.
UPDATE webhook SET url = :url, types = :types, include = :include,
    secret = coalesce(CAST(:secret AS bytea), secret), state = :state, version = version + 1,
    paused_until = NULL, pauses = 0, reason = CAST(:reason AS text), since = CAST(:since AS bigint)
WHERE id = :id AND state IN ('ok', 'paused', 'disabled');

-- name: hear_nothing!
-- A webhook hears of nothing more.
DELETE FROM hearing WHERE webhook = :id AND kind IN (
    'onStart', 'onPending', 'onProcessing', 'onRetry', 'onComplete', 'onSuccess', 'onError'
);

-- name: hear!
-- A webhook hears the kinds of a JSON list from now on; the webhook '' until a time, at least.
INSERT INTO hearing (kind, webhook, until)
SELECT r.value, CAST(:id AS text), CAST(:until AS bigint)
FROM jsonb_array_elements_text(given(:kinds)) r (value) ORDER BY 1
ON CONFLICT (kind, webhook) DO UPDATE SET until = CASE
    WHEN hearing.until IS NULL OR excluded.until IS NULL THEN NULL
    ELSE greatest(hearing.until, excluded.until)
END;

-- name: remove_webhook!
-- A webhook is removed: nobody sees it from now on, and what waited for it goes by and by.
UPDATE webhook SET state = 'removed', version = version + 1
WHERE id = :id AND state <> 'removed';

-- name: removed_webhooks
-- Webhooks of which something may still be there, as a JSON list of ids.
SELECT coalesce(json_agg(id), '[]')::text FROM webhook WHERE state = 'removed';

-- name: forget_webhook!
-- A webhook of which nothing is left.
DELETE FROM webhook WHERE id = :id AND state = 'removed';

-- name: forget_queue!
-- Up to :limit events that waited for a webhook that is no more.
DELETE FROM webhook_queue WHERE webhook = :id AND seq IN (
    SELECT seq FROM webhook_queue WHERE webhook = :id ORDER BY seq LIMIT :limit
);

-- name: forget_webhook_lanes!
-- Up to :limit mails of which something waited for a webhook that is no more.
DELETE FROM webhook_lane WHERE webhook = :id AND mail IN (
    SELECT mail FROM webhook_lane WHERE webhook = :id ORDER BY mail LIMIT :limit
);

-- name: webhooks
-- All webhooks, the oldest first, as a JSON list; the sealed secrets in hexadecimal.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'id', id, 'url', url, 'types', types::json, 'include', include,
        'secret', encode(secret, 'hex'), 'state', state, 'version', version,
        'created_at', created_at, 'paused_until', paused_until, 'pauses', pauses,
        'reason', reason, 'since', since, 'told_at', told_at
    ) AS item FROM webhook WHERE state <> 'removed' ORDER BY created_at, id
) every;

-- name: stand_webhook!
-- How a webhook that was not disabled stands after a call, or after a pause.
UPDATE webhook SET state = :state, paused_until = CAST(:paused_until AS bigint),
    pauses = :pauses,
    reason = CAST(:reason AS text), since = CAST(:since AS bigint)
WHERE id = :id AND version = :version AND state IN ('ok', 'paused');

-- name: webhook_told!
-- A webhook took an event.
UPDATE webhook SET told_at = :now WHERE id = :id;

-- name: reseal_webhook!
-- The same secrets under another key.
UPDATE webhook SET secret = :new WHERE id = :id AND secret = :old;

-- name: ready_webhook_lanes
-- Mails whose first event a webhook may be told, longest due first, as a JSON list; none of one
-- that was disabled or removed. Nobody else claims them meanwhile.
SELECT coalesce(json_agg(mail), '[]')::text FROM (
    SELECT mail FROM webhook_lane WHERE webhook = :webhook AND next_at <= :now
        AND EXISTS (SELECT 1 FROM webhook w WHERE w.id = :webhook AND w.state IN ('ok', 'paused'))
    ORDER BY next_at LIMIT :limit FOR UPDATE OF webhook_lane SKIP LOCKED
) ready;

-- name: lease_webhook_lanes!
-- The mails of a JSON list are somebody's until :until.
UPDATE webhook_lane SET next_at = :until, leased = 1
WHERE webhook = :webhook AND mail IN (SELECT jsonb_array_elements_text(given(:mails)));

-- name: queued_events
-- The first :each waiting events of each mail of a JSON list, in the order of their commits.
SELECT coalesce(json_agg(item ORDER BY key, seq), '[]')::text FROM (
    SELECT r.key, e.seq, json_build_object(
        'seq', e.seq, 'mail', e.mail, 'tries', q.tries, 'id', e.id, 'kind', e.kind,
        'occurred_at', e.occurred_at
    ) AS item
    FROM jsonb_array_elements_text(given(:mails)) WITH ORDINALITY r (mail, key)
    CROSS JOIN LATERAL (
        SELECT w.seq, w.tries FROM webhook_queue w
        WHERE w.webhook = :webhook AND w.mail = r.mail AND w.state = 'waiting'
        ORDER BY w.seq LIMIT :each
    ) q
    JOIN event e ON e.seq = q.seq
) queued;

-- name: lifecycle_event
-- One of the seven with its mail's row and document as they were then. Of a document over :most
-- octets the bodies are left out; `cut` says so, and where there is none to show.
WITH told AS MATERIALIZED (
    SELECT e.seq, e.id, e.kind, e.occurred_at, e.body, coalesce(
        (
            SELECT k.body FROM kept_document k
            WHERE k.seq = e.mail_seq AND k.revision = (e.body::json ->> 'revision')::bigint
        ),
        (
            SELECT d.body FROM mail m JOIN document d ON d.seq = m.seq
            WHERE m.seq = e.mail_seq AND m.revision = (e.body::json ->> 'revision')::bigint
        )
    ) AS document
    FROM event e WHERE e.seq = :seq AND e.mail_seq IS NOT NULL
)
SELECT '{"seq":' || seq || ',"id":' || to_json(id) || ',"kind":' || to_json(kind)
    || ',"occurred_at":' || occurred_at || ',"mail":' || body
    || ',"cut":' || CASE
        WHEN document IS NULL OR octet_length(document) > :most THEN 'true' ELSE 'false' END
    || ',"document":' || CASE
        WHEN document IS NULL THEN '{}'
        WHEN octet_length(document) <= :most THEN document
        WHEN document IS JSON OBJECT THEN (
            given(document) #- '{message,text}' #- '{message,html}' #- '{message,amp}'
            #- '{message,icalEvent}' #- '{message,attachments}' #- '{attachments}'
        )::text
        ELSE '{}' END || '}'
FROM told;

-- name: heard_events!
-- Events of a JSON list of seqs were heard by a webhook.
DELETE FROM webhook_queue
WHERE webhook = :webhook AND seq IN (
    SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value)
)
    AND state = 'waiting';

-- name: try_queued!
-- Events that were not heard, from a JSON list of ends: they wait, or are parked.
UPDATE webhook_queue SET state = r.state, tries = tries + 1, tried_at = r.at,
    error = r.error
FROM jsonb_to_recordset(given(:rows)) AS r (seq bigint, state text, at bigint, error text)
WHERE webhook_queue.webhook = :webhook AND webhook_queue.seq = r.seq
    AND webhook_queue.state = 'waiting';

-- name: lock_webhook_lanes
-- Nobody else writes what a webhook hears of the mails of a JSON list of [mail, …] until the
-- transaction ends. The mails come first, in the order in which whoever settles them locks them.
WITH mails AS MATERIALIZED (
    SELECT seq FROM mail WHERE id IN (
    SELECT r.value ->> 0 FROM jsonb_array_elements(given(:rows)) r (value)
)
    ORDER BY seq FOR UPDATE
), counted AS MATERIALIZED (SELECT count(*) AS n FROM mails)
SELECT count(*) FROM (
    SELECT 1 FROM webhook_lane WHERE (SELECT n FROM counted) >= 0 AND webhook = :webhook
        AND mail IN (
    SELECT r.value ->> 0 FROM jsonb_array_elements(given(:rows)) r (value)
)
    ORDER BY mail FOR UPDATE
) locked;

-- name: leave_webhook_lanes!
-- Mails of a JSON list of [mail, …] of which a webhook has nothing waiting are gone for it.
DELETE FROM webhook_lane
WHERE webhook = :webhook AND mail IN (
    SELECT r.value ->> 0 FROM jsonb_array_elements(given(:rows)) r (value)
)
    AND NOT EXISTS (
        SELECT 1 FROM webhook_queue q
        WHERE q.webhook = :webhook AND q.mail = webhook_lane.mail AND q.state = 'waiting'
    );

-- name: free_webhook_lanes!
-- A webhook may be told of the mails of a JSON list of [mail, next_at] again from then on.
UPDATE webhook_lane SET next_at = (r.value ->> 1)::bigint, leased = 0
FROM jsonb_array_elements(given(:rows)) r (value)
WHERE webhook_lane.webhook = :webhook AND webhook_lane.mail = r.value ->> 0;

-- name: next_queued
-- When a webhook may be told of its next event.
SELECT min(next_at) FROM webhook_lane WHERE webhook = :webhook;

-- name: webhook_counts
-- How much waits and is parked for a webhook, each counted up to :most, and since when.
SELECT json_build_object(
    'waiting', (SELECT count(*) FROM (
        SELECT 1 FROM webhook_queue WHERE webhook = :webhook AND state = 'waiting' LIMIT :most
    ) q),
    'parked', (SELECT count(*) FROM (
        SELECT 1 FROM webhook_queue WHERE webhook = :webhook AND state = 'parked' LIMIT :most
    ) q)
)::text;

-- name: page_queued
-- What a webhook has yet to hear, newest first; in a state where one is named.
SELECT coalesce(json_agg(item ORDER BY seq DESC), '[]')::text FROM (
    SELECT q.seq, json_build_object(
        'seq', q.seq, 'mail', q.mail, 'state', q.state, 'tries', q.tries,
        'tried_at', q.tried_at, 'error', q.error, 'id', e.id, 'kind', e.kind,
        'occurred_at', e.occurred_at,
        'next_at', CASE WHEN q.state = 'waiting' THEN l.next_at END
    ) AS item
    FROM webhook_queue q
    JOIN event e ON e.seq = q.seq
    LEFT JOIN webhook_lane l ON l.webhook = q.webhook AND l.mail = q.mail
    WHERE q.webhook = :webhook AND q.seq < :after
        AND (CAST(:state AS text) IS NULL OR q.state = :state)
    ORDER BY q.seq DESC LIMIT :limit
) page;

-- name: parked_queued
-- Seqs of what is parked for a webhook, oldest first: one, those of a mail, or all; nobody else
-- writes them until the transaction ends.
SELECT coalesce(json_agg(seq), '[]')::text FROM (
    SELECT seq FROM webhook_queue WHERE webhook = :webhook AND state = 'parked'
        AND (CAST(:seq AS bigint) IS NULL OR seq = :seq)
        AND (CAST(:mail AS text) IS NULL OR mail = :mail)
    ORDER BY seq LIMIT :limit FOR UPDATE
) parked;

-- name: resend_queued!
-- What is parked, of a JSON list of seqs, waits again, as if for the first time.
UPDATE webhook_queue SET state = 'waiting', tries = 0, error = NULL
WHERE webhook = :webhook AND seq IN (
    SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value)
)
    AND state = 'parked';

-- name: wake_webhook_lanes!
-- A webhook may be told now of the mails of a JSON list of seqs; of what somebody tells now, then.
INSERT INTO webhook_lane (webhook, mail, next_at)
SELECT DISTINCT q.webhook, q.mail, CAST(:now AS bigint)
FROM jsonb_array_elements(given(:seqs)) r (value)
JOIN webhook_queue q ON q.webhook = :webhook AND q.seq = r.value::bigint
ORDER BY 2
ON CONFLICT (webhook, mail) DO UPDATE SET next_at = least(webhook_lane.next_at, excluded.next_at)
WHERE webhook_lane.leased = 0;

-- name: told_to_all
-- The first :limit of the seven after an event, as a JSON list of [seq, when it happened, whether
-- nobody has yet to hear it (1) or somebody has (0)].
SELECT coalesce(json_agg(json_build_array(seq, occurred_at, heard) ORDER BY seq), '[]')::text FROM (
    SELECT e.seq, e.occurred_at, CASE
        WHEN EXISTS (SELECT 1 FROM webhook_queue q WHERE q.seq = e.seq) THEN 0 ELSE 1
    END AS heard
    FROM event e
    WHERE e.mail_seq IS NOT NULL AND e.seq > :after ORDER BY e.seq LIMIT :limit
) told;

-- name: forget_events!
-- Of the seven, those of a JSON list of seqs that nobody has yet to hear.
DELETE FROM event WHERE seq IN (
    SELECT value::bigint FROM jsonb_array_elements(given(:seqs)) r (value)
)
    AND mail_seq IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM webhook_queue q WHERE q.seq = event.seq);

-- name: stuck_queued
-- What waits for a webhook while its mail is not due to be told; the proof is that there is none.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'id', q.seq, 'state', q.state, 'why', 'nobody will tell webhook ' || q.webhook
    ) AS item
    FROM webhook w JOIN webhook_queue q ON q.webhook = w.id AND q.state = 'waiting'
    LEFT JOIN webhook_lane l ON l.webhook = q.webhook AND l.mail = q.mail
    WHERE l.mail IS NULL LIMIT :limit
) stuck;

-- name: webhooks_standing
-- How many webhooks are in each state, and what waits and is parked for all, counted up to :most.
SELECT json_build_object(
    'ok', (SELECT count(*) FROM webhook WHERE state = 'ok'),
    'paused', (SELECT count(*) FROM webhook WHERE state = 'paused'),
    'disabled', (SELECT count(*) FROM webhook WHERE state = 'disabled'),
    'waiting', (SELECT count(*) FROM (
        SELECT 1 FROM webhook w JOIN webhook_queue q
            ON q.webhook = w.id AND q.state = 'waiting' LIMIT :most
    ) q),
    'parked', (SELECT count(*) FROM (
        SELECT 1 FROM webhook w JOIN webhook_queue q
            ON q.webhook = w.id AND q.state = 'parked' LIMIT :most
    ) q)
)::text;
