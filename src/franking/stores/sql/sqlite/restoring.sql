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

-- name: skip_sequences!
-- Events of touchpoints are counted on beyond those that the CRM heard since.
UPDATE touchpoint_sequence SET last = last + :gap;

-- name: skip_events!
-- Numbers of events begin beyond those that listeners heard since.
UPDATE sqlite_sequence SET seq = seq + :gap WHERE name = 'event';
