-- name: add_key!
-- A new key, from its JSON.
INSERT INTO api_key (id, name, hash, scopes, per_minute, created_at)
VALUES (
    :key ->> '$.id', :key ->> '$.name', :key ->> '$.hash', :key -> '$.scopes',
    :key ->> '$.per_minute', :key ->> '$.created_at'
);

-- name: find_key
-- One key as JSON, by id, revoked or not.
SELECT json_object(
    'id', id, 'name', name, 'hash', hash, 'scopes', json(scopes), 'per_minute', per_minute,
    'created_at', created_at, 'last_used_at', last_used_at, 'revoked_at', revoked_at
)
FROM api_key WHERE id = :id;

-- name: list_keys
-- The newest keys as a JSON list, the revoked ones last.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object(
        'id', id, 'name', name, 'hash', hash, 'scopes', json(scopes), 'per_minute', per_minute,
        'created_at', created_at, 'last_used_at', last_used_at, 'revoked_at', revoked_at
    ) AS row
    FROM api_key ORDER BY revoked_at IS NOT NULL, created_at DESC, id DESC LIMIT :limit
);

-- name: revoke_key!
-- A key that opens nothing any more; when it was revoked first stays.
UPDATE api_key SET revoked_at = coalesce(revoked_at, :now) WHERE id = :id;

-- name: use_keys!
-- When keys were last used, from a JSON list of [id, time]; a later time stays.
UPDATE api_key SET last_used_at = max(coalesce(api_key.last_used_at, 0), used.at)
FROM (SELECT r.value ->> 0 AS id, r.value ->> 1 AS at FROM json_each(:uses) r) AS used
WHERE api_key.id = used.id;

-- name: key_made
-- Was a key ever made?
SELECT EXISTS (SELECT 1 FROM api_key);

-- name: key_valid
-- Is there a key that is not revoked?
SELECT EXISTS (SELECT 1 FROM api_key WHERE revoked_at IS NULL);
