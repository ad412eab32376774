-- For whom a touchpoint's email is, its subject, and the words that find it; deleted ones are left
-- out of every list, so the indexes that lists read have none; deleted_at is in them all the same, for
-- SQLite would else look at each row once more.

-- The head of the email that was last handed in, 200 characters at most each; empty words: it is
-- not found by any.
ALTER TABLE touchpoint ADD COLUMN recipient TEXT;
ALTER TABLE touchpoint ADD COLUMN subject TEXT;
ALTER TABLE touchpoint ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE touchpoint SET words = lower(
    coalesce(cadence_member_id || ' ', '') || coalesce(email_message_id || ' ', '') || id
) WHERE deleted_at IS NULL;

DROP INDEX touchpoint_status;
DROP INDEX touchpoint_category;
DROP INDEX touchpoint_member;
CREATE INDEX touchpoint_status ON touchpoint (status, seq, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX touchpoint_category ON touchpoint (error_category, seq, deleted_at)
    WHERE error_category IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX touchpoint_member ON touchpoint (cadence_member_id, seq, deleted_at)
    WHERE cadence_member_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX touchpoint_live ON touchpoint (seq, deleted_at) WHERE deleted_at IS NULL;

-- A prefix without an index of its length is found by merging all rows of all words that begin so:
-- 200 ms of a million. Ids of a CRM begin alike for a dozen characters, and companies' names are
-- long.
CREATE VIRTUAL TABLE touchpoint_search USING fts5 (
    words, content = 'touchpoint', content_rowid = 'seq', tokenize = 'unicode61', detail = 'none',
    prefix = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'
);
INSERT INTO touchpoint_search (rowid, words) SELECT seq, words FROM touchpoint WHERE words <> '';
CREATE TRIGGER touchpoint_in AFTER INSERT ON touchpoint WHEN new.words <> '' BEGIN
    INSERT INTO touchpoint_search (rowid, words) VALUES (new.seq, new.words);
END;
CREATE TRIGGER touchpoint_out AFTER DELETE ON touchpoint WHEN old.words <> '' BEGIN
    INSERT INTO touchpoint_search (touchpoint_search, rowid, words)
    VALUES ('delete', old.seq, old.words);
END;
-- One trigger, for nobody says which of two goes first: an insertion that came before the
-- deletion would lose the words that both texts have.
CREATE TRIGGER touchpoint_over AFTER UPDATE OF words ON touchpoint WHEN old.words <> new.words BEGIN
    INSERT INTO touchpoint_search (touchpoint_search, rowid, words)
    SELECT 'delete', old.seq, old.words WHERE old.words <> '';
    INSERT INTO touchpoint_search (rowid, words)
    SELECT new.seq, new.words WHERE new.words <> '';
END;

DROP VIEW touchpoint_json;
CREATE VIEW touchpoint_json AS SELECT t.*, json_object(
    'seq', seq, 'id', id, 'kind', kind, 'status', status,
    'status_updated_at', status_updated_at, 'created_at', created_at,
    'cadence_member_id', cadence_member_id, 'email_message_id', email_message_id,
    'due_at', due_at, 'next_attempt_at', next_attempt_at, 'error_message', error_message,
    'error_message_truncated', error_message_truncated, 'error_code', error_code,
    'error_category', error_category, 'manual_retry_count', manual_retry_count,
    'last_event_id', last_event_id, 'last_sequence', last_sequence, 'mail_id', mail_id,
    'timer_id', timer_id, 'completions', completions, 'asked_at', asked_at,
    'deleted_at', deleted_at, 'recipient', recipient, 'subject', subject
) AS row FROM touchpoint t;
