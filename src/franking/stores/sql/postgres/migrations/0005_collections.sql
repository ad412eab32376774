-- Templates and users: the extension's two other collections, each document kept whole; and who is
-- signed in to the console. Times are milliseconds since 1970-01-01 UTC.

-- What a collection's versions are drawn from: it grows with every change and every deletion.
CREATE TABLE collection (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL
);
INSERT INTO collection (name, version) VALUES ('templates', 0), ('users', 0);

-- A document of a collection. name is what it is called by beside its id: a template's own name, a
-- user's email. bytes is the length of the document, which is kept as it came.
CREATE TABLE collection_document (
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    name text COLLATE "C",
    bytes bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (collection, id)
);
-- A row of an index has 2,704 octets at most, and a name may be longer.
CREATE INDEX collection_document_name ON collection_document (collection, left(name, 200), id)
    WHERE name IS NOT NULL;
-- Templates are few, and looked at all together: which there are, which changed, what they take.
CREATE INDEX collection_template ON collection_document (id) INCLUDE (version, bytes)
    WHERE collection = 'templates';

-- A document with what is known of it, as a JSON list; its text goes in as it is.
CREATE VIEW collected AS SELECT d.*,
    '[' || to_json(id) || ',' || version || ',' || created_at || ',' || updated_at
        || ',' || document || ']' AS item
FROM collection_document d;

-- What the console's sessions are signed with: made once, the same for every process, 32 bytes in
-- hexadecimal digits.
CREATE TABLE session_secret (
    id bigint PRIMARY KEY CHECK (id = 1),
    secret text NOT NULL CHECK (length(secret) = 64)
);

-- Who is signed in to the console. hash is the SHA-256 of a session's nonce, key the id of the key
-- that was shown; after ends_at it is over, however often it was renewed. What was signed out of is
-- gone.
CREATE TABLE session (
    hash text COLLATE "C" PRIMARY KEY,
    key text COLLATE "C" NOT NULL,
    signed_in_at bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE INDEX session_end ON session (ends_at);
CREATE INDEX session_of_key ON session (key, signed_in_at);
