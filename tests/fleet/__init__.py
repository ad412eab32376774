"""Several processes on one database in PostgreSQL: the whole service, as it is started."""
