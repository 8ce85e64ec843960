"""The rules of addressing: pure functions and values, without I/O.

Every address is an ``int`` in the 128-bit space of IPv6, with IPv4 mapped at
``::ffff:0:0/96`` (RFC 4291, section 2.5.5.2), so that one order and one arithmetic
serve both families.  Invalid input raises ``ValueError`` with a short sentence.
"""
