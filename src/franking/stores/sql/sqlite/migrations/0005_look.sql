-- What people look at: whom a mail is for and its subject, and what happened when. Times are
-- milliseconds since 1970-01-01 UTC.

-- What a list shows of a document, at most 200 characters each (core/message, head_texts).
ALTER TABLE mail ADD COLUMN recipient TEXT;
ALTER TABLE mail ADD COLUMN subject TEXT;

-- Of the mails that are there. A document that SQLite can't read is shown by its id alone.
UPDATE mail SET (recipient, subject) = (
    SELECT
        substr(coalesce(
            nullif(trim(CASE json_type(d.body, '$.to')
                WHEN 'text' THEN d.body ->> '$.to'
                WHEN 'array' THEN (
                    SELECT group_concat(value, ', ') FROM json_each(d.body, '$.to')
                    WHERE type = 'text' AND trim(value, char(9, 10, 11, 12, 13, 32)) <> ''
                )
            END, char(9, 10, 11, 12, 13, 32)), ''),
            nullif(trim(CASE json_type(d.body, '$.cc')
                WHEN 'text' THEN d.body ->> '$.cc'
                WHEN 'array' THEN (
                    SELECT group_concat(value, ', ') FROM json_each(d.body, '$.cc')
                    WHERE type = 'text' AND trim(value, char(9, 10, 11, 12, 13, 32)) <> ''
                )
            END, char(9, 10, 11, 12, 13, 32)), ''),
            nullif(trim(CASE json_type(d.body, '$.bcc')
                WHEN 'text' THEN d.body ->> '$.bcc'
                WHEN 'array' THEN (
                    SELECT group_concat(value, ', ') FROM json_each(d.body, '$.bcc')
                    WHERE type = 'text' AND trim(value, char(9, 10, 11, 12, 13, 32)) <> ''
                )
            END, char(9, 10, 11, 12, 13, 32)), '')
        ), 1, 200),
        substr(nullif(trim(iif(
            json_type(d.body, '$.message.subject') = 'text', d.body ->> '$.message.subject', NULL
        ), char(9, 10, 11, 12, 13, 32)), ''), 1, 200)
    FROM document d WHERE d.seq = mail.seq AND json_valid(d.body)
)
WHERE remainder_of IS NULL;

-- Control characters and what ends a line become spaces.
UPDATE mail SET recipient = (
    WITH RECURSIVE told (at, text) AS (
        SELECT 1, '' UNION ALL
        SELECT at + 1, text || iif(
            unicode(substr(recipient, at, 1)) < 32
                OR unicode(substr(recipient, at, 1)) BETWEEN 127 AND 159
                OR unicode(substr(recipient, at, 1)) IN (8232, 8233),
            ' ', substr(recipient, at, 1)
        )
        FROM told WHERE at <= length(recipient)
    )
    SELECT nullif(trim(text), '') FROM told ORDER BY at DESC LIMIT 1
)
WHERE recipient GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159)
    || char(8232) || char(8233) || ']*';
UPDATE mail SET subject = (
    WITH RECURSIVE told (at, text) AS (
        SELECT 1, '' UNION ALL
        SELECT at + 1, text || iif(
            unicode(substr(subject, at, 1)) < 32
                OR unicode(substr(subject, at, 1)) BETWEEN 127 AND 159
                OR unicode(substr(subject, at, 1)) IN (8232, 8233),
            ' ', substr(subject, at, 1)
        )
        FROM told WHERE at <= length(subject)
    )
    SELECT nullif(trim(text), '') FROM told ORDER BY at DESC LIMIT 1
)
WHERE subject GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159)
    || char(8232) || char(8233) || ']*';

-- Mails in doubt, to be counted.
CREATE INDEX mail_doubt ON mail (category) WHERE state = 'ERROR' AND category = 'outcome_unknown';

-- How often something happened in the minute or hour (step, in milliseconds) that begins at slot;
-- category says why, and is empty for what was sent.
CREATE TABLE tally (
    step INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('sent', 'failed', 'in_doubt', 'limited')),
    category TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (step, slot, what, category)
) STRICT, WITHOUT ROWID;

-- Of the events that are there; by minutes only those of the last two days.
INSERT INTO tally (step, slot, what, category, n)
SELECT s.value, e.at - e.at % s.value, e.what, e.category, count(*)
FROM (
    SELECT occurred_at AS at,
        CASE
            WHEN kind = 'email_Sent' THEN 'sent'
            WHEN kind = 'email_Rate_Limited' THEN 'limited'
            WHEN kind <> 'email_Error' THEN NULL
            WHEN body ->> '$.error.category' = 'outcome_unknown' THEN 'in_doubt'
            ELSE 'failed'
        END AS what,
        iif(kind = 'email_Sent', '', coalesce(body ->> '$.error.category', '')) AS category
    FROM event
) e
JOIN json_each('[60000, 3600000]') s
WHERE e.what IS NOT NULL
    AND (s.value > 60000 OR e.at > (SELECT max(occurred_at) FROM event) - 172800000)
GROUP BY 1, 2, 3, 4;

-- The words of recipients and subjects again, now with an index of how words begin: without it a
-- search reads every mail that has a word of that beginning.
DROP TABLE search;
CREATE VIRTUAL TABLE search USING fts5 (
    words, content = 'document', content_rowid = 'seq', tokenize = 'unicode61', detail = 'none',
    prefix = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'
);
INSERT INTO search (rowid, words) SELECT seq, words FROM document WHERE words <> '';

-- One trigger for a change of words: of two, SQLite runs the later made one first, and the words
-- that old and new have in common were put in and then taken out again.
DROP TRIGGER document_over_out;
DROP TRIGGER document_over_in;
CREATE TRIGGER document_over AFTER UPDATE OF words ON document WHEN old.words <> new.words BEGIN
    INSERT INTO search (search, rowid, words)
    SELECT 'delete', old.seq, old.words WHERE old.words <> '';
    INSERT INTO search (rowid, words) SELECT new.seq, new.words WHERE new.words <> '';
END;

-- Lists of timers by transport and state.
DROP INDEX timer_transport;
CREATE INDEX timer_transport ON timer (transport, state, seq);
