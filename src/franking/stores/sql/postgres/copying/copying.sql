-- What `franking db copy` asks of the database that it fills. Words in braces are names of tables
-- and columns, which are this franking's own.

-- name: columns_there
-- The columns of the schema's tables, each with its type, as [table, column, type].
SELECT coalesce(json_agg(json_build_array(c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
    ORDER BY c.relname, a.attnum), '[]')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped;

-- name: lock_all!
-- Nobody else reads or writes these tables until the transaction ends.
LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;

-- name: holds_any
-- Is there a row?
SELECT EXISTS (SELECT 1 FROM {table} {which});

-- name: empty_there!
-- What a new schema has from the start gives way.
DELETE FROM {table};

-- name: triggers_there
-- The triggers that are on, as [table, trigger].
SELECT coalesce(json_agg(json_build_array(c.relname, t.tgname)), '[]')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
    AND t.tgenabled = 'O' AND c.relname = ANY(:tables);

-- name: trigger_off!
-- What a row brings about has been brought about where it comes from.
ALTER TABLE {table} DISABLE TRIGGER {trigger};

-- name: trigger_on!
-- As it was.
ALTER TABLE {table} ENABLE TRIGGER {trigger};

-- name: make_finding!
-- Documents as the store writes them (insert_documents): with their words made ready to be found.
CREATE FUNCTION pg_temp.document_is_copied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.words <> '' THEN
        NEW.search := array_to_tsvector(words_of(NEW.words));
    END IF;
    RETURN NEW;
END
$$;

-- name: find_documents!
-- As long as they are copied.
CREATE TRIGGER document_is_copied BEFORE INSERT ON document FOR EACH ROW
EXECUTE FUNCTION pg_temp.document_is_copied();

-- name: find_no_documents!
-- The store writes the words itself.
DROP TRIGGER document_is_copied ON document;

-- name: find_touchpoints!
-- The words of touchpoints, as their trigger writes them.
INSERT INTO touchpoint_search (seq, search)
SELECT seq, array_to_tsvector(words_of(words)) FROM touchpoint WHERE words <> '';

-- name: number_rows
-- The next row of a table has a number beyond this one.
SELECT setval(pg_get_serial_sequence(:table, 'seq'), :last);

-- name: number_epochs
-- The next epoch is beyond this one.
SELECT setval('epoch', :last);

-- name: count_there
-- How many rows a table has.
SELECT count(*) FROM {table};

-- name: rows_there
-- The rows of a table, as they are compared.
SELECT {columns} FROM {table}
