"""Moving a Melange database into ipamd's store."""
