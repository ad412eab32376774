-- name: bounced_mails
-- The mails and remainders that a Message-ID was given to, newest first, as a JSON list. One whose
-- worker died before it could tell has only its token to be known by. Nobody else writes them until
-- the transaction ends.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY seq DESC), '') || ']' FROM (
    SELECT m.seq, json_build_object(
        'seq', m.seq, 'id', m.id, 'remainder_of', m.remainder_of,
        'delivery', m.row::json -> 'delivery', 'links', m.row::json -> 'links',
        'in_doubt', f.in_doubt,
        'fields', json_build_object(
            'to', given(d.body) -> 'to', 'cc', given(d.body) -> 'cc',
            'bcc', given(d.body) -> 'bcc', 'recipients', given(d.body) -> 'recipients'
        )
    )::text AS item
    FROM (
        SELECT id, bool_or(in_doubt) AS in_doubt FROM (
            SELECT mail AS id, outcome = 'unknown' AS in_doubt
            FROM attempt WHERE message_id = :message_id
            UNION ALL
            SELECT id, true FROM mail
            WHERE category = 'outcome_unknown' AND message_token = :token
            UNION ALL
            SELECT id, true FROM mail
            WHERE state = 'PROCESSING' AND lease_expires_at > 0 AND message_token = :token
        ) known GROUP BY id
    ) f
    JOIN mail_json m ON m.id = f.id JOIN document d ON d.seq = m.seq
    ORDER BY m.seq DESC LIMIT :limit FOR UPDATE OF m
) bounced;

-- name: known_bounces
-- Which fingerprints of a JSON list are there already, as a JSON list.
SELECT coalesce(json_agg(b.fingerprint), '[]')::text
FROM jsonb_array_elements_text(given(:fingerprints)) r (value)
JOIN bounce b ON b.fingerprint = r.value;

-- name: insert_bounces!
-- Bounces and receipts of a JSON list; one that is there already stays.
INSERT INTO bounce (
    fingerprint, mail, recipient, action, status, received_at, category, cause, text
)
SELECT r.fingerprint, r.mail, r.recipient, r.action, r.status, r.received_at, r.category, r.cause,
    r.text
FROM jsonb_to_recordset(given(:rows)) AS r (
    fingerprint text, mail text, recipient text, action text, status text, received_at bigint,
    category text, cause text, text text
)
ON CONFLICT (fingerprint) DO NOTHING;

-- name: bounces_of
-- What came back for a mail, oldest first, as a JSON list.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'fingerprint', fingerprint, 'mail', mail, 'recipient', recipient, 'action', action,
        'status', status, 'received_at', received_at, 'category', category, 'cause', cause,
        'text', text
    ) AS item
    FROM bounce WHERE mail = :mail ORDER BY seq LIMIT :limit
) bounces;

-- name: delete_bounces!
-- What came back for a mail that is removed.
DELETE FROM bounce WHERE mail = :mail;

-- name: any_suppressed
-- Is there an address that nothing is sent to?
SELECT EXISTS (SELECT 1 FROM suppression);

-- name: suppressed_among
-- The suppressed addresses of a JSON list, as a JSON list.
SELECT coalesce(json_agg(json_build_object(
    'address', s.address, 'reason', s.reason, 'source', s.source, 'created_at', s.created_at
)), '[]')::text
FROM jsonb_array_elements_text(given(:addresses)) r (value)
JOIN suppression s ON s.address = r.value;

-- name: page_suppressions
-- Suppressed addresses after one, in their order, that hold a text.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'address', address, 'reason', reason, 'source', source, 'created_at', created_at
    ) AS item
    FROM suppression
    WHERE address > :after AND (CAST(:q AS text) IS NULL OR strpos(address, :q) > 0)
    ORDER BY address LIMIT :limit
) page;

-- name: put_suppression!
-- An address that a person suppresses; since when stays as it was.
INSERT INTO suppression (address, reason, source, created_at)
VALUES (:address, :reason, :source, :created_at)
ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, source = excluded.source;

-- name: add_suppressions!
-- Addresses of a JSON list that bounces suppress; one that is there already stays as it is.
INSERT INTO suppression (address, reason, source, created_at)
SELECT r.address, r.reason, r.source, r.created_at
FROM jsonb_to_recordset(given(:rows)) AS r (
    address text, reason text, source text, created_at bigint
)
ORDER BY r.address
ON CONFLICT (address) DO NOTHING;

-- name: delete_suppression!
-- An address that may be sent to again.
DELETE FROM suppression WHERE address = :address;

-- name: count_unknown!
-- Errors that no rule knows, from a JSON list of [fingerprint, example, seen, at]; past :most
-- kinds no new one is counted.
INSERT INTO unknown_error (fingerprint, example, seen, first_at, last_at)
SELECT r.value ->> 0, r.value ->> 1, (r.value ->> 2)::bigint, (r.value ->> 3)::bigint,
    (r.value ->> 3)::bigint
FROM jsonb_array_elements(given(:rows)) r (value)
WHERE (SELECT count(*) FROM unknown_error) < :most
    OR EXISTS (SELECT 1 FROM unknown_error u WHERE u.fingerprint = r.value ->> 0)
ORDER BY 1
ON CONFLICT (fingerprint) DO UPDATE SET seen = unknown_error.seen + excluded.seen,
    last_at = greatest(unknown_error.last_at, excluded.last_at);

-- name: unknown_errors
-- Errors that no rule knows, the most frequent first, as a JSON list.
SELECT coalesce(json_agg(item), '[]')::text FROM (
    SELECT json_build_object(
        'fingerprint', fingerprint, 'example', example, 'seen', seen, 'first_at', first_at,
        'last_at', last_at
    ) AS item
    FROM unknown_error ORDER BY seen DESC LIMIT :limit
) errors;
