"""A publisher in its thread, for tests with a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from brokers import Mosquitto
from scans import DEVICE, DaemonFacts, open_outbox

from cardscanner.config import MqttConfig
from cardscanner.publish import Extras, open_publisher
from cardscanner.publish.orders import Desk
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.replays import Replays
from cardscanner.publish.status import PublishStatus
from cardscanner.threads import Supervisor


def mqtt_config(broker: Mosquitto, **changes: Any) -> MqttConfig:
    """Return a configuration for a test broker."""
    return MqttConfig.model_validate({"backend": "mqtt", "host": "127.0.0.1", "port": broker.port, **changes})


class Publishing:
    """Runs until the block ends; a thread that fails makes the test fail."""

    def __init__(
        self,
        folder: Path,
        broker: Mosquitto,
        *,
        wait_s: float = 0.2,
        desk: Desk | None = None,
        update: Callable[[], UpdatePayload] | None = None,
        **changes: Any,
    ) -> None:
        self.outbox: Outbox = open_outbox(folder)
        self.facts = DaemonFacts(self.outbox)
        self.drain_s = 2.0
        self.replays = Replays(self.outbox)
        extras = Extras(desk=desk, replays=self.replays, update=update)
        config = mqtt_config(broker, **changes)
        self._publisher = open_publisher(config, DEVICE, self.outbox, self.facts, extras)
        self._wait_s = wait_s
        self._threads = Supervisor()

    def __enter__(self) -> Self:
        self._threads.start("publish", self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.stop()
        self.outbox.bell.ring()
        late = self._threads.join(20)
        self.outbox.close()
        assert late == []
        assert self._threads.early is None

    @property
    def status(self) -> PublishStatus:
        """What the publisher says of itself."""
        return self._publisher.status()

    def wait_for(self, done: Callable[[PublishStatus], bool], timeout_s: float = 15.0) -> PublishStatus:
        """Wait until the publisher's status fulfils a condition."""
        end_s = time.monotonic() + timeout_s
        while not done(status := self.status):
            assert time.monotonic() < end_s, f"after {timeout_s} s: {status}"
            assert self._threads.early is None, self._threads.early
            time.sleep(0.01)
        return status

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self._publisher.step(self._wait_s)
        self._publisher.close(self.drain_s)
