"""Tests of the rules of addressing."""
