"""ipamd's own API below ``/v2``: consistent, microversioned, described by itself."""
