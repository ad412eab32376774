-- name: lock_collection
-- Nothing to lock: there is one writer.
SELECT NULL;

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
SELECT c.name, :id, c.version, :called, :bytes, :now, :now, :document
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
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT d.item FROM collected d
    WHERE d.collection = :collection AND d.id > :after ORDER BY d.id LIMIT :limit
);

-- name: page_collected_by
-- Of those after an id, the documents whose id begins so or that are called so, as a JSON list.
SELECT '[' || coalesce(group_concat(item), '') || ']' FROM (
    SELECT d.item FROM (
        SELECT * FROM (
            SELECT id FROM collection_document
            WHERE collection = :collection AND id >= max(:after, :q)
                AND id < :q || char(1114111) AND id <> :after
            ORDER BY id LIMIT :limit
        )
        UNION
        SELECT * FROM (
            SELECT id FROM collection_document
            WHERE collection = :collection AND name = :q AND id > :after
            ORDER BY id LIMIT :limit
        )
    ) f JOIN collected d ON d.collection = :collection AND d.id = f.id
    ORDER BY f.id LIMIT :limit
);

-- name: names_of
-- What the documents of a JSON list of ids are called, as a JSON map; others are left out.
SELECT json_group_object(d.id, d.name)
FROM json_each(:ids) r
CROSS JOIN collection_document d ON d.collection = :collection AND d.id = r.value
WHERE d.name IS NOT NULL;

-- name: template_room
-- How many other templates there are, and their bytes.
SELECT count(*), coalesce(sum(bytes), 0)
FROM collection_document INDEXED BY collection_template WHERE collection = 'templates' AND id <> :id;

-- name: templates_since
-- The templates' version, the ids of all, and those that changed after a version, at one moment.
SELECT '[' || c.version || ',' || (
    SELECT json_group_array(id) FROM collection_document INDEXED BY collection_template
    WHERE collection = 'templates'
) || ',[' || coalesce((
    SELECT group_concat(d.item) FROM (
        SELECT id FROM collection_document INDEXED BY collection_template
        WHERE collection = 'templates' AND version > :version
    ) f CROSS JOIN collected d ON d.collection = 'templates' AND d.id = f.id
), '') || ']]'
FROM collection c WHERE c.name = 'templates';
