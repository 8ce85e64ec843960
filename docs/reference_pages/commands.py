"""The commands of ``ipamctl``, from their own parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

from ipamd.ctl.app import IpamCtl
from ipamd.ctl.commands import COMMANDS
from ipamd.ctl.exit_status import MEANINGS
from reference_pages.markdown import NOTE, page, table

# In the titles of the options that cliff gives to everything that is shown.
_FORMATS = "formatter"


def commands() -> str:
    """List the commands with their arguments, and the exit statuses."""
    app = IpamCtl()
    parts = [
        "# Commands of ipamctl",
        NOTE,
        "How to use it: [ipamctl](../how_to/ipamctl.md).",
        table(
            ("command", "what it does"),
            [(f"[{name}](#{_anchor(name)})", _about(app, name)) for name in COMMANDS],
        ),
        "## Options of all",
        "They stand before the command. The variable in brackets says what is taken without one.",
        _arguments(_mine(app.parser)),
        (
            "What is shown can be had in other forms: `-f` with `table`, `json`, `yaml`, `csv` "
            "(of lists), `shell` (of one) or `value`, and `-c` for each column that is wanted. "
            "`ipamctl help COMMAND` tells of the rest."
        ),
        "## Exit statuses",
        table(("status", "when"), [(str(int(each)), text) for each, text in MEANINGS.items()]),
    ]
    for name in COMMANDS:
        parts += [f"## {name}", *_command(app, name)]
    return page(parts)


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _about(app: IpamCtl, name: str) -> str:
    return _one_line(COMMANDS[name](app, None).get_description().split("\n\n")[0])


def _command(app: IpamCtl, name: str) -> Iterator[str]:
    command = COMMANDS[name](app, None)
    parser = command.get_parser(f"ipamctl {name}")
    arguments = _mine(parser)
    yield f"`{_usage(f'ipamctl {name}', arguments)}`"
    yield _one_line(command.get_description())
    if arguments:
        yield _arguments(arguments)


def _mine(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a command: without help, and without what cliff adds."""
    left_out = {
        id(action)
        for group in parser._action_groups
        if _FORMATS in (group.title or "").lower()
        for action in group._group_actions
    }
    return [
        action
        for action in parser._actions
        if id(action) not in left_out and not isinstance(action, argparse._HelpAction)
    ]


def _usage(prog: str, arguments: Iterable[argparse.Action]) -> str:
    words = [prog]
    for action in arguments:
        if not action.option_strings:
            name = _placeholder(action)
            words.append(f"[{name}]" if action.nargs == "?" else name)
            if action.nargs == "+":
                words.append("...")
        elif action.required:
            words += [action.option_strings[-1], _placeholder(action)]
    return " ".join(words)


def _arguments(arguments: Iterable[argparse.Action]) -> str:
    rows = [(f"`{_name(each)}`", _one_line(each.help or "")) for each in arguments]
    return table(("argument", "meaning"), rows)


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return _placeholder(action)
    option = ", ".join(action.option_strings)
    return option if action.nargs == 0 else f"{option} {_placeholder(action)}"


def _placeholder(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("%%", "%")
