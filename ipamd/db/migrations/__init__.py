"""The revisions of the schema, oldest first; ``ipamd.db.schema`` runs them.

The next one is made with ``python -m ipamd.db.migrations "what it changes"`` and then
edited: it has to run on PostgreSQL, MariaDB and SQLite.
"""
