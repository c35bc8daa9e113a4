"""Why a broker could not be connected to, in plain words."""

from __future__ import annotations

import socket
import ssl

from cardscanner.errors import BrokerRefused, PublishError


def explain_failure(where: str, error: OSError | ValueError, *, tls: bool) -> PublishError:
    """Say what failed below MQTT, and whether a person has to act."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return BrokerRefused(
            f"{where}: its certificate is not accepted: {error.verify_message}: check publish.tls.ca_file, "
            "that the host name is the one in the certificate, its expiry date and this machine's clock"
        )
    if isinstance(error, ssl.SSLError) or (tls and isinstance(error, ConnectionResetError)):
        reason = getattr(error, "reason", None) or error.strerror
        return BrokerRefused(
            f"{where}: TLS failed: {reason}: is this the broker's TLS port, and does it "
            "accept publish.tls.cert_file?"
        )
    if isinstance(error, socket.gaierror):
        return PublishError(f"{where}: this name is unknown: check publish.host and the network")
    if isinstance(error, ConnectionRefusedError):
        return PublishError(f"{where}: nothing listens there: start the broker, or check publish.port")
    if isinstance(error, OSError):
        return PublishError(f"{where}: cannot be reached: {error}: check the network and publish.host")
    return PublishError(f"{where}: not a host that can be used: {error}: check publish.host")
