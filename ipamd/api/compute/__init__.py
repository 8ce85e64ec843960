"""Nova's list of an instance's virtual interfaces, as v2 and v2.1 had it."""
