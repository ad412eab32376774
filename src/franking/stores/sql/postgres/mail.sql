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
    r.value ->> 0, r.value ->> 1, (r.value ->> 2)::bigint, (r.value ->> 3)::bigint,
    r.value ->> 4, r.value ->> 5, r.value -> 6 ->> 'touchpoint_id',
    r.value -> 6 ->> 'cadence_member_id', r.value -> 6 ->> 'email_message_id', r.value ->> 8,
    d.state, d.due_at, d.start_at, d.end_at, d.attempts, d.tries, d.lease_expires_at,
    d.give_up_at, d.expire_at, d.outcome, d.error, d.category, d.cause, d.error_code, d.sentence,
    d.waiting_for, (r.value ->> 9)::bigint, (r.value ->> 10)::bigint,
    r.value ->> 11, r.value ->> 12, r.value ->> 13
FROM jsonb_array_elements(given(:rows)) WITH ORDINALITY r (value, key)
CROSS JOIN LATERAL jsonb_to_record(r.value -> 7) AS d (
    state text, due_at bigint, start_at bigint, end_at bigint, attempts bigint, tries bigint,
    lease_expires_at bigint, give_up_at bigint, expire_at bigint, outcome text, error text,
    category text, cause text, error_code text, sentence text, waiting_for text
)
ORDER BY r.key;

-- name: seqs_of
-- The seq of each id in a JSON list, in its order.
SELECT coalesce(json_agg(m.seq ORDER BY r.key), '[]')::text
FROM jsonb_array_elements_text(given(:ids)) WITH ORDINALITY r (id, key) JOIN mail m ON m.id = r.id;

-- name: insert_documents!
-- Bodies from a JSON list of [seq, first, length, words]: which bytes of :bodies, from 1 on.
INSERT INTO document (seq, body, words, search)
SELECT (r.value ->> 0)::bigint, convert_from(
        substr(CAST(:bodies AS bytea), (r.value ->> 1)::integer, (r.value ->> 2)::integer), 'UTF8'
    ), r.value ->> 3,
    CASE WHEN r.value ->> 3 <> '' THEN array_to_tsvector(words_of(r.value ->> 3)) END
FROM jsonb_array_elements(given(:rows)) r (value);

-- name: insert_content!
-- The envelope and ready bytes of a remainder.
INSERT INTO document (seq, body, content) VALUES (:seq, :body, :content);

-- name: wake_accounts!
-- Accounts of the waiting mails among a JSON list of seqs have those due; nobody waits for anybody
-- here, but for who names the same account for the first time.
WITH due AS MATERIALIZED (
    SELECT m.account, min(m.due_at) AS due_at
    FROM jsonb_array_elements(given(:seqs)) r (seq) JOIN mail m ON m.seq = r.seq::bigint
    WHERE m.state IN ('PENDING', 'RETRY') AND m.releases < 3
    GROUP BY m.account
), known AS (
    INSERT INTO account (id)
    SELECT d.account FROM due d
    WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = d.account) ORDER BY d.account
    ON CONFLICT (id) DO NOTHING
)
INSERT INTO account_wake (account, due_at) SELECT account, due_at FROM due;

-- name: lock_mails
-- Nobody else writes the mails of a JSON list of ids until the transaction ends.
SELECT count(*) FROM (
    SELECT 1 FROM mail WHERE id IN (SELECT jsonb_array_elements_text(given(:ids)))
    ORDER BY seq FOR UPDATE
) locked;

-- name: read_mail
-- One mail with its document, and the timer that it was served by, by id; a timer whose id was
-- used again since is another one.
SELECT '{"mail":' || m.row || ',"document":' || d.body || ',"timer":' || coalesce((
    SELECT t.row FROM timer_json t WHERE t.id = m.id AND t.revision = m.timed
), 'null') || '}'
FROM mail_json m JOIN document d ON d.seq = m.seq WHERE m.id = :id;

-- name: read_row
-- One mail without its document, by seq; nobody else writes it until the transaction ends.
SELECT row FROM mail_json WHERE seq = :seq FOR UPDATE;

-- name: body_of
-- A document's JSON, by seq.
SELECT body FROM document WHERE seq = :seq;

-- name: read_info
-- A parent's info, for its remainder's news; nobody else writes it until the transaction ends.
SELECT info FROM mail WHERE id = :id FOR UPDATE;

-- name: write_info!
-- A parent's info after its remainder's news; not a state, so no epoch is expected.
UPDATE mail SET info = :info, version = version + 1 WHERE id = :id;

-- name: update_mail!
-- What a person asked: the whole delivery, and what else is given; fenced by what was read.
UPDATE mail SET
    state = d.state, due_at = d.due_at, start_at = d.start_at, end_at = d.end_at,
    attempts = d.attempts, tries = d.tries, waits = d.waits, releases = d.releases,
    stage = d.stage, returns_to = d.returns_to, lease_expires_at = d.lease_expires_at,
    give_up_at = d.give_up_at, expire_at = d.expire_at, outcome = d.outcome, error = d.error,
    category = d.category, cause = d.cause, error_code = d.error_code, sentence = d.sentence,
    waiting_for = d.waiting_for, info = nullif(d.info, 'null'::jsonb)::text,
    recipients = coalesce(CAST(:recipients AS bigint), mail.recipients),
    account = coalesce(CAST(:account AS text), mail.account),
    priority = coalesce(CAST(:priority AS bigint), mail.priority),
    on_unknown = coalesce(CAST(:on_unknown AS text), mail.on_unknown),
    message_token = coalesce(CAST(:message_token AS text), mail.message_token),
    timed = coalesce(CAST(:timed AS bigint), mail.timed),
    touchpoint_id = CASE WHEN l IS NULL THEN mail.touchpoint_id ELSE l ->> 'touchpoint_id' END,
    cadence_member_id = CASE WHEN l IS NULL THEN mail.cadence_member_id
        ELSE l ->> 'cadence_member_id' END,
    email_message_id = CASE WHEN l IS NULL THEN mail.email_message_id
        ELSE l ->> 'email_message_id' END,
    recipient = CASE WHEN :edited = 1 THEN CAST(:recipient AS text) ELSE mail.recipient END,
    subject = CASE WHEN :edited = 1 THEN CAST(:subject AS text) ELSE mail.subject END,
    revision = mail.revision + :edited, version = mail.version + 1, fact = CAST(:fact AS text)
FROM jsonb_to_record(given(:d)) AS d (
    state text, due_at bigint, start_at bigint, end_at bigint, attempts bigint, tries bigint,
    waits bigint, releases bigint, stage text, returns_to text, lease_expires_at bigint,
    give_up_at bigint, expire_at bigint, outcome text, error text, category text, cause text,
    error_code text, sentence text, waiting_for text, info jsonb
), given(CAST(:links AS text)) l
WHERE mail.seq = :seq AND mail.state = :state AND mail.epoch = :epoch;

-- name: update_document!
-- An edited document.
UPDATE document SET body = :body, words = :words,
    search = CASE WHEN :words <> '' THEN array_to_tsvector(words_of(:words)) END
WHERE seq = :seq;

-- name: remainders_of
-- The remainders of a mail, as a JSON list of [seq, id, state]; nobody else writes them until the
-- transaction ends.
SELECT coalesce(json_agg(json_build_array(seq, id, state)), '[]')::text FROM (
    SELECT seq, id, state FROM mail WHERE remainder_of = :id ORDER BY seq FOR UPDATE
) m;

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
        SELECT 1 FROM jsonb_array_elements_text(given(i.mails)) r (id) JOIN mail m ON m.id = r.id
    )
    ORDER BY i.created_at LIMIT :limit FOR UPDATE OF i SKIP LOCKED
);
