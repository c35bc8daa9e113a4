"""The way out: :func:`open_publisher` chooses it; the outbox before it keeps what is not delivered."""

from __future__ import annotations

from cardscanner.config import PublishConfig
from cardscanner.errors import ConfigError
from cardscanner.publish.extras import Extras
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.status import Facts, PublishStatus, ReportingPublisher

__all__ = ["Extras", "Facts", "Outbox", "PublishStatus", "ReportingPublisher", "open_publisher"]

NO_EXTRAS = Extras()


def open_publisher(
    config: PublishConfig, device_id: str, outbox: Outbox, facts: Facts, extras: Extras = NO_EXTRAS
) -> ReportingPublisher:
    """Return the configured publisher; it connects at its first step, and again whenever it has to.

    Raises
    ------
    ConfigError
        The backend is unknown, or a file that the configuration names cannot be used.
    """
    match config.backend:
        case "mqtt":
            from cardscanner.publish.credentials import check_files
            from cardscanner.publish.mqtt import MqttPublisher

            check_files(config)
            return MqttPublisher(config, device_id, outbox, facts, extras)
        case "stdout":
            from cardscanner.publish.stdout import StdoutPublisher

            return StdoutPublisher.open(outbox)
        case _:
            raise ConfigError(f"publish.backend: {config.backend!r} is unknown; allowed: mqtt, stdout")
