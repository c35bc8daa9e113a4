"""minisign's files: public keys, and signatures of documents (https://jedisct1.github.io/minisign/#signature-format).

Only the prehashed form (``ED``, what minisign writes by default since 0.10) is taken: Ed25519 over the
BLAKE2b-512 of the document. A second signature covers the first together with the trusted comment.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cardscanner.errors import UpdateRefused

PREHASHED, PURE = b"ED", b"Ed"
UNTRUSTED, TRUSTED = "untrusted comment: ", "trusted comment: "
_KEY_BYTES, _SIGNATURE_BYTES, _GLOBAL_BYTES = 42, 74, 64
MOST_BYTES = 4096
"""No file of these kinds is longer."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whose signatures count."""

    id: bytes
    point: bytes
    name: str = ""
    """The file that it came from, for messages."""

    @property
    def shown(self) -> str:
        """The id as minisign shows it."""
        return shown_id(self.id)

    def to_text(self, comment: str = "") -> str:
        """Return the file, as minisign writes it."""
        line = base64.b64encode(PURE + self.id + self.point).decode()
        return f"{UNTRUSTED}{comment or f'minisign public key {self.shown}'}\n{line}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """What stands in a ``.minisig`` file."""

    key_id: bytes
    signature: bytes
    trusted_comment: str
    whole: bytes
    """Signature of signature and trusted comment."""

    def to_text(self, comment: str = "signature from a cardscanner release key") -> str:
        """Return the file, as minisign writes it."""
        first = base64.b64encode(PREHASHED + self.key_id + self.signature).decode()
        second = base64.b64encode(self.whole).decode()
        return f"{UNTRUSTED}{comment}\n{first}\n{TRUSTED}{self.trusted_comment}\n{second}\n"


def shown_id(key_id: bytes) -> str:
    """Return a key id as minisign shows it: a little-endian number in hexadecimal."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def digest_of(document: bytes) -> bytes:
    """Return what is signed of a document."""
    return hashlib.blake2b(document, digest_size=64).digest()


def read_public_key(data: bytes, name: str) -> PublicKey:
    """Read a public key: two lines, or the second alone.

    Raises
    ------
    UpdateRefused
        It is no public key of minisign; the message says what is wrong with it.
    """
    lines = _lines(data, name)
    if lines and lines[0].startswith(UNTRUSTED):
        lines = lines[1:]
    if len(lines) != 1:
        raise UpdateRefused("bad_key", f"{name}: no minisign public key: one line of base64 is expected")
    raw = _decoded(lines[0], _KEY_BYTES, name, "public key")
    if raw[:2] != PURE:
        raise UpdateRefused("bad_key", f"{name}: no Ed25519 key of minisign")
    return PublicKey(raw[2:10], raw[10:], name)


def read_signature(data: bytes, name: str) -> Signature:
    """Read a signature file.

    Raises
    ------
    UpdateRefused
        It is no prehashed minisign signature with a trusted comment; the message says why.
    """
    lines = _lines(data, name)
    if len(lines) != 4 or not lines[0].startswith(UNTRUSTED) or not lines[2].startswith(TRUSTED):
        raise UpdateRefused("bad_signature", f"{name}: no minisign signature: four lines are expected")
    raw = _decoded(lines[1], _SIGNATURE_BYTES, name, "signature")
    if raw[:2] == PURE:
        raise UpdateRefused(
            "bad_signature", f"{name}: a signature of the old kind (minisign -l): sign it without -l"
        )
    if raw[:2] != PREHASHED:
        raise UpdateRefused("bad_signature", f"{name}: unknown kind of signature")
    whole = _decoded(lines[3], _GLOBAL_BYTES, name, "signature of the trusted comment")
    return Signature(raw[2:10], raw[10:], lines[2].removeprefix(TRUSTED), whole)


def check_signature(document: bytes, signature: Signature, key: PublicKey, name: str) -> None:
    """Check document and trusted comment against a key; :class:`UpdateRefused` when either was changed."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    verifier = VerifyKey(key.point)
    try:
        verifier.verify(digest_of(document), signature.signature)
    except BadSignatureError:
        raise UpdateRefused(
            "bad_signature", f"{name}: bad signature: the document is not what key {key.shown} signed"
        ) from None
    try:
        verifier.verify(signature.signature + signature.trusted_comment.encode(), signature.whole)
    except BadSignatureError:
        raise UpdateRefused(
            "bad_signature", f"{name}: bad signature: the trusted comment was changed"
        ) from None


def read_key_folder(folder: Path) -> list[PublicKey]:
    """Return every key that lies in the folder as ``*.pub``; several, while one takes over from another.

    Raises
    ------
    UpdateRefused
        There is none, or one cannot be read.
    """
    try:
        keys = [read_public_key(each.read_bytes(), str(each)) for each in sorted(folder.glob("*.pub"))]
    except OSError as error:
        raise UpdateRefused("bad_key", f"{folder}: its keys cannot be read: {error}") from error
    if not keys:
        raise UpdateRefused(
            "unknown_key", f"{folder} holds no key (*.pub): put the public key of your releases there"
        )
    return keys


def check_signed(document: bytes, signature: bytes, keys: list[PublicKey], name: str) -> str:
    """Check a document against the key that its signature names, and return the trusted comment.

    Raises
    ------
    UpdateRefused
        The key is not one of ours, or signature and document do not belong together.
    """
    found = read_signature(signature, f"{name}.minisig")
    for key in keys:
        if key.id == found.key_id:
            check_signature(document, found, key, name)
            return found.trusted_comment
    known = ", ".join(key.shown for key in keys)
    raise UpdateRefused(
        "unknown_key", f"{name}: unknown key: signed with {shown_id(found.key_id)}, this box trusts {known}"
    )


def _lines(data: bytes, name: str) -> list[str]:
    if len(data) > MOST_BYTES:
        raise UpdateRefused("bad_signature", f"{name}: no file of minisign: longer than {MOST_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except ValueError as error:
        raise UpdateRefused("bad_signature", f"{name}: no file of minisign: {error}") from error
    # Only line feeds end a line: a comment may hold anything else.
    return [each.removesuffix("\r") for each in text.removesuffix("\n").split("\n")]


def _decoded(line: str, length: int, name: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UpdateRefused("bad_signature", f"{name}: the {what} is no base64") from error
    if len(raw) != length:
        raise UpdateRefused("bad_signature", f"{name}: the {what} has {len(raw)} bytes, not {length}")
    return raw
