"""Generated commands (F25): good, broken, huge, retained, repeated, expired. Nothing crashes, one answer each."""

import json
import logging
import random
from collections import Counter

import pytest
import structlog
from commanding import PREFIX
from contract_check import check_answer
from control_rooms import Bench
from scans import store
from small_scanner import small_scanner

from cardscanner.publish.contract import COMMANDS
from cardscanner.publish.messages import Message
from cardscanner.publish.reception import MAX_COMMAND_BYTES
from cardscanner.publish.transactions import KEEP_S

RARE = {"backup", "selftest", "reload", "correction"}
"""They read and write whole files: one in fifty of what their turn would be."""
GOOD = {
    "scanning": lambda chance: {"on": chance.random() < 0.5},
    "snapshot": lambda chance: {"max_side_px": chance.randrange(64, 1921)},
    "set": lambda chance: {"options": options(chance)},
    "replay": lambda chance: {"from_seq": chance.randrange(1, 60), "max": chance.randrange(1, 99)},
    "export": lambda chance: {"format": chance.choice(["csv", "json"]), "max": chance.randrange(1, 99)},
    "update": lambda chance: {"target": chance.choice(["db", "model", "daemon"])},
    "rollback": lambda _: {},
    "correction": lambda chance: {"event": "0" * 26, "card_id": chance.choice(["card-003", "x"])},
}
ODD = (
    *(None, True, -1, 0, 2**63, 10**30, 1.5, "", "x" * 200, "\x00", "ä🂡", "__proto__", "../../etc/passwd"),
    *([], {}, [[[]]], {"decide": {}}, {"a": {"b": None}}),
)


def options(chance):
    section = chance.choice(["decide", "finder", "camera", "log", "publish", "outbox", "nothing", "index"])
    key = chance.choice(["min_frames", "max_frames", "top", "level", "host", "path", "fps", "max_cards"])
    return {section: {key: chance.choice([*ODD, 1, 3, 7, "info", "debug"])}}


class Flood:
    """Messages from a seed. ``block`` changes often enough for no transaction to be forgotten and reused."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.retained = set()
        self.block = 0
        self.number = 0

    def message(self):
        chance = self.chance
        self.number += 1
        retain = chance.random() < 0.05
        return Message(
            topic=f"cardscanner/{self.device()}/{self.name()}",
            payload=self.payload(retain),
            retain=retain,
            response_topic=self.response_topic(),
            correlation=chance.choice([None, chance.randbytes(chance.randrange(0, 20))]),
            expiry_s=chance.choice([None, None, 0, 1, 300, 2**32 - 1]),
        )

    def device(self):
        return self.chance.choice(["small", "small", "small", "all", "other", "", "small/x"])

    def name(self):
        chance = self.chance
        self.command = chance.choice(list(COMMANDS))
        if self.command in RARE and chance.random() > 0.02:
            self.command = "ping"
        odd = f"cmd/{chance.choice(['', 'dance', 'ping/x', 'PING', '#', 'x' * 99, 'é'])}"
        return chance.choices([f"cmd/{self.command}", odd, "ack/inventory", "scan"], [20, 2, 1, 1])[0]

    def payload(self, retain):
        chance = self.chance
        request = dict(GOOD.get(self.command, lambda _: {})(chance))
        transaction = self.transaction(retain)
        if transaction is not None:
            request["transaction"] = transaction
        if chance.random() < 0.3:
            key, value = chance.choice([*request, "more", "on"]), chance.choice(ODD)
            lasting = key == "transaction" and isinstance(value, str) and value != ""
            request[key] = f"{self.block}-{value}" if lasting else value
        text = json.dumps(request, ensure_ascii=chance.random() < 0.5).encode()
        return self.broken(text) if chance.random() < 0.25 else text

    def transaction(self, retain):
        if retain:
            self.retained.add(name := f"retained-{self.number}")
            return name
        kind = self.chance.random()
        if kind < 0.2:
            return None
        return f"{self.block}-{self.chance.randrange(50) if kind < 0.6 else self.number}"

    def broken(self, text):
        chance = self.chance
        cut = chance.randrange(len(text))
        return chance.choice(
            [
                b"",
                text[:cut],
                text[:cut] + chance.randbytes(3) + text[cut:],
                chance.randbytes(chance.randrange(300)),
                b"[" * chance.randrange(3000),
                b'{"transaction":' * 500,
                text + b" " * chance.choice([1, MAX_COMMAND_BYTES]),
                bytes(10_000_000) if chance.random() < 0.001 else b"null",
            ]
        )

    def response_topic(self):
        chance = self.chance
        wanted = [
            None,
            f"{PREFIX}a",
            f"{PREFIX}b/c",
            PREFIX,
            f"{PREFIX}#",
            "cardscanner/small/cmd/restart",
            "x",
        ]
        return chance.choice(wanted) if chance.random() < 0.5 else None


@pytest.fixture
def quiet():
    """Every command is a line in the log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


def run_flood(bench, flood, count):
    """Return how often each transaction was answered in public; check each answer on the way."""
    public = Counter()
    for number in range(count):
        if number % 100 == 0:
            flood.block += 1
        bench.clock.now_s += flood.chance.random() * KEEP_S / 101  # a block lasts for less than five minutes
        bench.reception.hear(flood.message())
        if flood.chance.random() < 0.1:  # otherwise the desk fills up
            bench.work()
        for letter in bench.reception.replies():
            if letter.topic.startswith(PREFIX):
                assert not set(letter.topic) & set("+#")
                continue
            device, _, command = letter.topic.removeprefix("cardscanner/").partition("/rsp/")
            assert device == "small"
            answer = json.loads(letter.payload)
            if number % 20 == 0:
                check_answer(command, answer)
            public[answer["transaction"]] += 1
        while bench.room.replays.next() is not None:
            pass
    return public


@pytest.mark.parametrize(
    "count", [600, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_a_flood_of_commands_is_survived_and_each_transaction_answered_at_most_once(tmp_path, quiet, count):
    scanner = small_scanner(tmp_path / "scanner")
    bench = Bench(scanner.config(corrections={"folder": "corrections"}))
    store(bench.outbox, 40)
    for row in bench.outbox.pending(0, 30)[:30]:
        bench.outbox.delivered(row)
    flood = Flood(seed=20261123)
    try:
        public = run_flood(bench, flood, count)
        anonymous = public.pop(None, 0)
        assert max(public.values()) == 1
        assert not flood.retained & set(public)
        counts = bench.reception.counts
        known = {"answered", "bad_request", "unknown_command", "not_allowed", "not_available", "retained"}
        assert known | {"repeated", "ignored", "ack_malformed"} <= set(counts)
        assert count < 100_000 or {"expired", "not_found", "too_large", "busy"} <= set(counts)
        assert "failed" not in counts or counts["failed"] < count // 20
        assert len(public) > count // 5
        print(f"{count} commands, {len(public)} answered, {anonymous} without a transaction: {dict(counts)}")
    finally:
        bench.close()
