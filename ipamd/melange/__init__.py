"""Moving the database of an OpenStack Melange into ipamd's store.

Melange's rows are translated into a store of their own, a scratch file of SQLite with
ipamd's schema, where everything that spans rows is found by indexes: memory stays
bounded, and what is to be written can be checked as a whole before anything is.  From
there they are copied, in transactions each of which leaves the store consistent.
"""
