"""The views of ``/v2``, one module a noun: (api, variables of the path, body) → answer.

What is common to them (versions, headers, checks of body and query, errors) is around them.
"""
