-- What applications wrote with INSERT, until an intake has taken it in.

-- name: inbox_due
-- Rows that may be taken in at :now, in the order of their insertion, those put off after the
-- others, as a JSON list of [seq, bytes]: of each id the first only, so that a later one finds what
-- it wrote.
SELECT json_group_array(json_array(seq, coalesce(length(CAST(document AS BLOB)), 0))) FROM (
    SELECT i.seq, i.document FROM inbox i
    WHERE i.next_at <= :now
        AND NOT EXISTS (SELECT 1 FROM inbox e WHERE e.id = i.id AND e.seq < i.seq)
    ORDER BY i.next_at, i.seq LIMIT :limit
);

-- name: inbox_rows
-- The rows of a JSON list of seqs, in its order; id and document are bytes in hexadecimal, for they
-- may be no text. Of a document with more than :most bytes only :head are told.
SELECT json_group_array(json_object(
    'seq', seq, 'id', CASE WHEN id IS NOT NULL THEN hex(id) END, 'bytes', bytes,
    'document', hex(CASE WHEN bytes > :most THEN substr(document, 1, :head) ELSE document END),
    'created_at', created_at, 'tries', tries
)) FROM (
    SELECT i.seq, i.id, i.created_at, i.tries, CAST(i.document AS BLOB) AS document,
        coalesce(length(CAST(i.document AS BLOB)), 0) AS bytes
    FROM json_each(:seqs) r JOIN inbox i ON i.seq = r.value ORDER BY r.key
);

-- name: free_mail
-- Nothing to lock: there is one writer.
SELECT NULL;

-- name: delete_inbox!
-- The rows of a JSON list of seqs, which are mails now.
DELETE FROM inbox WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: put_off_inbox!
-- A row that could not be taken in is looked at again at :until.
UPDATE inbox SET next_at = :until, tries = tries + 1, trouble = :trouble WHERE seq = :seq;

-- name: inbox_next
-- From when on a row may be taken in; nothing where there is none.
SELECT min(next_at) FROM inbox;

-- name: inbox_standing
-- How many rows wait and how many are put off, counted up to :most, and when the oldest was written.
SELECT json_object(
    'waiting', (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE next_at <= :now LIMIT :most)),
    'put_off', (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE next_at > :now LIMIT :most)),
    'oldest_at', (SELECT created_at FROM inbox ORDER BY seq LIMIT 1)
);

-- name: stuck_inbox
-- Rows that nobody has taken in though they could have been; the proof is that there are none.
SELECT json_group_array(json_object(
    'id', 'inbox ' || seq, 'state', 'waiting',
    'why', coalesce('waits in the inbox: ' || trouble, 'waits in the inbox')
)) FROM (
    SELECT seq, trouble FROM inbox WHERE next_at < :before AND created_at < :before
    ORDER BY next_at, seq LIMIT :limit
);
