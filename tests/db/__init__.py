"""The store on its three databases: schema, transactions, concurrency, checks."""
