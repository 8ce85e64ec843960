"""Chaos: clients work while programs and servers are killed; then the books are checked.

``actors`` ask through the ``doors`` and write what they were told into the ``ledger``;
``faults`` kill, stop and freeze what the ``stack`` runs; a ``listener`` hears the events,
from which ``replica`` rebuilds the store; ``verdict`` compares all of them.
"""
