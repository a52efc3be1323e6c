"""Key rings: AES-256-GCM with named keys (NIST SP 800-38D). The first key encrypts, all decrypt.

Used for secrets at rest (`SECRETS_KEYS`) and, as a payload codec, for what Temporal stores (`PAYLOAD_KEYS`). A nonce is
96 random bits; one key must not encrypt more than 2**32 values, so rotate keys.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from invoicing.errors import SettingsFault

NONCE_BYTES = 12
ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"


class KeyRing:
    """Encrypts and decrypts bytes under named keys."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        if not keys:
            raise SettingsFault("secrets_keys_missing", "a key ring needs at least one key")
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 7 MiB, only for who has keys

        self._first = keys[0][0]
        self._ciphers = {name: AESGCM(key) for name, key in keys}

    @property
    def current(self) -> str:
        """Name of the key that encrypts."""
        return self._first

    def encrypt(self, clear: bytes, bound_to: bytes = b"") -> bytes:
        """Nonce and ciphertext; `bound_to` must be given again to decrypt."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self._first].encrypt(nonce, clear, bound_to)

    def decrypt(self, name: str, data: bytes, bound_to: bytes = b"") -> bytes:
        """The clear bytes. Raises `SettingsFault("secrets_keys_missing")` for an unknown key or altered data."""
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise SettingsFault("secrets_keys_missing", "the key of an encrypted value is not in the key ring")
        from cryptography.exceptions import InvalidTag

        try:
            return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError) as error:  # too short for a nonce is a ValueError
            raise SettingsFault("secrets_keys_missing", "an encrypted value was altered, or its key was") from error

    def seal(self, text: str) -> str:
        """`id:base64` of an encrypted text, for one column of a table."""
        name = self._first
        return f"{name}:{base64.b64encode(self.encrypt(text.encode(), name.encode())).decode()}"

    def open(self, sealed: str) -> str:
        """The text of a sealed value."""
        name, _, data = sealed.partition(":")
        try:
            encrypted = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise SettingsFault("secrets_keys_missing", "an encrypted value was altered") from error
        return self.decrypt(name, encrypted, name.encode()).decode()


class EncryptedPayloads(PayloadCodec):
    """Temporal payload codec; what it does not recognise passes through, so that older histories stay readable.

    A payload whose key is missing raises, which leaves the run waiting until the key is back; nothing is lost.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt whole payloads, metadata included."""
        name = self._ring.current.encode()
        return [
            Payload(
                metadata={"encoding": ENCODING, KEY_ID: name},
                data=self._ring.encrypt(payload.SerializeToString(), name),
            )
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what is ours, pass on the rest."""
        return [self._clear(payload) for payload in payloads]

    def _clear(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        name = payload.metadata.get(KEY_ID, b"")
        clear = self._ring.decrypt(name.decode(errors="replace"), payload.data, name)
        return Payload.FromString(clear)
