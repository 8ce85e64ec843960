"""The REST facade: HTTP in, RPC out. Nothing here touches the database."""
