"""``cardscanner account``: who may use the box's page, for those who sit at the box."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from cardscanner.commands.options import add_config, ask_for_more, new_parser, usual
from cardscanner.configfile import load_config
from cardscanner.errors import CardscannerError, InputError

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers
    from cardscanner.web.accounts import Accounts

_EXAMPLES = """\
  cardscanner account code                        the code that claims a new scanner
  cardscanner account list
  cardscanner account add counter --role viewer   asks for a password
  cardscanner account password ann                a forgotten one: sets another
  cardscanner account remove counter
  cardscanner account reset                       forgets everybody; a new code claims the scanner again

What is changed counts at once, also for a scanner that runs; whose password changes is logged out."""
_CODES = usual(0, 1, 78)


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "account", "see and change who may use the page", _EXAMPLES, _CODES)
    ask_for_more(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _action(actions, "code", "show the code that claims a scanner without an owner").set_defaults(
        command=_code
    )
    _action(actions, "list", "list accounts and roles").set_defaults(command=_list)
    add = _action(actions, "add", "make an account", named=True)
    add.add_argument("--role", choices=("viewer", "admin"), default="viewer", help="(default: viewer)")
    add.set_defaults(command=_add)
    _action(actions, "password", "set another password", named=True).set_defaults(command=_password)
    _action(actions, "remove", "remove an account", named=True).set_defaults(command=_remove)
    _action(actions, "reset", "remove all accounts").set_defaults(command=_reset)


def _action(actions: Subparsers, name: str, summary: str, *, named: bool = False) -> argparse.ArgumentParser:
    parser = new_parser(actions, name, summary, _EXAMPLES, _CODES)
    add_config(parser)
    if named:
        parser.add_argument("name", metavar="NAME")
    return parser


def _code(arguments: argparse.Namespace) -> int:
    accounts = _accounts(arguments)
    if accounts.claimed:
        raise InputError("this scanner has an owner already; `cardscanner account list` names the accounts")
    print(accounts.claim_code())
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for each in _accounts(arguments).listed():
        print(f"{each.name}\t{each.role}")
    return 0


def _add(arguments: argparse.Namespace) -> int:
    _accounts(arguments).add(arguments.name, _asked_password(), arguments.role)
    return 0


def _password(arguments: argparse.Namespace) -> int:
    _accounts(arguments).change_password(arguments.name, _asked_password())
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    _accounts(arguments).remove(arguments.name)
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    accounts = _accounts(arguments)
    accounts.reset()
    print(f"nobody owns this scanner any more; its code is {accounts.claim_code()}")
    return 0


def _accounts(arguments: argparse.Namespace) -> Accounts:
    from cardscanner.web.accounts import Accounts
    from cardscanner.web.room import web_folder

    config = load_config(arguments.config)
    if config.web is None:
        raise CardscannerError(
            f"{arguments.config}: there is no section web, so there is no page and nobody to see it"
        )
    return Accounts.open(web_folder(config))


def _asked_password() -> str:
    """Ask at the terminal, twice; a pipe gives one line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("password: ")
    if getpass.getpass("the same again: ") != password:
        raise InputError("the two passwords differ; nothing was changed")
    return password
