"""What is read of the store is tested on the stores that the tests of the database use."""

from tests.db.conftest import conf, db, empty_db, store

__all__ = ["conf", "db", "empty_db", "store"]
