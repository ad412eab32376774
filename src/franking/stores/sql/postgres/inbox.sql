-- What applications wrote with INSERT, until an intake has taken it in.

-- name: inbox_due
-- Rows that may be taken in at :now, in the order of their insertion, those put off after the
-- others, as a JSON list of [seq, bytes]: of each id the first only, so that a later one finds what
-- it wrote. Nobody else takes them until the transaction ends.
SELECT coalesce(json_agg(json_build_array(seq, coalesce(octet_length(document), 0))), '[]')::text
FROM (
    SELECT i.seq, i.document FROM inbox i
    WHERE i.next_at <= :now
        AND NOT EXISTS (SELECT 1 FROM inbox e WHERE e.id = i.id AND e.seq < i.seq)
    ORDER BY i.next_at, i.seq LIMIT :limit FOR UPDATE OF i SKIP LOCKED
) due;

-- name: inbox_rows
-- The rows of a JSON list of seqs, in its order; id and document are bytes in hexadecimal, for they
-- may be no text. Of a document with more than :most bytes only :head are told.
SELECT coalesce(json_agg(json_build_object(
    'seq', i.seq, 'id', encode(convert_to(i.id, 'UTF8'), 'hex'), 'bytes', i.bytes,
    'document', encode(convert_to(
        CASE WHEN i.bytes > :most THEN left(i.document, CAST(:head AS integer)) ELSE coalesce(i.document, '') END,
        'UTF8'
    ), 'hex'),
    'created_at', i.created_at, 'tries', i.tries
) ORDER BY r.key), '[]')::text
FROM jsonb_array_elements(given(:seqs)) WITH ORDINALITY r (seq, key)
CROSS JOIN LATERAL (
    SELECT *, coalesce(octet_length(document), 0) AS bytes FROM inbox WHERE seq = r.seq::bigint
) i;

-- name: free_mail
-- Nobody else writes a mail until the transaction ends; an error at once where somebody does now.
SELECT 1 FROM mail WHERE id = :id FOR UPDATE NOWAIT;

-- name: delete_inbox!
-- The rows of a JSON list of seqs, which are mails now.
DELETE FROM inbox WHERE seq IN (SELECT jsonb_array_elements(given(:seqs))::bigint);

-- name: put_off_inbox!
-- A row that could not be taken in is looked at again at :until.
UPDATE inbox SET next_at = :until, tries = tries + 1, trouble = :trouble WHERE seq = :seq;

-- name: inbox_next
-- From when on a row may be taken in; nothing where there is none.
SELECT min(next_at) FROM inbox;

-- name: inbox_standing
-- How many rows wait and how many are put off, counted up to :most, and when the oldest was written.
SELECT json_build_object(
    'waiting', (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE next_at <= :now LIMIT :most) w),
    'put_off', (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE next_at > :now LIMIT :most) p),
    'oldest_at', (SELECT created_at FROM inbox ORDER BY seq LIMIT 1)
)::text;

-- name: stuck_inbox
-- Rows that nobody has taken in though they could have been; the proof is that there are none.
SELECT coalesce(json_agg(json_build_object(
    'id', 'inbox ' || seq, 'state', 'waiting',
    'why', coalesce('waits in the inbox: ' || trouble, 'waits in the inbox')
)), '[]')::text
FROM (
    SELECT seq, trouble FROM inbox WHERE next_at < :before AND created_at < :before
    ORDER BY next_at, seq LIMIT :limit
) i;
