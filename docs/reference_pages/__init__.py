"""The pages of the generated reference: one module a page."""
