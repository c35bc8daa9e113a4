"""Throw-away certificates for tests, made by the openssl command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """
[ca]
default_ca = this
[this]
dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = anything
copy_extensions = copy
x509_extensions = issued
[issued]
authorityKeyIdentifier = keyid
[anything]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        assert shutil.which("openssl"), "openssl is not installed; run: sudo apt-get install -y openssl"
        folder.mkdir(parents=True)
        self.cert = folder / "ca.pem"
        self._folder = folder
        self._key = folder / "ca.key"
        self._config = folder / "ca.conf"
        self._config.write_text(_CONFIG.format(folder=folder), encoding="ascii")
        (folder / "index.txt").write_text("", encoding="ascii")
        (folder / "serial").write_text("01\n", encoding="ascii")
        # Since Python 3.13 an authority that does not say what its key is for is refused.
        uses = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        _openssl(*_new_key(self._key), "-x509", "-days", "30", "-subj", "/CN=test", *uses, "-out", self.cert)

    def issue(self, name: str, *, address: str = "127.0.0.1", end: str = "20991231235959Z") -> Certificate:
        """Return a certificate for an address that is valid until ``end``."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        names = ["-addext", f"subjectAltName=IP:{address}"]
        _openssl(*_new_key(made.key), "-subj", f"/CN={name}", *names, "-out", request)
        signing = ["-config", self._config, "-cert", self.cert, "-keyfile", self._key, "-batch", "-notext"]
        _openssl(
            "ca",
            *signing,
            "-startdate",
            "20200101000000Z",
            "-enddate",
            end,
            "-in",
            request,
            "-out",
            made.cert,
        )
        return made


def locked_copy(key: Path) -> Path:
    """Return a copy of a key that needs a passphrase."""
    locked = key.with_suffix(".locked")
    _openssl("ec", "-in", key, "-aes256", "-passout", "pass:sesame", "-out", locked)
    return locked


def _new_key(path: Path) -> list[str | Path]:
    return ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
