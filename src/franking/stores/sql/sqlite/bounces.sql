-- name: bounced_mails
-- The mails and remainders that a Message-ID was given to, newest first, as a JSON list. One whose
-- worker died before it could tell has only its token to be known by.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT json_object(
        'seq', m.seq, 'id', m.id, 'remainder_of', m.remainder_of,
        'delivery', json(m.row -> '$.delivery'), 'links', json(m.row -> '$.links'),
        'in_doubt', json(iif(f.in_doubt, 'true', 'false')),
        'fields', json_object(
            'to', json(d.body -> '$.to'), 'cc', json(d.body -> '$.cc'),
            'bcc', json(d.body -> '$.bcc'), 'recipients', json(d.body -> '$.recipients')
        )
    ) AS item
    FROM (
        SELECT id, max(in_doubt) AS in_doubt FROM (
            SELECT mail AS id, outcome = 'unknown' AS in_doubt
            FROM attempt INDEXED BY attempt_message WHERE message_id = :message_id
            UNION ALL
            SELECT id, 1 FROM mail INDEXED BY mail_category
            WHERE category = 'outcome_unknown' AND message_token = :token
            UNION ALL
            SELECT id, 1 FROM mail INDEXED BY mail_lease
            WHERE state = 'PROCESSING' AND lease_expires_at > 0 AND message_token = :token
        ) GROUP BY id
    ) f
    JOIN mail_json m ON m.id = f.id JOIN document d ON d.seq = m.seq
    ORDER BY m.seq DESC LIMIT :limit
);

-- name: known_bounces
-- Which fingerprints of a JSON list are there already, as a JSON list.
SELECT json_group_array(b.fingerprint)
FROM json_each(:fingerprints) r JOIN bounce b ON b.fingerprint = r.value;

-- name: insert_bounces!
-- Bounces and receipts of a JSON list; one that is there already stays.
INSERT INTO bounce (
    fingerprint, mail, recipient, action, status, received_at, category, cause, text
)
SELECT
    r.value ->> 'fingerprint', r.value ->> 'mail', r.value ->> 'recipient', r.value ->> 'action',
    r.value ->> 'status', r.value ->> 'received_at', r.value ->> 'category', r.value ->> 'cause',
    r.value ->> 'text'
FROM json_each(:rows) r WHERE true
ON CONFLICT (fingerprint) DO NOTHING;

-- name: bounces_of
-- What came back for a mail, oldest first, as a JSON list.
SELECT json_group_array(json(item)) FROM (
    SELECT json_object(
        'fingerprint', fingerprint, 'mail', mail, 'recipient', recipient, 'action', action,
        'status', status, 'received_at', received_at, 'category', category, 'cause', cause,
        'text', text
    ) AS item
    FROM bounce WHERE mail = :mail ORDER BY seq LIMIT :limit
);

-- name: delete_bounces!
-- What came back for a mail that is removed.
DELETE FROM bounce WHERE mail = :mail;

-- name: any_suppressed
-- Is there an address that nothing is sent to?
SELECT EXISTS (SELECT 1 FROM suppression);

-- name: suppressed_among
-- The suppressed addresses of a JSON list, as a JSON list.
SELECT json_group_array(json_object(
    'address', s.address, 'reason', s.reason, 'source', s.source, 'created_at', s.created_at
))
FROM json_each(:addresses) r JOIN suppression s ON s.address = r.value;

-- name: page_suppressions
-- Suppressed addresses after one, in their order, that hold a text.
SELECT json_group_array(json(item)) FROM (
    SELECT json_object(
        'address', address, 'reason', reason, 'source', source, 'created_at', created_at
    ) AS item
    FROM suppression
    WHERE address > :after AND (:q IS NULL OR instr(address, :q) > 0)
    ORDER BY address LIMIT :limit
);

-- name: put_suppression!
-- An address that a person suppresses; since when stays as it was.
INSERT INTO suppression (address, reason, source, created_at)
VALUES (:address, :reason, :source, :created_at)
ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, source = excluded.source;

-- name: add_suppressions!
-- Addresses of a JSON list that bounces suppress; one that is there already stays as it is.
INSERT INTO suppression (address, reason, source, created_at)
SELECT
    r.value ->> 'address', r.value ->> 'reason', r.value ->> 'source', r.value ->> 'created_at'
FROM json_each(:rows) r WHERE true
ON CONFLICT (address) DO NOTHING;

-- name: delete_suppression!
-- An address that may be sent to again.
DELETE FROM suppression WHERE address = :address;

-- name: count_unknown!
-- Errors that no rule knows, from a JSON list of [fingerprint, example, seen, at]; past :most
-- kinds no new one is counted.
INSERT INTO unknown_error (fingerprint, example, seen, first_at, last_at)
SELECT r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 3
FROM json_each(:rows) r
WHERE (SELECT count(*) FROM unknown_error) < :most
    OR EXISTS (SELECT 1 FROM unknown_error u WHERE u.fingerprint = r.value ->> 0)
ON CONFLICT (fingerprint) DO UPDATE SET seen = unknown_error.seen + excluded.seen,
    last_at = max(unknown_error.last_at, excluded.last_at);

-- name: unknown_errors
-- Errors that no rule knows, the most frequent first, as a JSON list.
SELECT json_group_array(json(item)) FROM (
    SELECT json_object(
        'fingerprint', fingerprint, 'example', example, 'seen', seen, 'first_at', first_at,
        'last_at', last_at
    ) AS item
    FROM unknown_error INDEXED BY unknown_error_seen ORDER BY seen DESC LIMIT :limit
);
