"""``ipamctl``: the command-line client, which knows nothing of ipamd but ``/v2``."""
