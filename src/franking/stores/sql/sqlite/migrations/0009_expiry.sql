-- From when on a document is deleted once its mail has ended, in milliseconds since 1970-01-01 UTC;
-- NULL where documents do not expire.
ALTER TABLE mail ADD COLUMN expire_at INTEGER;
CREATE INDEX mail_expire ON mail (expire_at)
    WHERE expire_at IS NOT NULL AND state IN ('SUCCESS', 'ERROR');

-- A mail's row with when it expires.
DROP VIEW mail_json;
CREATE VIEW mail_json AS SELECT m.*, json_object(
    'seq', seq, 'id', id, 'account', account, 'priority', priority, 'created_at', created_at,
    'revision', revision, 'version', version, 'message_token', message_token,
    'on_unknown', on_unknown, 'remainder_of', remainder_of,
    'recipients', recipients,
    'timed', timed,
    'hold', json((
        SELECT json_object(
            'state', a.state, 'paused_until', a.paused_until, 'pauses', a.pauses,
            'reason', a.reason
        )
        FROM account a WHERE a.id = m.account
            AND (a.state <> 'ok' OR a.paused_until IS NOT NULL)
    )),
    'links', json_object(
        'touchpoint_id', touchpoint_id, 'cadence_member_id', cadence_member_id,
        'email_message_id', email_message_id
    ),
    'delivery', json_object(
        'state', state, 'due_at', due_at, 'start_at', start_at, 'end_at', end_at,
        'attempts', attempts, 'tries', tries, 'waits', waits, 'releases', releases,
        'epoch', epoch, 'stage', stage, 'returns_to', returns_to,
        'lease_expires_at', lease_expires_at, 'give_up_at', give_up_at, 'outcome', outcome,
        'error', error, 'category', category, 'cause', cause, 'error_code', error_code,
        'sentence', sentence, 'waiting_for', waiting_for, 'info', json(info),
        'expire_at', expire_at
    )
) AS row FROM mail m;
