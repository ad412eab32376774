-- Templates and users: the extension's two other collections, each document kept whole.

-- What a collection's versions are drawn from: it grows with every change and every deletion.
CREATE TABLE collection (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO collection (name, version) VALUES ('templates', 0), ('users', 0);

-- A document of a collection. name is what it is called by beside its id: a template's own name, a
-- user's email. bytes is the length of the document, which comes last: what is read without it does
-- not read its pages.
CREATE TABLE collection_document (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT;
CREATE INDEX collection_document_name ON collection_document (collection, name, id)
    WHERE name IS NOT NULL;
-- Templates are few, and looked at all together: which there are, which changed, what they take.
CREATE INDEX collection_template ON collection_document (collection, id, version, bytes)
    WHERE collection = 'templates';

-- A document with what is known of it, as a JSON list; its text goes in as it is.
CREATE VIEW collected AS SELECT d.*,
    '[' || json_quote(id) || ',' || version || ',' || created_at || ',' || updated_at
        || ',' || document || ']' AS item
FROM collection_document d;
