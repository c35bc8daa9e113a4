"""``cardscanner backup`` and ``cardscanner restore``: what cannot be made again, in one file."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cardscanner.commands.options import add_config, new_parser, path, usual
from cardscanner.configfile import load_config

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

_BACKUP_EXAMPLES = """\
  cardscanner backup             beside a scanner that goes on
  cardscanner backup --json      where it is, its size, SHA-256 and contents

In it: messages that wait and those that were delivered, history with photos, corrections, accounts of the
page, configuration. Not in it: databases, models and programs (their releases), passwords and keys. The
newest five stay on the box: take them elsewhere (ansible/playbooks/backup.yml does). Run it as the user of
the service:
  sudo -u cardscanner cardscanner backup"""
_RESTORE_EXAMPLES = """\
  cardscanner restore backup.tar.gz

The scanner must not run, and the files must belong to the user of the service:
  sudo systemctl stop cardscanner
  sudo -u cardscanner cardscanner restore backup.tar.gz
  sudo systemctl start cardscanner

What lies there now is kept under names that end in .before-restore-1 and so on. The configuration is not put
back, for it belongs to whoever administers the box: tar -xzOf backup.tar.gz cardscanner.yaml shows it."""


def add_parsers(commands: Subparsers) -> None:
    """Describe both commands."""
    backup = new_parser(
        commands,
        "backup",
        "copy scans, history and settings into one file",
        _BACKUP_EXAMPLES,
        usual(0, 1, 78),
    )
    add_config(backup)
    backup.add_argument("--json", action="store_true", help="print one JSON object")
    backup.set_defaults(command=run_backup)
    restore = new_parser(
        commands, "restore", "put back what a backup has", _RESTORE_EXAMPLES, usual(0, 1, 65, 78)
    )
    add_config(restore)
    restore.add_argument("file", type=path, metavar="FILE", help="as `cardscanner backup` wrote it")
    restore.set_defaults(command=run_restore)


def run_backup(arguments: argparse.Namespace) -> int:
    """Write one."""
    from cardscanner.control.backup import write_full_backup
    from cardscanner.web.accounts import accounts_file
    from cardscanner.web.room import web_folder

    config = load_config(arguments.config)
    done = write_full_backup(config, arguments.config, accounts_file(web_folder(config)))
    if arguments.json:
        print(done.model_dump_json())
    else:
        print(done.path)
        print(f"{done.size_bytes} bytes: {', '.join(done.contents)}", file=sys.stderr)
    return 0


def run_restore(arguments: argparse.Namespace) -> int:
    """Put one back."""
    from cardscanner.control.restore import places, put_back
    from cardscanner.web.accounts import accounts_file
    from cardscanner.web.room import web_folder

    config = load_config(arguments.config)
    for line in put_back(arguments.file, places(config, accounts_file(web_folder(config)))):
        print(line)
    return 0
