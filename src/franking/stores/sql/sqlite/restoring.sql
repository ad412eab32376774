-- After a restore from a backup: what may have gone on since it was made (franking db after-restore).

-- name: unfinished_mails
-- Ids of mails that have not ended, remainders with them, the oldest first, as a JSON list; but for
-- those that nobody has tried yet and that are due only after :later, where that is given.
SELECT json_group_array(id) FROM (
    SELECT id FROM mail INDEXED BY mail_state
    WHERE state IN ('PENDING', 'PROCESSING', 'RETRY') AND seq > 0
        AND (:later IS NULL OR due_at <= :later OR state <> 'PENDING' OR attempts > 0)
    ORDER BY seq LIMIT :limit
);

-- name: skip_epochs!
-- Leases begin beyond those that were given since.
UPDATE counter SET value = value + :gap WHERE name = 'epoch';

-- name: sequences_after
-- The last of the next :limit touchpoints after one that have a sequence, NULL where there is none.
SELECT max(touchpoint_id) FROM (
    SELECT touchpoint_id FROM touchpoint_sequence WHERE touchpoint_id > :after
    ORDER BY touchpoint_id LIMIT :limit
);

-- name: skip_sequences!
-- Events of the touchpoints after one and up to another are counted on beyond those that the CRM
-- heard since.
UPDATE touchpoint_sequence SET last = last + :gap
WHERE touchpoint_id > :after AND touchpoint_id <= :last;

-- name: skip_events!
-- Numbers of events begin beyond those that listeners heard since.
UPDATE sqlite_sequence SET seq = seq + :gap WHERE name = 'event';
