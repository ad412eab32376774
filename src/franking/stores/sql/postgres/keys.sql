-- name: add_key!
-- A new key, from its JSON.
INSERT INTO api_key (id, name, hash, scopes, per_minute, created_at)
SELECT k.id, k.name, k.hash, k.scopes::text, k.per_minute, k.created_at
FROM jsonb_to_record(given(:key)) AS k (
    id text, name text, hash text, scopes jsonb, per_minute bigint, created_at bigint
);

-- name: find_key
-- One key as JSON, by id, revoked or not.
SELECT json_build_object(
    'id', id, 'name', name, 'hash', hash, 'scopes', scopes::json, 'per_minute', per_minute,
    'created_at', created_at, 'last_used_at', last_used_at, 'revoked_at', revoked_at
)::text
FROM api_key WHERE id = :id;

-- name: list_keys
-- The newest keys as a JSON list, the revoked ones last.
SELECT coalesce(json_agg(row), '[]')::text FROM (
    SELECT json_build_object(
        'id', id, 'name', name, 'hash', hash, 'scopes', scopes::json, 'per_minute', per_minute,
        'created_at', created_at, 'last_used_at', last_used_at, 'revoked_at', revoked_at
    ) AS row
    FROM api_key ORDER BY revoked_at IS NOT NULL, created_at DESC, id DESC LIMIT :limit
) keys;

-- name: revoke_key!
-- A key that opens nothing any more; when it was revoked first stays.
UPDATE api_key SET revoked_at = coalesce(revoked_at, :now) WHERE id = :id;

-- name: use_keys!
-- When keys were last used, from a JSON list of [id, time]; a later time stays.
UPDATE api_key SET last_used_at = greatest(api_key.last_used_at, used.at)
FROM (
    SELECT r.value ->> 0 AS id, max((r.value ->> 1)::bigint) AS at
    FROM jsonb_array_elements(given(:uses)) r (value) GROUP BY 1
) AS used
WHERE api_key.id = used.id;

-- name: key_made
-- Was a key ever made?
SELECT EXISTS (SELECT 1 FROM api_key);

-- name: key_valid
-- Is there a key that is not revoked?
SELECT EXISTS (SELECT 1 FROM api_key WHERE revoked_at IS NULL);
