"""The pages that people look at, made on the server; they work without JavaScript."""
