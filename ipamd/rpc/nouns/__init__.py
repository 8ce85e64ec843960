"""The client's methods, one noun a file, each named as the RPC method it calls."""
