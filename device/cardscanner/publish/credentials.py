"""Reading the password and the certificates; read again at each connection, so that a renewal is noticed."""

from __future__ import annotations

import ssl

from cardscanner.config import MqttConfig, TlsConfig
from cardscanner.errors import BrokerRefused, ConfigError


def read_password(config: MqttConfig) -> str | None:
    """Return the content of the password file without the line end; ``None`` when none is configured.

    Raises
    ------
    BrokerRefused
        The file cannot be read.
    """
    if config.password_file is None:
        return None
    try:
        return config.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BrokerRefused(
            f"publish.password_file {config.password_file} cannot be read: {reason}: "
            "it must hold the password and nothing else, readable for this user"
        ) from None


def tls_context(config: TlsConfig) -> ssl.SSLContext:
    """Return what TLS needs.

    Raises
    ------
    BrokerRefused
        A file is missing or not what it should be.
    """
    named = "publish.tls.ca_file"
    try:
        context = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
        if config.cert_file is not None:
            named = "publish.tls.cert_file and publish.tls.key_file"
            # An encrypted key must fail here; without a callback OpenSSL would ask on the terminal.
            context.load_cert_chain(config.cert_file, config.key_file, password=str)
    except OSError as error:  # ssl.SSLError is one
        raise BrokerRefused(f"{named} cannot be used: {error}: they must be PEM files") from None
    return context


def check_files(config: MqttConfig) -> None:
    """Check at start-up that the configured files can be used.

    Raises
    ------
    ConfigError
        One of them cannot.
    """
    try:
        read_password(config)
        if config.tls is not None:
            tls_context(config.tls)
    except BrokerRefused as refusal:
        raise ConfigError(str(refusal)) from None
