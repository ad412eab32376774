-- What the console is measured on, mail :first to mail :last of it at a time (console_filling.py).
-- The numbers from 0 to 999 that n is mixed into say what becomes of a mail: 850 are sent, 90
-- fail, 30 wait for their time or for an account, 28 for another try, 2 are on their way.

-- Times are milliseconds since 1970-01-01 UTC: a week, the last mail a second ago.
DELETE FROM fate;
INSERT INTO fate
WITH RECURSIVE number (n) AS (
    SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last
), mixed AS (SELECT n, n * 2654435761 / 65536 % 1000 AS h FROM number)
SELECT n, h,
    CASE
        WHEN h < 850 THEN 'SUCCESS' WHEN h < 940 THEN 'ERROR' WHEN h < 970 THEN 'PENDING'
        WHEN h < 998 THEN 'RETRY' ELSE 'PROCESSING'
    END,
    CASE
        WHEN h BETWEEN 970 AND 997 THEN iif(h < 980, 'send_limit', 'service_unavailable')
        WHEN h BETWEEN 850 AND 939 THEN (SELECT w FROM word WHERE kind = 'category' AND k = h - 850)
    END,
    printf('account-%03d@example.com', n * 40503 / 7 % 200),
    :now - 1000 - (:count - n) * 604800000 / :count,
    printf('01M8%022d', n),
    printf('a0X5g000%07dEAA', n),
    printf('a0Y5g000%07dEAA', n / 5),
    (SELECT w FROM word WHERE kind = 'first' AND k = n % 97) || '.'
        || (SELECT w FROM word WHERE kind = 'last' AND k = n / 97 % 89) || '.' || n
        || '@' || (SELECT w FROM word WHERE kind = 'domain' AND k = n % 13),
    (SELECT w FROM word WHERE kind = 'subject' AND k = n % 23) || ' '
        || (SELECT w FROM word WHERE kind = 'about' AND k = n / 23 % 31)
FROM mixed;

INSERT INTO mail (
    seq, id, state, account, created_at, due_at, version, message_token, touchpoint_id,
    cadence_member_id, epoch, stage, returns_to, lease_expires_at, attempts, tries, start_at,
    end_at, outcome, error, category, cause, error_code, sentence, waiting_for, info, timed,
    recipient, subject
)
SELECT n, id, state, account, at,
    iif(state IN ('PENDING', 'RETRY'), :now + n % 86400 * 1000, at), 3, id, touchpoint, member,
    iif(state = 'PENDING', 0, n), iif(state = 'PROCESSING', 'claimed', NULL),
    iif(state = 'PROCESSING', 'PENDING', NULL), iif(state = 'PROCESSING', :now + 86400000, NULL),
    state NOT IN ('PENDING', 'PROCESSING'), state = 'RETRY', at,
    iif(state IN ('SUCCESS', 'ERROR'), at + 150, NULL),
    CASE WHEN state = 'SUCCESS' THEN 'sent' WHEN category = 'outcome_unknown' THEN 'unknown'
        WHEN state = 'ERROR' THEN 'not_sent' END,
    iif(category IS NULL, NULL, 'Error: Can''t send mail - ' || :refusal), category,
    iif(category IS NULL, NULL, 'other'), iif(category IS NULL, NULL, '550 5.1.1'),
    iif(category IS NULL, NULL, :sentence),
    CASE WHEN state = 'RETRY' THEN iif(category = 'send_limit', 'send_limit', 'retry')
        WHEN state = 'PENDING' THEN 'sendAt' END,
    iif(state = 'SUCCESS', json_object(
        'messageId', '<' || id || '@example.com>', 'accepted', json_array(recipient),
        'rejected', json_array(), 'pending', json_array(), 'response', '250 2.0.0 OK: queued'
    ), NULL),
    n % 10 < 7, recipient, subject
FROM fate;

INSERT INTO document (seq, body, words)
SELECT n, json_object(
    'to', recipient, 'from', account,
    'message', json_object('subject', subject, 'text', :text, 'html', :html)
), lower(recipient || ' ' || subject)
FROM fate;

INSERT INTO attempt (
    mail, epoch, number, revision, event, stage, outcome, started_at, ended_at, error, category,
    code, text, response, worker, steps, message_id
)
SELECT id, n, 1, 1,
    CASE WHEN state = 'SUCCESS' THEN 'sent' WHEN state = 'RETRY' THEN 'deferred'
        WHEN category = 'outcome_unknown' THEN 'doubted' ELSE 'failed' END,
    iif(state = 'SUCCESS', 'answered', 'composed'),
    CASE WHEN state = 'SUCCESS' THEN 'sent' WHEN category = 'outcome_unknown' THEN 'unknown'
        ELSE 'not_sent' END,
    at, at + 150,
    iif(category IS NULL, NULL, 'Error: Can''t send mail - ' || :refusal), category,
    iif(category IS NULL, NULL, '550 5.1.1'), iif(category IS NULL, '250 2.0.0 OK', :refusal),
    iif(category IS NULL, '250 2.0.0 OK: queued', NULL), 'bench:1',
    json_array(
        json_object('stage', 'claimed', 'at', at), json_object('stage', 'composed', 'at', at + 9),
        iif(category IS NULL,
            json_object('stage', 'answered', 'at', at + 150, 'text', '250 2.0.0 OK: queued'),
            json_object('recipient', recipient, 'text', :refusal, 'at', at + 150))
    ),
    '<' || id || '@example.com>'
FROM fate WHERE state NOT IN ('PENDING', 'PROCESSING');

INSERT INTO timer (
    id, state, transport, lane, next_at, due_at, created_at, served_at, executed_at, deleted_at,
    error, attempt, tries, callback, data
)
SELECT id,
    CASE state WHEN 'SUCCESS' THEN iif(h < 20, 'deleted', 'executed') WHEN 'ERROR' THEN 'failed'
        ELSE 'scheduled' END,
    iif(n % 10 < 7, 'mail', 'http'),
    iif(n % 10 < 7, 'mail', 'http receiver.example.com:80'),
    iif(state IN ('SUCCESS', 'ERROR'), NULL, :now + n % 604800 * 1000),
    iif(state IN ('SUCCESS', 'ERROR'), at, :now + n % 604800 * 1000), at - 3600000,
    iif(state IN ('SUCCESS', 'ERROR'), at, NULL),
    iif(state = 'SUCCESS' AND h >= 20, at + 150, NULL), iif(h < 20, at + 150, NULL),
    iif(state = 'ERROR', :refusal, NULL), iif(state IN ('SUCCESS', 'ERROR'), 1, 0),
    iif(state = 'ERROR',
        json_array(json_object('attempt', 1, 'at', at + 150, 'error', :refusal)), '[]'),
    iif(n % 10 < 7, '{"transport":"mail","method":"post","uri":""}',
        '{"transport":"http","method":"post","uri":"http://receiver.example.com/due"}'),
    json_object('to', recipient, 'touchpointId', touchpoint,
        'message', json_object('subject', subject, 'text', substr(:text, 1, 200)))
FROM fate;

INSERT INTO touchpoint (
    seq, id, kind, status, status_updated_at, created_at, cadence_member_id, email_message_id,
    due_at, next_attempt_at, error_message, error_message_truncated, error_code, error_category,
    last_event_id, last_sequence, mail_id, timer_id, recipient, subject, words
)
SELECT n, touchpoint, iif(n % 20 = 0, 'manual', 'automated'),
    CASE state WHEN 'SUCCESS' THEN 'Sent' WHEN 'ERROR' THEN 'Error' WHEN 'RETRY' THEN 'Rate Limited'
        ELSE iif(n % 20 = 0, 'Pending Manual Send', 'Scheduled') END,
    at + 200, at - 3600000, member, NULL, at, iif(state = 'RETRY', :now + 3600000, NULL),
    iif(category IS NULL, NULL, :sentence || char(10, 10) || :refusal),
    iif(category IS NULL, NULL, :sentence || char(10, 10) || :refusal),
    iif(category IS NULL, NULL, '550 5.1.1'), category, 'e' || id, 1, id, id, recipient, subject,
    lower(recipient || ' ' || subject || ' ' || member || ' ' || touchpoint)
FROM fate;

INSERT INTO conquer_error (
    id, event_id, touchpoint_id, status, occurred_at, error_message, error_message_truncated,
    error_code, cadence_member_id
)
SELECT 'ce-' || id, 'e' || id, touchpoint, iif(state = 'ERROR', 'Error', 'Rate Limited'), at + 150,
    :sentence || char(10, 10) || :refusal, :sentence || char(10, 10) || :refusal, '550 5.1.1',
    member
FROM fate WHERE category IS NOT NULL;

-- The last fifth of the mails was not told to the CRM yet; the trigger puts them in the outbox.
INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)
SELECT 'e' || id, iif(state = 'SUCCESS', 'email_Sent', 'email_Error'), id, touchpoint, 1, at + 150,
    json_object(
        'event', iif(state = 'SUCCESS', 'email_Sent', 'email_Error'), 'eventId', 'e' || id,
        'touchpointId', touchpoint, 'mailId', id, 'attempt', 1, 'state', state,
        'error', iif(category IS NULL, NULL, json_object(
            'message', :sentence, 'code', '550 5.1.1', 'category', category, 'detail', :refusal
        ))
    )
FROM fate WHERE n > :count * 4 / 5;
