-- After a restore from a backup: what may have gone on since it was made (franking db after-restore).

-- name: unfinished_mails
-- Ids of mails that have not ended, remainders with them, the oldest first, as a JSON list; but for
-- those that nobody has tried yet and that are due only after :later, where that is given. Nobody
-- else writes them until the transaction ends.
SELECT coalesce(json_agg(id ORDER BY seq), '[]')::text FROM (
    SELECT seq, id FROM mail
    WHERE state IN ('PENDING', 'PROCESSING', 'RETRY')
        AND (
            CAST(:later AS bigint) IS NULL OR due_at <= :later OR state <> 'PENDING'
            OR attempts > 0
        )
    ORDER BY seq LIMIT :limit FOR UPDATE
) unfinished;

-- name: skip_epochs!
-- Leases begin beyond those that were given since.
SELECT setval('epoch', nextval('epoch') + :gap);

-- name: sequences_after
-- The last of the next :limit touchpoints after one that have a sequence, NULL where there is none.
SELECT max(touchpoint_id) FROM (
    SELECT touchpoint_id FROM touchpoint_sequence WHERE touchpoint_id > :after
    ORDER BY touchpoint_id LIMIT :limit
) next;

-- name: skip_sequences!
-- Events of the touchpoints after one and up to another are counted on beyond those that the CRM
-- heard since.
UPDATE touchpoint_sequence SET last = last + :gap
WHERE touchpoint_id > :after AND touchpoint_id <= :last;

-- name: skip_events!
-- Numbers of events begin beyond those that listeners heard since.
SELECT setval('event_seq_seq', nextval('event_seq_seq') + :gap);
