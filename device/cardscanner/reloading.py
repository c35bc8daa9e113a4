"""Reading the configuration again, while scanning goes on with the old one."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from cardscanner.config import Config, WebConfig
from cardscanner.configfile import load_config
from cardscanner.errors import CardscannerError, ConfigError
from cardscanner.manifest import agree, load_database_manifest, load_model_manifest, verified
from cardscanner.match.replacement import located
from cardscanner.notify import Notifier
from cardscanner.publish.credentials import check_files

log = structlog.get_logger(__name__)


def read_again(path: Path, notifier: Notifier) -> Config | None:
    """Return the new configuration, or ``None`` when it cannot be used and the old one stays."""
    notifier.reloading()
    try:
        fresh = load_config(path)
        check_parts(fresh)
    except CardscannerError as error:
        log.error("the new configuration cannot be used; the old one stays", error=str(error))
        notifier.ready("scanning with the old configuration: the new one cannot be used, see the log")
        return None
    log.info("configuration read again", path=str(path))
    return fresh


def check_parts(config: Config) -> None:
    """Check what a configuration names, as far as that is possible beside a scanner that is running.

    Raises
    ------
    ConfigError, ArtifactError
        A file is missing or damaged, or model and database do not belong together.
    """
    model = load_model_manifest(config.embedder.model)
    database = load_database_manifest(config.index.database)
    agree(model, database)
    verified(
        config.embedder.model,
        model.files,
        "model.hef" if config.embedder.backend == "hailo" else "model.onnx",
    )
    for name in database.files:
        located(config.index.database, database, name)
    if config.publish.backend == "mqtt":
        check_files(config.publish)
    if config.web is not None:
        check_tls(config.web)


def check_tls(web: WebConfig) -> None:
    """Raise :class:`ConfigError` when certificate and key cannot be used."""
    if web.tls is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(web.tls.cert_file, web.tls.key_file)
    except OSError as error:  # SSLError is one
        raise ConfigError(
            f"web.tls: {web.tls.cert_file} and {web.tls.key_file} cannot be used: {error}; "
            "both are PEM files, and the key belongs to the certificate"
        ) from error
