-- name: lock_collection
-- Nobody else changes this collection until the transaction ends.
SELECT version FROM collection WHERE name = :collection FOR UPDATE;

-- name: grow_collection!
-- A new version of a collection, for a change or a deletion.
UPDATE collection SET version = version + 1 WHERE name = :collection;

-- name: collection_version
-- The version of a collection as it is now.
SELECT version FROM collection WHERE name = :collection;

-- name: save_collected!
-- A document as it is from now on, under its collection's version.
INSERT INTO collection_document (
    collection, id, version, name, bytes, created_at, updated_at, document
)
SELECT c.name, :id, c.version, CAST(:called AS text), CAST(:bytes AS bigint),
    CAST(:now AS bigint), CAST(:now AS bigint), CAST(:document AS text)
FROM collection c WHERE c.name = :collection
ON CONFLICT (collection, id) DO UPDATE SET version = excluded.version, name = excluded.name,
    bytes = excluded.bytes, updated_at = excluded.updated_at, document = excluded.document;

-- name: read_collected
-- One document, by id.
SELECT d.item FROM collected d WHERE d.collection = :collection AND d.id = :id;

-- name: delete_collected!
-- A document that is removed.
DELETE FROM collection_document WHERE collection = :collection AND id = :id;

-- name: page_collected
-- Documents after an id, by id, as a JSON list.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY id), '') || ']' FROM (
    SELECT d.id, d.item FROM collected d
    WHERE d.collection = :collection AND d.id > :after ORDER BY d.id LIMIT :limit
) page;

-- name: page_collected_by
-- Of those after an id, the documents whose id begins so or that are called so, as a JSON list.
SELECT '[' || coalesce(string_agg(item, ',' ORDER BY id), '') || ']' FROM (
    SELECT d.id, d.item FROM (
        SELECT id FROM (
            SELECT id FROM collection_document
            WHERE collection = :collection AND id >= greatest(:after, :q COLLATE "C")
                AND id < :q || chr(1114111) AND id <> :after
            ORDER BY id LIMIT :limit
        ) begins
        UNION
        SELECT id FROM (
            SELECT id FROM collection_document
            WHERE collection = :collection AND left(name, 200) = left(:q, 200) AND name = :q
                AND id > :after
            ORDER BY id LIMIT :limit
        ) called
    ) f JOIN collected d ON d.collection = :collection AND d.id = f.id
    ORDER BY d.id LIMIT :limit
) page;

-- name: names_of
-- What the documents of a JSON list of ids are called, as a JSON map; others are left out.
SELECT coalesce(json_object_agg(d.id, d.name), '{}')::text
FROM (SELECT DISTINCT jsonb_array_elements_text(given(:ids)) AS id) r
JOIN collection_document d ON d.collection = :collection AND d.id = r.id
WHERE d.name IS NOT NULL;

-- name: template_room
-- How many other templates there are, and their bytes.
SELECT count(*), coalesce(sum(bytes), 0)::bigint
FROM collection_document WHERE collection = 'templates' AND id <> :id;

-- name: templates_since
-- The templates' version, the ids of all, and those that changed after a version, at one moment.
SELECT '[' || c.version || ',' || (
    SELECT coalesce(json_agg(id), '[]') FROM collection_document WHERE collection = 'templates'
) || ',[' || coalesce((
    SELECT string_agg(d.item, ',') FROM collected d
    WHERE d.collection = 'templates' AND d.version > :version
), '') || ']]'
FROM collection c WHERE c.name = 'templates';
