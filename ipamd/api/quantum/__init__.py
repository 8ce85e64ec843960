"""Quantum's API, v1.0 and v1.1: networks, ports and what is plugged into them."""
