"""Files line by line: their form, their separator, and the entries that they say."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.importing.entries import Entry, Refused
from ipamd.ctl.importing.forms import BY_NAME, LIST, Form, names, recognise

_SEPARATORS = ",;\t"


def form_of(stream: TextIO, name: str | None) -> tuple[Form, str]:
    """Return the form of a file, and what separates its columns; go back to its beginning.

    Raises: Failure when its first line is no header that is known
    """
    first = stream.readline()
    stream.seek(0)
    separator = max(_SEPARATORS, key=first.count)
    if name is not None:
        return BY_NAME[name], separator
    header = next(csv.reader([first], delimiter=separator), [])
    form = recognise(header)
    if form is None:
        shown = ", ".join(header)[:100]
        raise Failure(
            f"The first line ({shown}) is no header that is known: name the form with --from, "
            f"one of {'; '.join(names())}",
            ExitStatus.USAGE,
        )
    return form, separator


def entries(stream: TextIO, form: Form, separator: str) -> Iterator[Entry]:
    """Yield what the lines say, with their numbers; empty ones and comments say nothing."""
    if form is LIST:
        yield from _plain(stream)
        return
    reader = csv.reader(stream, delimiter=separator)
    header = next(reader, [])
    columns = form.positions(header)
    if not columns:
        raise Failure(f"The first line is no header of {form.about}", ExitStatus.USAGE)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(reader.line_num, "", f"it is not CSV: {error}")
            continue
        if not any(cells):
            continue
        row = {
            meaning: text
            for meaning, number in columns.items()
            if number < len(cells) and (text := cells[number].strip())
        }
        yield form.read(reader.line_num, row)


def _plain(stream: TextIO) -> Iterator[Entry]:
    for number, text in enumerate(stream, 1):
        if text.split("#")[0].strip():
            yield LIST.read(number, {"text": text})
