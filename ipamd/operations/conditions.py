"""That an address is in use, in the spelling that lets SQLite take the right index.

It means what its name says, and no more; without it SQLite may read every address there is
to find a few.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class InUse(FunctionElement[bool]):
    """``InUse(deallocated_at)``: the address is held, and not in quarantine.

    SQLite takes an index for any equality, even for one that nearly all rows fulfil: the
    plus keeps it from the index on ``deallocated_at``.
    """

    inherit_cache = True
    type = sa.Boolean()

    def self_group(self, against: object = None) -> Any:
        """Stand among other conditions as it is, not as ``… = 1`` on MariaDB."""
        return self


@compiles(InUse)
def _in_use(element: InUse, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IS NULL"


@compiles(InUse, "sqlite")
def _in_use_on_sqlite(element: InUse, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"+{column} IS NULL"
