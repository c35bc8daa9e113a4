"""minisign's secret keys: made, read (with or without a password), and used to sign."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path

from nacl.signing import SigningKey

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.update.minisign import PURE, PublicKey, Signature, digest_of, shown_id

_HEAD = struct.Struct("<2s2s2s32sQQ")
_BODY = struct.Struct("<8s64s32s")
_SCRYPT, _PLAIN, _BLAKE2 = b"Sc", b"\0\0", b"B2"
_COMMENT = "untrusted comment: minisign secret key"
_MOST_MEMORY = 2**31 - 2
"""Python's scrypt takes no more."""
_OPERATIONS, _MEMORY = 33554432, 1073741824
"""libsodium's "sensitive" limits, as minisign writes them: a gigabyte and some seconds for each guess."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """What signs releases; it never belongs on a box or on a web server."""

    id: bytes
    seed: bytes

    @property
    def public(self) -> PublicKey:
        """The key that boxes are given."""
        return PublicKey(self.id, SigningKey(self.seed).verify_key.encode())

    def sign(self, document: bytes, trusted_comment: str) -> Signature:
        """Sign a document, prehashed, and the comment with it."""
        if "\n" in trusted_comment or "\r" in trusted_comment:
            raise InputError("a trusted comment is one line")
        key = SigningKey(self.seed)
        signature = key.sign(digest_of(document)).signature
        whole = key.sign(signature + trusted_comment.encode()).signature
        return Signature(self.id, signature, trusted_comment, whole)


def new_key() -> SecretKey:
    """Return a fresh key."""
    return SecretKey(secrets.token_bytes(8), secrets.token_bytes(32))


def write_key(key: SecretKey, path: Path, password: str | None) -> None:
    """Write the file as minisign does, readable by its owner only; ``None``: not encrypted."""
    pair = key.seed + key.public.point
    body = _BODY.pack(key.id, pair, _checksum(key.id, pair))
    salt = secrets.token_bytes(32)
    if password is None:
        head = _HEAD.pack(PURE, _PLAIN, _BLAKE2, bytes(32), 0, 0)
    else:
        head = _HEAD.pack(PURE, _SCRYPT, _BLAKE2, salt, _OPERATIONS, _MEMORY)
        body = _mixed(body, password, salt, _OPERATIONS, _MEMORY)
    with replacing(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(f"{_COMMENT}\n{base64.b64encode(head + body).decode()}\n", encoding="ascii")


def read_key(path: Path, password: str | None) -> SecretKey:
    """Read a secret key of ours or of minisign.

    Raises
    ------
    InputError
        It is none, or the password is wrong or missing.
    """
    try:
        raw = base64.b64decode(path.read_text(encoding="ascii").splitlines()[1], validate=True)
        kind, derivation, check, salt, operations, memory = _HEAD.unpack(raw[: _HEAD.size])
        body = raw[_HEAD.size :]
        if (kind, check, len(body)) != (PURE, _BLAKE2, _BODY.size):
            raise InputError(f"{path} is no secret key of minisign")
    except (OSError, ValueError, IndexError, struct.error, binascii.Error) as error:
        raise InputError(f"{path} is no secret key of minisign: {error}") from error
    if derivation == _SCRYPT:
        if password is None:
            raise InputError(f"{path} is encrypted: give --password-file")
        body = _mixed(body, password, salt, operations, memory)
    key_id, pair, checksum = _BODY.unpack(body)
    unchecked = derivation == _PLAIN and checksum == bytes(len(checksum))  # as `minisign -W` leaves it
    whole = unchecked or secrets.compare_digest(checksum, _checksum(key_id, pair))
    if not whole or SigningKey(pair[:32]).verify_key.encode() != pair[32:]:
        raise InputError(f"{path}: wrong password, or the file is damaged (key {shown_id(key_id)})")
    return SecretKey(key_id, pair[:32])


def _checksum(key_id: bytes, pair: bytes) -> bytes:
    return hashlib.blake2b(PURE + key_id + pair, digest_size=32).digest()


def _mixed(body: bytes, password: str, salt: bytes, operations: int, memory: int) -> bytes:
    """Encrypt or decrypt: XOR with the scrypt stream of the password."""
    n, r, p = scrypt_parameters(operations, memory)
    needed = 128 * r * (n + p + 2) + 1024  # what OpenSSL counts: V, B and a little
    if needed > _MOST_MEMORY:
        raise InputError(f"its password costs {needed / 2**30:.1f} GiB to try: no key of ours or of minisign")
    stream = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=needed, dklen=len(body))
    return bytes(one ^ other for one, other in zip(body, stream, strict=True))


def scrypt_parameters(operations: int, memory: int) -> tuple[int, int, int]:
    """Return N, r and p as libsodium's crypto_pwhash_scryptsalsa208sha256 picks them."""
    operations, r = max(operations, 32768), 8
    if operations < memory // 32:
        return 1 << max(1, int(math.log2(operations / (r * 4)))), r, 1
    log_n = max(1, int(math.log2(memory / (r * 128))))
    most = min(operations // 4 // (1 << log_n), 0x3FFFFFFF)
    return 1 << log_n, r, max(1, most // r)
