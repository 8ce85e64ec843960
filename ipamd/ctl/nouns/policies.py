"""``policy``: addresses that are not handed out, by range and by last octet."""

from __future__ import annotations

import abc
import argparse
from collections.abc import Callable
from typing import Any

from ipamd.ctl.base import DeleteCommand, ListCommand, ShowCommand, WriteCommand, add_name, given
from ipamd.ctl.exit_status import ExitStatus, Failure
from ipamd.ctl.nouns.kinds import POLICY
from ipamd.ctl.service import Resource, path

_RANGES, _OCTETS = "unusable_ip_ranges", "unusable_ip_octets"


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--range", dest=_RANGES, type=_range, action="append", metavar="OFFSET:LENGTH",
        help="Addresses from an offset on are not handed out; negative: from the end. May be "
        "repeated.",
    )  # fmt: skip
    parser.add_argument(
        "--octet", dest=_OCTETS, type=_octet, action="append", metavar="OCTET",
        help="Addresses with this last octet are not handed out. May be repeated.",
    )  # fmt: skip


def _range(text: str) -> Resource:
    offset, _, length = text.partition(":")
    try:
        return {"offset": int(offset), "length": int(length)}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not OFFSET:LENGTH") from None


def _octet(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 255):
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 255")
    return int(text)


class PolicyList(ListCommand):
    """List policies."""

    noun = POLICY


class PolicyShow(ShowCommand):
    """Show a policy."""

    noun = POLICY


class PolicyCreate(WriteCommand):
    """Create a policy."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a policy has."""
        parser.add_argument("new_name", metavar="NAME", help="What people call it.")
        parser.add_argument("--tenant", metavar="ID", required=True, help="Who owns it.")
        parser.add_argument("--description", metavar="TEXT", help="What it is for.")
        _add_rules(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Create it."""
        rules = given(parsed_args, "description", _RANGES, _OCTETS)
        body = {"tenant_id": parsed_args.tenant, "name": parsed_args.new_name, **rules}
        return self.write(parsed_args, "POST", POLICY.path, {"policy": body})


class PolicySet(WriteCommand):
    """Change a policy; ranges and octets that are given take the place of all there are."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what can be changed."""
        add_name(parser, POLICY)
        parser.add_argument("--name", dest="new_name", metavar="NAME", help="Its new name.")
        parser.add_argument("--description", metavar="TEXT", help="'' for none.")
        _add_rules(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Change it."""
        body = given(parsed_args, "description", _RANGES, _OCTETS)
        if parsed_args.new_name:
            body["name"] = parsed_args.new_name
        where = POLICY.path + path(self.find(POLICY, parsed_args.name)["id"])
        return self.write(parsed_args, "PATCH", where, {"policy": body})


class PolicyDelete(DeleteCommand):
    """Delete policies; blocks that had them have none."""

    noun = POLICY


class _RuleChange(WriteCommand):
    """Adds or removes one rule: reads the policy, and writes the list that it has then."""

    field: str
    word: str
    read: Callable[[str], Any]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the policy and the rule."""
        add_name(parser, POLICY)
        parser.add_argument("rule", metavar=self.word, type=type(self).read, help="The rule.")

    @abc.abstractmethod
    def changed(self, rules: list[Any], rule: Any) -> list[Any]:
        """Return the rules with one more or one less."""

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Change the policy."""
        policy = self.find(POLICY, parsed_args.name)
        rules = self.changed(policy[self.field], parsed_args.rule)
        where = POLICY.path + path(policy["id"])
        return self.write(parsed_args, "PATCH", where, {"policy": {self.field: rules}})


class _Adding(_RuleChange):
    def changed(self, rules: list[Any], rule: Any) -> list[Any]:
        """Return the rules with one more."""
        return rules if rule in rules else [*rules, rule]


class _Removing(_RuleChange):
    def changed(self, rules: list[Any], rule: Any) -> list[Any]:
        """Return the rules with one less.

        Raises: Failure when it is not among them
        """
        if rule not in rules:
            raise Failure("The policy has no such rule", ExitStatus.NOT_FOUND)
        return [each for each in rules if each != rule]


class PolicyRangeAdd(_Adding):
    """Exclude a range of addresses."""

    field, word, read = _RANGES, "OFFSET:LENGTH", staticmethod(_range)


class PolicyRangeRemove(_Removing):
    """Let a range of addresses be handed out again."""

    field, word, read = _RANGES, "OFFSET:LENGTH", staticmethod(_range)


class PolicyOctetAdd(_Adding):
    """Exclude addresses by their last octet."""

    field, word, read = _OCTETS, "OCTET", staticmethod(_octet)


class PolicyOctetRemove(_Removing):
    """Let addresses with a last octet be handed out again."""

    field, word, read = _OCTETS, "OCTET", staticmethod(_octet)
