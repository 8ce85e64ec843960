"""The shared SQL store: models, transactions, idempotency keys and the outbox."""
