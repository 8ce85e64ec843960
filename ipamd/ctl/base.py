"""What commands are made of: nouns, and one class for each verb that nouns share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.service import Resource, Service, path
from ipamd.ctl.showing import add_list_options, fields, table

if TYPE_CHECKING:
    from ipamd.ctl.app import IpamCtl


@dataclass(frozen=True)
class Noun:
    """A kind of resource: where its list is, what to show of it, and how to find one.

    ``filters`` are options of the list, each the query parameter it becomes.  ``named_by``
    is the field, beside ``id``, that people know one by.
    """

    singular: str
    plural: str
    columns: tuple[str, ...]
    filters: tuple[str, ...]
    named_by: str | None = None

    @property
    def path(self) -> str:
        """The path of the list."""
        return path(self.plural.replace("_", "-"))

    @property
    def words(self) -> str:
        """The noun as people say it."""
        return self.singular.replace("_", " ").replace("ip ", "IP ").replace("mac ", "MAC ")


class Talking:
    """A command that talks to the service."""

    app: Any

    @property
    def service(self) -> Service:
        """The service."""
        return cast("IpamCtl", self.app).service

    def find(self, noun: Noun, given: str, **also: str) -> Resource:
        """Find the one resource with an id, or with the name that people know it by.

        Raises: Failure when there is none, or the name is that of several
        """
        query = {name: f"eq:{value}" for name, value in also.items()}
        if noun.named_by is None:
            return self._by_id(noun, given)
        named = {**query, noun.named_by: f"eq:{given}"}
        try:
            found = self.service.get(noun.path, {**named, "limit": 11})[noun.plural]
        except Failure as error:
            # What is no address or CIDR is no such name; it may be an id.
            if error.status is not ExitStatus.REFUSED:
                raise
            found = []
        if len(found) == 1:
            return cast("Resource", found[0])
        if not found and "/" in given:  # then it is no id
            raise Failure(f"There is no {noun.words} {given}", ExitStatus.NOT_FOUND)
        if not found:
            return self._by_id(noun, given)
        ids = ", ".join(each["id"] for each in found[:10]) + (" ..." if len(found) > 10 else "")
        raise Failure(
            f"There are several of the {noun.words} {given}: name one by its id, {ids}",
            ExitStatus.CONFLICT,
        )

    def _by_id(self, noun: Noun, given: str) -> Resource:
        return cast("Resource", self.service.get(noun.path + path(given))[noun.singular])

    def id_of(self, noun: Noun, given: str | None, **also: str) -> str | None:
        """Return the id of a resource that an option may name.

        Raises: as ``find``
        """
        return None if given is None else str(self.find(noun, given, **also)["id"])


class ListCommand(Talking, Lister):
    """A list, with its filters, order and columns."""

    noun: ClassVar[Noun]

    @property
    def need_sort_by_cliff(self) -> bool:
        """Sort by columns as cliff does; the service sorts by --sort."""
        return True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add filters, --sort, --limit and --long."""
        parser = super().get_parser(prog_name)
        self.add_filters(parser)
        add_list_options(parser)
        return parser

    def add_filters(self, parser: argparse.ArgumentParser) -> None:
        """Add an option for each filter."""
        for name in self.noun.filters:
            parser.add_argument(
                option(name),
                dest=name,
                action="append",
                metavar="VALUE",
                help=f"Only those with this {name}; also in:A,B nin:A,B neq:A gt:A gte:A lt:A "
                "lte:A. May be repeated.",
            )
        parser.add_argument(
            "--sort",
            metavar="FIELD[:desc],...",
            help="Order by these fields, done by the service.",
        )

    def query(self, parsed_args: argparse.Namespace) -> dict[str, Any]:
        """Return the query of the list."""
        found = {name: getattr(parsed_args, name) for name in self.noun.filters}
        return {**found, "sort": parsed_args.sort}

    def items(self, parsed_args: argparse.Namespace) -> Iterable[Resource]:
        """Return the resources."""
        query = self.query(parsed_args)
        return self.service.each(self.noun.path, self.noun.plural, query, parsed_args.limit)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        """Return columns and rows."""
        return table(self.noun.columns, self.items(parsed_args), parsed_args)


class ShowCommand(Talking, ShowOne):
    """One resource."""

    noun: ClassVar[Noun]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the argument that names it."""
        parser = super().get_parser(prog_name)
        add_name(parser, self.noun)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        """Return names and values."""
        return fields(self.find(self.noun, parsed_args.name))


class WriteCommand(Talking, ShowOne):
    """A command that changes something, and shows what came of it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options that all of them have, and the command's own."""
        parser = super().get_parser(prog_name)
        self.add_arguments(parser)
        add_write_options(parser)
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments."""

    def write(
        self, parsed_args: argparse.Namespace, verb: str, where: str, body: Resource | None
    ) -> tuple[Sequence[str], Sequence[Any]]:
        """Send a change; show the resource, or the request when it is done later."""
        found = self.service.write(
            verb, where, body, key=parsed_args.idempotency_key, later=parsed_args.later
        )
        document = next(iter(found.values())) if found else {}
        return fields(document)


class DeleteCommand(Talking, Command):
    """Deletes resources, one after the other; the first that cannot be ends it."""

    noun: ClassVar[Noun]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the arguments that name them."""
        parser = super().get_parser(prog_name)
        add_name(parser, self.noun, nargs="+")
        add_write_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete them."""
        for name in parsed_args.name:
            where = self.noun.path + path(self.find(self.noun, name)["id"])
            remove(self, parsed_args, where)


def remove(command: Talking, parsed_args: argparse.Namespace, where: str) -> None:
    """Delete what is at a path; say which request it is when it is done later."""
    found = command.service.write(
        "DELETE", where, key=parsed_args.idempotency_key, later=parsed_args.later
    )
    if found:
        command.app.stdout.write(f"request {found['request']['id']}\n")


def add_name(parser: argparse.ArgumentParser, noun: Noun, **more: Any) -> None:
    """Add the argument that names one of a kind."""
    also = f" or {noun.named_by}" if noun.named_by else ""
    parser.add_argument("name", metavar=metavar(noun), help=f"The id{also}.", **more)


def add_write_options(parser: argparse.ArgumentParser) -> None:
    """Add what everything that changes something has."""
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help="Do it once, however often it is sent under this key within a day; default: a "
        "new key for each command.",
    )
    parser.add_argument(
        "--later",
        action="store_true",
        help="Hand it to the workers and do not wait; 'request show' tells what came of it.",
    )


def metavar(noun: Noun) -> str:
    """Return a noun as usage lines name it."""
    return noun.singular.removeprefix("ip_").replace("address_range", "range").upper()


def option(name: str) -> str:
    """Return the option for a field."""
    return f"--{name.replace('_', '-')}"


def given(parsed_args: argparse.Namespace, *names: str) -> Resource:
    """Return the fields that options name; an empty text is null."""
    values = {name: getattr(parsed_args, name) for name in names}
    return {name: value or None for name, value in values.items() if value is not None}
