"""What the service does, one noun a file: plain functions ``(tx, …) -> result``.

A function that is named like an RPC method *is* that method: its parameters after
``tx`` are the method's arguments, its result is the method's result.
"""
