"""ipamd on a Galera cluster: workers that write to different nodes."""
