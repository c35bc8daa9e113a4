"""``cardscanner update``: look for signed releases, install them on trial, go back, and say how it stands."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cardscanner.commands.options import add_config, new_parser, usual
from cardscanner.config import Config
from cardscanner.configfile import load_config
from cardscanner.errors import SourceAway, UpdateRefused

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers
    from cardscanner.update.plan import Wish
    from cardscanner.update.proof import Witnesses
    from cardscanner.update.release import Kind
    from cardscanner.update.state import UpdateState
    from cardscanner.update.updater import Available, Progress

NEWER = 100
WAIT_S = 180.0
"""For a trial: 30 s to get ready, 60 s of good health, and a slow start."""
_TARGETS: dict[str, Kind] = {
    "database": "database",
    "db": "database",
    "model": "model",
    "program": "program",
    "daemon": "program",
}
_EXAMPLES = """\
  cardscanner update check                         what is newer (the same: cardscanner update --check)
  cardscanner update install database              the newest one, on trial; waits for the outcome
  cardscanner update install model database        two that belong together, at once
  cardscanner update install database --version 2026.11.1
  cardscanner update install database=pokemon      where the source has several
  cardscanner update status --json
  cardscanner update rollback database

Releases are signed; nothing is put in place before its signature, its files and its self-test are good, and
what then does not work is taken back by itself (docs/updates.md). Run it as the user of the service:
  sudo -u cardscanner cardscanner update install database"""
_CODES = {
    **usual(78, 130),
    0: "done; check: whether or not something is newer",
    1: "the source does not answer: again later; what has arrived is kept",
    65: "refused or rolled back: standard error says exactly why; what was in use still is",
    NEWER: "with --newer: something is newer",
}


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "update", "look for signed releases and install them", _EXAMPLES, _CODES)
    add_config(parser)
    parser.add_argument("--check", action="store_true", help="look, and say what is newer")
    _add_look(parser)
    parser.set_defaults(command=_run_bare, refuse=parser.error)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    check = new_parser(actions, "check", "look, and say what is newer", _EXAMPLES, _CODES)
    add_config(check, of_action=True)
    _add_look(check)
    check.set_defaults(command=run_check)
    install = new_parser(actions, "install", "put releases in place, on trial", _EXAMPLES, _CODES)
    add_config(install, of_action=True)
    install.add_argument(
        "targets", nargs="+", type=_target, metavar="TARGET[=NAME]",
        help=f"{', '.join(_TARGETS)}; NAME where there are several (default: as what is in use)",
    )  # fmt: skip
    install.add_argument("--version", help="of the first target (default: the newest of each)")
    install.add_argument("--name", help="of the first target")
    install.add_argument("--allow-downgrade", action="store_true", help="take an older version")
    install.add_argument("--again", action="store_true", help="take one that was rolled back here before")
    install.add_argument("--drop-changes", action="store_true", help="of the database, made on this box")
    install.add_argument("--no-wait", action="store_true", help="do not wait for the end of the trial")
    install.add_argument("--json", action="store_true", help="print one JSON object for each step")
    install.set_defaults(command=run_install)
    back = new_parser(actions, "rollback", "go back to the version before", _EXAMPLES, _CODES)
    add_config(back, of_action=True)
    back.add_argument(
        "targets", nargs="+", choices=sorted(_TARGETS), metavar="TARGET", help=", ".join(_TARGETS)
    )
    back.add_argument("--json", action="store_true", help="print the state as JSON")
    back.set_defaults(command=run_rollback)
    status = new_parser(actions, "status", "say what is in use and how updates stand", _EXAMPLES, _CODES)
    add_config(status, of_action=True)
    status.add_argument("--json", action="store_true", help="print the state as JSON")
    status.set_defaults(command=run_status)
    test = new_parser(actions, "selftest", "recognise known pictures with what is in use", _EXAMPLES, _CODES)
    add_config(test, of_action=True)
    test.add_argument("--in-use", action="store_true", help="with the box's own newest matches only")
    test.add_argument("--json", action="store_true", help="print one JSON object")
    test.set_defaults(command=run_selftest)


def _add_look(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--newer", action="store_true", help=f"exit {NEWER} when something is newer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run_bare(arguments: argparse.Namespace) -> int:
    if not arguments.check:
        arguments.refuse("say what to do: check, install, status, rollback or selftest")
    return run_check(arguments)


def run_check(arguments: argparse.Namespace) -> int:
    """Look once."""
    from cardscanner.update.updater import Updater

    config = load_config(arguments.config)
    if config.updates is None:
        print("no source of updates is configured (updates.source in the configuration): nothing to look at")
        return 0
    found = Updater(config).look()
    if arguments.json:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _say_json(
            {"checked": now, "source": config.updates.source, "found": [_entry(each) for each in found]}
        )
    else:
        print("\n".join(map(_line, found)))
    return NEWER if arguments.newer and any(each.is_newer for each in found) else 0


def run_install(arguments: argparse.Namespace) -> int:
    """Install; with ``--json`` a failure is an object too, the last one."""
    from cardscanner.update.plan import Allowed
    from cardscanner.update.updater import Updater

    config = load_config(arguments.config)
    allowed = Allowed(arguments.allow_downgrade, arguments.again, arguments.drop_changes)
    updater = Updater(config, _json_progress if arguments.json else _shown_progress())
    watched = updater.releases.is_watched
    try:
        state = updater.install(_wishes(arguments), allowed)
        if watched and not arguments.no_wait:
            state = _outcome(updater)
    except (UpdateRefused, SourceAway) as error:
        if arguments.json:
            _say_json({"error": {"code": getattr(error, "code", "source_away"), "message": str(error)}})
        raise
    if arguments.json:
        _say_json({"step": state.change.step if state.change else None})
    elif state.change is not None:
        print(_change_line(state))
    return 0


def run_rollback(arguments: argparse.Namespace) -> int:
    """Go back; a scanner that runs takes it up by itself."""
    from cardscanner.update.updater import Updater

    state = Updater(load_config(arguments.config)).rollback([_TARGETS[each] for each in arguments.targets])
    print(json.dumps(state.model_dump(mode="json")) if arguments.json else _change_line(state))
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    """Say how it stands; nothing is asked of the source."""
    from cardscanner.update.release import KINDS
    from cardscanner.update.releases import releases_of
    from cardscanner.update.state import load_state

    config = load_config(arguments.config)
    releases = releases_of(config)
    state = load_state(releases)
    used = {kind: releases.in_use(kind) for kind in KINDS}
    if arguments.json:
        print(json.dumps({"in_use": used, **state.model_dump(mode="json")}))
        return 0
    for kind, version in used.items():
        latest, previous = state.latest.get(kind), state.previous.get(kind)
        print(f"{kind:8}  {version or 'not from a release'}, newest known: {latest or 'none'}", end="")
        print(f", rollback goes to: {previous or 'nothing'}")
    if state.change is not None:
        print(_change_line(state))
    return 0


def run_selftest(arguments: argparse.Namespace) -> int:
    """Prove what is in use."""
    from cardscanner.update.proof import Pair, prove, prove_in_use
    from cardscanner.update.release import read_kept

    config = load_config(arguments.config)
    pair = Pair(config.embedder.model.resolve(), config.index.database.resolve())
    release = read_kept(pair.database)
    if release is None or release.self_test is None:
        print("the database in use is from no release: there are no pictures that it must recognise")
        return 0
    try:
        share = (
            prove_in_use(pair, release.self_test, config.index, _witnesses(config))
            if arguments.in_use
            else prove(pair, release.self_test, pair.database, config.index)
        )
    except UpdateRefused as error:
        if arguments.json:
            _say_json({"error": {"code": error.code, "message": str(error)}})
        raise
    if arguments.json:
        _say_json({"right": share.right, "of": share.of})
    else:
        print(f"{share.right} of {share.of} pictures recognised")
    return 0


def _witnesses(config: Config) -> Witnesses | None:
    """Return which of the box's matches a version on trial, or the newest one, is held to."""
    from cardscanner.update.proof import Witnesses
    from cardscanner.update.releases import releases_of
    from cardscanner.update.state import load_state

    releases = releases_of(config)
    change = load_state(releases).change
    before = None if change is None or "database" not in change.swaps else change.swaps["database"].previous
    version = before or releases.in_use("database")
    if config.corrections.recent is None or version is None:
        return None
    return Witnesses(
        config.corrections.recent, version, time.time() if change is None else change.at.timestamp()
    )


def _target(text: str) -> tuple[Kind, str | None]:
    """Read ``database`` or ``database=pokemon``."""
    target, _, name = text.partition("=")
    if target not in _TARGETS:
        raise argparse.ArgumentTypeError(f"{target!r} is none of {', '.join(_TARGETS)}")
    return _TARGETS[target], name or None


def _wishes(arguments: argparse.Namespace) -> list[Wish]:
    from cardscanner.update.plan import Wish

    named = dict(arguments.targets)
    wishes = [Wish(kind, name=name) for kind, name in named.items()]
    first = wishes[0]
    return [Wish(first.kind, arguments.version, arguments.name or first.name), *wishes[1:]]


def _outcome(updater: Any) -> UpdateState:
    """Wait until the scanner keeps the change or takes it back; a new program starts meanwhile.

    Raises
    ------
    UpdateRefused
        It was taken back.
    """
    from cardscanner.update.state import load_state

    end = time.monotonic() + WAIT_S
    while True:
        state: UpdateState = load_state(updater.releases)
        change = state.change
        if change is None or change.step == "good":
            return state
        if change.step == "rolled_back":
            raise UpdateRefused("self_test", f"{change.title} was rolled back: {change.why}")
        if time.monotonic() > end:
            return state
        time.sleep(0.5)


def _shown_progress() -> Any:
    from tqdm import tqdm

    bar: Any = tqdm(
        total=100, unit="%", disable=not sys.stderr.isatty(), bar_format="{desc:12}{percentage:3.0f}% {bar}"
    )

    def show(progress: Progress) -> None:
        bar.set_description_str(progress.step)
        bar.update(progress.percent - bar.n)
        if progress.step == "trial":
            bar.close()

    return show


def _json_progress(progress: Progress) -> None:
    _say_json({"step": progress.step, "percent": progress.percent})


def _say_json(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


def _entry(found: Available) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "name": found.name,
        "installed": found.in_use,
        "latest": found.latest,
        "newer": found.is_newer,
        "refused": found.refused,
        "summary": found.notes or None,
        "page": found.page,
    }


def _line(found: Available) -> str:
    thing = f"{found.kind:8}  {found.name} {found.in_use or 'none'}"
    if found.latest is None:
        return f"{thing}: not in the index"
    if found.is_newer:
        return f"{thing}: {found.latest} is newer{f': {found.notes}' if found.notes else ''}"
    return (
        f"{thing}: the newest"
        if found.refused is None
        else f"{thing}: {found.latest} is not taken: {found.refused}"
    )


def _change_line(state: UpdateState) -> str:
    change = state.change
    if change is None:
        return "nothing was changed"
    words = {
        "trial": "on trial; a running scanner keeps it after 60 s of good health, or takes it back",
        "good": "good",
        "rolled_back": f"rolled back: {change.why}",
        "refused": f"refused: {change.why}",
    }
    return f"{change.title}: {words.get(change.step, change.step)}"
