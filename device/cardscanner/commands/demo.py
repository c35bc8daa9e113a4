"""``cardscanner demo``: cards come and go in a film; the real daemon reports them; the truth is known."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cardscanner.commands.options import new_parser, path, usual
from cardscanner.demo.broker import Broker, running_broker
from cardscanner.demo.children import Stops, child
from cardscanner.demo.follow import follow
from cardscanner.demo.judge import Judge, read_truth
from cardscanner.demo.listener import listening
from cardscanner.demo.show import HEAD
from cardscanner.errors import InputError
from cardscanner.files import write_json
from cardscanner.shipped import shipped_database, shipped_folder, shipped_model

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

EXAMPLES = """\
  cardscanner demo                      what `make run` starts; about four minutes
  cardscanner demo --out /tmp/demo
  cardscanner demo --film my/film --db db/mine --model models/mine --broker embedded

A film is a folder with film.mp4 and truth.json; --film, --db and --model belong together. The result
is on the screen and in DIR/summary.json: presented, correct, wrong, missed, duplicates, false_events,
stage_ms (median of each stage). DIR also has events.json (every event with its mark), daemon.log,
broker.log and cardscanner.yaml. Ctrl-C stops everything within seconds; there is no summary then."""

CODES = {
    **usual(65, 130),
    0: "the film was played to its end, whatever the summary says",
    1: "the film, the broker or the daemon failed; standard error says what",
}

DEVICE = "demo"
_RESULTS = ("summary.json", "events.json")
_STOP_S = 8.0
"""The daemon stops within 5 seconds."""


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "demo", "play the bundled film through the real scanner", EXAMPLES, CODES)
    parser.add_argument("--out", type=path, default=Path("out/demo"), metavar="DIR", help="where results go")
    parser.add_argument("--film", type=path, metavar="DIR", help="film to play (default: the bundled one)")
    parser.add_argument("--db", type=path, metavar="DIR", help="database (default: the shipped one)")
    parser.add_argument("--model", type=path, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument(
        "--broker", choices=["auto", "mosquitto", "embedded"], default="auto",
        help="auto: Mosquitto when it is installed, else the embedded one",
    )  # fmt: skip
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Play the film to its end; Ctrl-C stops everything at once."""
    out: Path = arguments.out
    film = (arguments.film or shipped_folder("demo")) / "film.mp4"
    if not film.is_file():
        raise InputError(f"{film}: there is no such film; render it with make demo-assets")
    judge = Judge(read_truth(film.with_name("truth.json")))
    model, database = arguments.model or shipped_model(), arguments.db or shipped_database()
    _announce(film, judge, out)
    _prepare(out)
    with (
        Stops() as stops,
        running_broker(out, stops, arguments.broker) as broker,
        listening(broker, DEVICE) as inbox,
    ):
        config = _write_config(out, film, model, database, broker)
        print(f"broker: {broker.kind} on port {broker.port}, MQTT {broker.protocol}\n\n{HEAD}", flush=True)
        command = [sys.executable, "-m", "cardscanner", "run", "--config", str(config)]
        log = out / "daemon.log"
        with child(command, log, stops, _STOP_S) as daemon:
            follow(daemon, log, inbox, judge)
    _conclude(judge, out)
    return 0


def _announce(film: Path, judge: Judge, out: Path) -> None:
    count = len(judge.presented)
    print(
        f"{film} plays in front of the real scanner: {count} card{'' if count == 1 else 's'} "
        f"in {judge.seconds:.0f} s.\n"
        "Each line is one event as a subscriber gets it over MQTT, compared with the truth.\n"
        f"Results go to {out}/; Ctrl-C stops it.\n",
        flush=True,
    )


def _prepare(out: Path) -> None:
    """Make the folder and remove an earlier demo's results, which could be taken for those of this one."""
    out.mkdir(parents=True, exist_ok=True)
    for stale in [*out.glob("outbox.db*"), *(out / name for name in _RESULTS)]:
        stale.unlink(missing_ok=True)


def _write_config(out: Path, film: Path, model: Path, database: Path, broker: Broker) -> Path:
    config = {
        "device_id": DEVICE,
        "game": "invented",
        "camera": {"backend": "replay", "path": str(film.resolve()), "name": "film"},
        "embedder": {"backend": "onnx", "model": str(model.resolve()), "threads": 2},
        "index": {"database": str(database.resolve())},
        "outbox": {"path": str((out / "outbox.db").resolve())},
        "publish": {"backend": "mqtt", "host": "127.0.0.1", "port": broker.port, "protocol": broker.protocol},
        "log": {"format": "json"},
    }
    path = out / "cardscanner.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def _conclude(judge: Judge, out: Path) -> None:
    summary = judge.summary()
    events = [
        {"at_s": round(heard.at_s, 3), "mark": mark, "payload": heard.payload} for heard, mark in judge.marks
    ]
    write_json(out / "events.json", events)
    write_json(out / "summary.json", summary)
    _tell(summary, judge, out)


def _tell(summary: dict[str, Any], judge: Judge, out: Path) -> None:
    print(f"\npresented {summary['presented']}  correct {summary['correct']}  wrong {summary['wrong']}  "
          f"missed {summary['missed']}  duplicates {summary['duplicates']}  "
          f"false events {summary['false_events']}")  # fmt: skip
    stages = "  ".join(f"{stage} {value:.1f}" for stage, value in summary["stage_ms"].items())
    print(f"median ms: {stages}")
    for each in judge.missed():
        print(f"missed: {each.card_id} ({each.way}) from {each.from_s:.1f} s to {each.to_s:.1f} s")
    print(f"summary: {out / 'summary.json'}   log: {out / 'daemon.log'}")
