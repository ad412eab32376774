-- name: insert_mails!
-- New rows from a JSON list of [id, account, priority, created_at, on_unknown, token, links,
-- delivery, remainder_of, recipients, timed, recipient, subject, fact], in its order.
INSERT INTO mail (
    id, account, priority, created_at, on_unknown, message_token,
    touchpoint_id, cadence_member_id, email_message_id, remainder_of,
    state, due_at, start_at, end_at, attempts, tries, lease_expires_at, give_up_at, expire_at,
    outcome, error, category, cause, error_code, sentence, waiting_for, recipients, timed,
    recipient, subject, fact
)
SELECT
    r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3, r.value ->> 4, r.value ->> 5,
    r.value ->> '$[6].touchpoint_id', r.value ->> '$[6].cadence_member_id',
    r.value ->> '$[6].email_message_id', r.value ->> 8,
    r.value ->> '$[7].state', r.value ->> '$[7].due_at', r.value ->> '$[7].start_at',
    r.value ->> '$[7].end_at', r.value ->> '$[7].attempts', r.value ->> '$[7].tries',
    r.value ->> '$[7].lease_expires_at', r.value ->> '$[7].give_up_at',
    r.value ->> '$[7].expire_at',
    r.value ->> '$[7].outcome', r.value ->> '$[7].error', r.value ->> '$[7].category',
    r.value ->> '$[7].cause', r.value ->> '$[7].error_code', r.value ->> '$[7].sentence',
    r.value ->> '$[7].waiting_for', r.value ->> 9, r.value ->> 10,
    r.value ->> 11, r.value ->> 12, r.value ->> 13
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r
ORDER BY r.key;

-- name: seqs_of
-- The seq of each id in a JSON list, in its order.
SELECT json_group_array(seq) FROM (
    SELECT m.seq FROM json_each(:ids) r JOIN mail m ON m.id = r.value ORDER BY r.key
);

-- name: insert_documents!
-- Bodies from a JSON list of [seq, first, length, words]: which bytes of :bodies, from 1 on.
INSERT INTO document (seq, body, words)
SELECT
    r.value ->> 0, CAST(substr(:bodies, r.value ->> 1, r.value ->> 2) AS TEXT), r.value ->> 3
FROM (
    WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:rows)) SELECT * FROM given
) r;

-- name: insert_content!
-- The envelope and ready bytes of a remainder.
INSERT INTO document (seq, body, content) VALUES (:seq, :body, :content);

-- name: wake_accounts!
-- Accounts of the waiting mails among a JSON list of seqs are due no later than those mails.
INSERT INTO account (id, next_at)
SELECT m.account, min(m.due_at) FROM json_each(:seqs) r JOIN mail m ON m.seq = r.value
WHERE m.state IN ('PENDING', 'RETRY') AND m.releases < 3
GROUP BY m.account
ON CONFLICT (id) DO UPDATE
SET next_at = min(coalesce(account.next_at, excluded.next_at), excluded.next_at);

-- name: lock_mails
-- Nothing to lock: there is one writer.
SELECT NULL;

-- name: read_mail
-- One mail with its document, and the timer that it was served by, by id; a timer whose id was
-- used again since is another one.
SELECT '{"mail":' || m.row || ',"document":' || d.body || ',"timer":' || coalesce((
    SELECT t.row FROM timer_json t WHERE t.id = m.id AND t.revision = m.timed
), 'null') || '}'
FROM mail_json m JOIN document d ON d.seq = m.seq WHERE m.id = :id;

-- name: read_row
-- One mail without its document, by seq.
SELECT row FROM mail_json WHERE seq = :seq;

-- name: body_of
-- A document's JSON, by seq.
SELECT body FROM document WHERE seq = :seq;

-- name: read_info
-- A parent's info, for its remainder's news.
SELECT info FROM mail WHERE id = :id;

-- name: write_info!
-- A parent's info after its remainder's news; not a state, so no epoch is expected.
UPDATE mail SET info = :info, version = version + 1 WHERE id = :id;

-- name: update_mail!
-- What a person asked: the whole delivery, and what else is given; fenced by what was read.
UPDATE mail SET
    state = :d ->> '$.state', due_at = :d ->> '$.due_at', start_at = :d ->> '$.start_at',
    end_at = :d ->> '$.end_at', attempts = :d ->> '$.attempts', tries = :d ->> '$.tries',
    waits = :d ->> '$.waits', releases = :d ->> '$.releases', stage = :d ->> '$.stage',
    returns_to = :d ->> '$.returns_to', lease_expires_at = :d ->> '$.lease_expires_at',
    give_up_at = :d ->> '$.give_up_at', expire_at = :d ->> '$.expire_at', outcome = :d ->> '$.outcome', error = :d ->> '$.error',
    category = :d ->> '$.category', cause = :d ->> '$.cause',
    error_code = :d ->> '$.error_code', sentence = :d ->> '$.sentence',
    waiting_for = :d ->> '$.waiting_for', info = nullif(:d -> '$.info', 'null'),
    recipients = coalesce(:recipients, recipients),
    account = coalesce(:account, account), priority = coalesce(:priority, priority),
    on_unknown = coalesce(:on_unknown, on_unknown),
    message_token = coalesce(:message_token, message_token), timed = coalesce(:timed, timed),
    touchpoint_id = iif(:links IS NULL, touchpoint_id, :links ->> '$.touchpoint_id'),
    cadence_member_id = iif(:links IS NULL, cadence_member_id, :links ->> '$.cadence_member_id'),
    email_message_id = iif(:links IS NULL, email_message_id, :links ->> '$.email_message_id'),
    recipient = iif(:edited, :recipient, recipient), subject = iif(:edited, :subject, subject),
    revision = revision + :edited, version = version + 1, fact = :fact
WHERE seq = :seq AND state = :state AND epoch = :epoch;

-- name: update_document!
-- An edited document.
UPDATE document SET body = :body, words = :words WHERE seq = :seq;

-- name: remainders_of
-- The remainders of a mail, as a JSON list of [seq, id, state].
SELECT json_group_array(json_array(seq, id, state)) FROM mail WHERE remainder_of = :id;

-- name: tell_fact!
-- What is told of a mail that is removed, while its row is there.
UPDATE mail SET fact = :fact WHERE seq = :seq;

-- name: delete_document!
-- The document of a mail that is removed.
DELETE FROM document WHERE seq = :seq;

-- name: delete_attempts!
-- The attempts of a mail that is removed.
DELETE FROM attempt WHERE mail = :id;

-- name: delete_mail!
-- A mail that is removed; never while it is being sent.
DELETE FROM mail WHERE seq = :seq AND state <> 'PROCESSING';

-- name: find_answer
-- The first answer under an Idempotency-Key.
SELECT fingerprint, answer FROM idempotency WHERE scope = :scope AND key = :key;

-- name: keep_answer!
-- Keep an answer for repeats.
INSERT INTO idempotency (scope, key, fingerprint, created_at, mails, answer)
VALUES (:scope, :key, :fingerprint, :at, :mails, :answer);

-- name: forget_answers!
-- Answers older than a day whose mails are all gone, in small batches.
DELETE FROM idempotency WHERE (scope, key) IN (
    SELECT i.scope, i.key FROM idempotency i
    WHERE i.created_at < :before AND NOT EXISTS (
        SELECT 1 FROM json_each(i.mails) r JOIN mail m ON m.id = r.value
    )
    ORDER BY i.created_at LIMIT :limit
);
