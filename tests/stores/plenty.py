"""A large PostgreSQL database: a few thousand rows, said to be a thousand times as many."""

from __future__ import annotations

import json
from typing import Any

from .mails import NOW

ROWS = 3_000
TIMES = 1_000
GROWING = (
    *("mail", "document", "attempt", "event", "account", "account_usage", "idempotency"),
    *("bounce", "tally", "session", "timer", "timer_life", "timer_lane", "collection_document"),
    *("outbox", "outbox_lane", "touchpoint_sequence", "touchpoint", "touchpoint_search"),
    *("conquer_error", "webhook_queue", "webhook_lane", "kept_document", "suppression"),
    "inbox",
)

# Values such as there are, by name; None where nothing is named.
VALUES: dict[str, Any] = {
    "now": NOW + ROWS,
    "before": NOW,
    "after": 2**62,
    "most": 10_000,
    "few": 10_000,
    "limit": 100,
    "look": 1_000,
    "share": 100,
    "window": 2_000,
    "accounts": 10_000,
    "alone": False,
    "by": "",
    "q": '"word77"*',
    **dict.fromkeys(("state", "category", "account", "touchpoint", "status", "member"), None),
    "each": 50,
    "full": "[]",
    "rows": "[]",
    "ids": json.dumps([f"m{n}" for n in range(1_000)]),
    "seqs": json.dumps([*range(1_000)]),
    "states": '["PENDING", "PROCESSING", "RETRY"]',
    "ended": '["SUCCESS", "ERROR"]',
    "categories": '["c1", "c2", "c3"]',
    "timer_states": '["scheduled", "served", "executed", "failed", "deleted"]',
    "known": '["Sent", "Error", "Scheduled"]',
    "statuses": 50,
    "id": "m77",
    "expires_at": NOW,
    "fact": "[]",
    "lost": "lost",
}

# What is asked most often, and values with which the planner might read all.
HOT: list[tuple[str, dict[str, Any]]] = [
    *[("claimable", {"ids": f'["{account}"]'}) for account in ("a1", "a49", "nobody")],
    ("serve_accounts", {"rows": json.dumps([(f"a{n}", n, n % 2 == 0) for n in range(100)])}),
    ("use_accounts", {"rows": json.dumps([(f"a{n}", 1, None) for n in range(100)])}),
    ("put_off_accounts", {"rows": json.dumps([(f"a{n}", n) for n in range(100)])}),
    *[(name, {}) for name in ("ready_accounts", "gather_wakes", "claimable_alone", "lapsed")],
    *[(name, {}) for name in ("overdue", "lock_mails", "lease_mails", "claimed_mails")],
    *[(name, {}) for name in ("mark_transmitting", "renew_leases", "held", "settle_mails")],
    *[(name, {}) for name in ("insert_events", "watched", "stock", "timeline", "read_mail")],
    *[("due_timers", {"lane": lane}) for lane in ("mail", "http h2")],
    *[(name, {}) for name in ("ready_lanes", "lease_timers", "leased_timers", "count_statuses")],
    ("ready_touchpoints", {}),
    ("waiting_events", {"ids": json.dumps([f"t{n}" for n in range(100)])}),
    ("ready_webhook_lanes", {"webhook": "w1"}),
    ("queued_events", {"webhook": "w1", "mails": json.dumps([f"m{n}" for n in range(100)])}),
    *[("page_by_state", {"state": state}) for state in ("SUCCESS", "ERROR", "PENDING")],
    *[("page_by_category", {"category": category}) for category in ("c1", "nobody's")],
    *[("page_by_account", {"account": account}) for account in ("a1", "nobody")],
    *[("page_by_words", {"q": q}) for q in ('"word77"*', '"example"*', '"nobody"*')],
    *[("lines_by_words", {"q": q}) for q in ('"word77"*', '"example"*', '"nobody"*')],
    *[("lines", {"by": "state", "state": state}) for state in ("SUCCESS", "PENDING")],
    *[("look_touchpoints", {"by": "status", "status": s}) for s in ("Sent", "Error", "no")],
    ("look_touchpoints", {"by": "member", "member": "m1", "status": "Sent"}),
    *[("look_touchpoints_by_words", {"q": q}) for q in ('"t77"*', '"example"*', '"no"*')],
    *[(f"old_{walk}", {"after": 0}) for walk in ("mails", "timers", "events", "bounces")],
    ("old_mails", {"after": ROWS // 2, "before": NOW + ROWS, "look": 10_000}),
]

FILLED = f"""
CREATE TEMPORARY VIEW n AS SELECT i FROM generate_series(1, {ROWS}) i;
SET session_replication_role = replica;
INSERT INTO mail (id, state, account, created_at, due_at, message_token, touchpoint_id,
    remainder_of, category, lease_expires_at, releases, give_up_at, expire_at)
SELECT 'm' || i, CASE WHEN i % 100 < 90 THEN 'SUCCESS' WHEN i % 100 < 97 THEN 'ERROR'
        WHEN i % 100 = 97 THEN 'PROCESSING' WHEN i % 100 = 98 THEN 'RETRY' ELSE 'PENDING' END,
    'a' || i % 50, {NOW} + i, {NOW} + i, 't', 't' || i % 2000,
    CASE WHEN i % 40 = 0 THEN 'm' || i - 1 END, CASE WHEN i % 100 >= 90 THEN 'c' || i % 9 END,
    CASE WHEN i % 100 = 97 THEN {NOW} + i END, CASE WHEN i % 1000 = 99 THEN 3 ELSE 0 END,
    {NOW} + i, CASE WHEN i % 2 = 0 THEN {NOW} + i END FROM n;
INSERT INTO document (seq, body, words, search)
SELECT seq, '{{}}', w, array_to_tsvector(words_of(w))
FROM mail, LATERAL (SELECT 'word' || seq || ' example com' AS w) AS given;
INSERT INTO attempt (mail, epoch, number, revision, event, stage, outcome, started_at, ended_at,
    worker, steps, message_id)
SELECT id, seq, 1, 1, 'sent', 'answered', 'sent', 1, 1, 'w', '[]', '<' || id || '>' FROM mail;
INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body, mail_seq)
SELECT id, 'email_Sent', id, CASE WHEN seq % 2 = 0 THEN touchpoint_id END, seq, created_at, '{{}}',
    CASE WHEN seq % 2 = 1 THEN seq END FROM mail;
INSERT INTO account (id, next_at, state, paused_until, settings)
SELECT 'a' || i, CASE WHEN i < 50 THEN {NOW} + i END,
    CASE WHEN i % 100 = 0 THEN 'disconnected' ELSE 'ok' END,
    CASE WHEN i % 100 = 1 THEN {NOW} + i END, '{{}}' FROM n;
INSERT INTO account_usage SELECT 'a' || i, i, 1, 1 FROM n;
INSERT INTO idempotency SELECT 's', id, 'f', created_at, '[]', '' FROM mail;
INSERT INTO bounce (fingerprint, mail, action, received_at) SELECT id, id, 'failed', 1 FROM mail;
INSERT INTO suppression SELECT id || '@example.com', 'r', 's', 1 FROM mail;
INSERT INTO tally (step, slot, what, category, n)
SELECT 60000, created_at, 'sent', '', 1 FROM mail;
INSERT INTO session SELECT id, account, created_at, created_at FROM mail;
INSERT INTO timer (id, state, transport, lane, next_at, due_at, created_at, callback)
SELECT id, CASE state WHEN 'SUCCESS' THEN 'executed' WHEN 'ERROR' THEN 'failed'
        WHEN 'PROCESSING' THEN 'served' ELSE 'scheduled' END,
    CASE WHEN seq % 2 = 0 THEN 'http' ELSE 'mail' END,
    CASE WHEN seq % 2 = 0 THEN 'http h' || seq % 500 ELSE 'mail' END,
    CASE WHEN state IN ('PENDING', 'RETRY', 'PROCESSING') THEN due_at END, due_at, due_at, '{{}}'
FROM mail;
INSERT INTO timer_life (timer, life, ended_by, state, revision, due_at, created_at, retry_count,
    attempt, tries, callback)
SELECT id, 1, 'retried', 'failed', 1, 1, 1, 0, 1, '[]', '{{}}' FROM timer;
INSERT INTO timer_lane SELECT 'http h' || i, {NOW} + i FROM n;
INSERT INTO touchpoint_sequence SELECT 't' || i, 1 FROM n;
INSERT INTO touchpoint (id, kind, status, status_updated_at, created_at, cadence_member_id,
    error_category, unfinished, words, deleted_at)
SELECT 't' || i, 'automated', CASE WHEN i % 10 = 0 THEN 'Error' ELSE 'Sent' END, {NOW}, {NOW},
    'm' || i % 500, CASE WHEN i % 10 = 0 THEN 'full' END,
    CASE WHEN i % 1000 = 0 THEN '{{}}' END, 't' || i || ' example com',
    CASE WHEN i % 20 = 0 THEN {NOW} END FROM n;
INSERT INTO touchpoint_search SELECT seq, array_to_tsvector(words_of(words)) FROM touchpoint;
INSERT INTO conquer_error (id, event_id, touchpoint_id, status, occurred_at)
SELECT id, id, id, CASE WHEN seq % 2 = 0 THEN 'Error' ELSE 'Rate Limited' END, 1 FROM touchpoint;
INSERT INTO outbox (seq, touchpoint_id, state)
SELECT i, 't' || i % 1000, CASE WHEN i % 50 = 0 THEN 'parked' ELSE 'waiting' END FROM n;
INSERT INTO outbox_lane SELECT 't' || i, {NOW} + i FROM n WHERE i < 1000;
INSERT INTO webhook (id, url, types, include, secret, created_at)
SELECT 'w' || i, 'u', '[]', 'doc', '', 1 FROM n WHERE i < 3;
INSERT INTO webhook_queue (webhook, seq, mail, state)
SELECT 'w' || 1 + i % 2, i, 'm' || i, CASE WHEN i % 50 = 0 THEN 'parked' ELSE 'waiting' END FROM n;
INSERT INTO webhook_lane SELECT 'w' || 1 + i % 2, 'm' || i, {NOW} + i FROM n;
INSERT INTO kept_document SELECT i, 1, '{{}}' FROM n;
INSERT INTO collection_document (collection, id, version, name, bytes, created_at, updated_at,
    document)
SELECT CASE WHEN i % 50 = 0 THEN 'templates' ELSE 'users' END, 'u' || i, i,
    'u' || i || '@example.com', 2, 1, 1, '{{}}' FROM n;
INSERT INTO inbox (document, next_at) SELECT '{{}}', {NOW} + i FROM n;
SET session_replication_role = origin;
ANALYZE;
UPDATE pg_class SET reltuples = reltuples * {TIMES}
WHERE relname = ANY ('{{{",".join(GROWING)}}}') AND relkind = 'r';
"""
