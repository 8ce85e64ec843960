"""The Hilbert curve: numbers that are neighbours become cells that are neighbours."""

from __future__ import annotations


def place(position: int, side: int) -> tuple[int, int]:
    """Return column and row of a position on the curve that fills a square.

    ``side`` is a power of two; positions count from 0 to ``side`` squared less one.
    Aligned runs of 4, 16, 64 … positions fill squares, so a prefix is a square or two.
    """
    column = row = 0
    step = 1
    while step < side:
        right = 1 & (position // 2)
        down = 1 & (position ^ right)
        if not down:
            if right:
                column, row = step - 1 - column, step - 1 - row
            column, row = row, column
        column += step * right
        row += step * down
        position //= 4
        step *= 2
    return column, row


def positions(side: int) -> list[list[int]]:
    """Return the position of each cell, row by row."""
    grid = [[0] * side for _ in range(side)]
    for position in range(side * side):
        column, row = place(position, side)
        grid[row][column] = position
    return grid
