"""What outlives a run: transactions over a reload, the one that restarted us over a restart."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from cardscanner.config import Config
from cardscanner.control.room import ControlRoom, Wishes
from cardscanner.logs import LogFile
from cardscanner.mailbox import LatestSlot
from cardscanner.publish import Extras
from cardscanner.publish.log_lines import LogLines
from cardscanner.publish.orders import Desk
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.transactions import Transactions

RESTARTED_BY = "CARDSCANNER_RESTARTED_BY"
"""Environment variable: the transaction of the restart, which must not be carried out twice."""


def remembered_transactions() -> Transactions:
    """Return the transactions that a new process has to know."""
    transactions = Transactions()
    if name := os.environ.pop(RESTARTED_BY, None):
        transactions.begin(name, "restart", time.monotonic())
    return transactions


def remember_restart(wishes: Wishes) -> bool:
    """Leave the transaction to the next process; return whether there is to be one."""
    if wishes.restart and wishes.restarted_by is not None:
        os.environ[RESTARTED_BY] = wishes.restarted_by
    return wishes.restart


def log_lines(config: Config) -> LogLines | None:
    """Return who takes log lines for the topic ``log``, if anybody wants them."""
    publish = config.publish
    if publish.backend != "mqtt" or publish.log == "off":
        return None
    return LogLines(publish.log)


def log_file(config: Config) -> LogFile | None:
    """Return the file that keeps the log, if one is wanted."""
    log = config.log
    return None if log.file is None else LogFile(log.file, log.file_bytes, log.file_count)


def with_room(extras: Extras, room: ControlRoom, desk: Desk) -> Extras:
    """Return the extras of one run: with its desk, its replays, its pictures and its versions."""
    publish = room.config.publish
    if publish.backend == "mqtt" and publish.image:
        room.vitals.pictures = LatestSlot()

    def update() -> UpdatePayload:
        database = room.facts.info().db
        if room.updates is not None:
            return room.updates.payload(database.name, database.version)
        return UpdatePayload(installed_version=database.version, title=f"Card database {database.name}")

    return replace(extras, desk=desk, replays=room.replays, pictures=room.vitals.pictures, update=update)
