"""Bearer tokens: who is calling, signed with `AUTH_SECRET` (JWT, RFC 7519, HS256).

The first secret signs, all verify, so that secrets can be rotated without signing anybody out. A token carries a role,
for clients and experts their id, and for staff a name that becomes the actor in the activity log.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from invoicing.domain.labels import Role
from invoicing.errors import NotAllowed

ISSUER = "paidcase"
_ROLE = re.compile(r"(service|ops|(expert|client):([A-Za-z0-9_-]{1,64}))")
_NAME = re.compile(r"[\w .@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: role, own id for clients and experts, and the actor for the log."""

    role: Role
    party_id: str | None = None
    name: str | None = None

    @property
    def actor(self) -> str:
        """What the activity log shows: a staff name, else the role with its id."""
        if self.name:
            return f"{self.role.value}:{self.name}"
        return self.role.value if self.party_id is None else f"{self.role.value}:{self.party_id}"


class Tokens:
    """Issues and reads tokens."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def issue(self, role: str, now: datetime, *, name: str | None = None, expires: timedelta | None = None) -> str:
        """A signed token for `service`, `ops`, `expert:{id}` or `client:{id}`; `ValueError` for anything else."""
        if not _ROLE.fullmatch(role):
            raise ValueError("a role is service, ops, expert:ID or client:ID")
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError("a name has 1 to 64 letters, digits, spaces and . @ _ -")
        claims: dict[str, object] = {"iss": ISSUER, "sub": role, "iat": now}
        if name is not None:
            claims["name"] = name
        if expires is not None:
            claims["exp"] = now + expires
        import jwt  # only who signs or reads tokens pays for it and its cryptography: 7 MiB of every worker

        return jwt.encode(claims, _key(self._secrets[0]), algorithm="HS256")

    def read(self, token: str) -> Caller:
        """Who the token speaks for. Raises `NotAllowed("unauthenticated")` for one that is not ours or has expired."""
        import jwt

        for secret in self._secrets:
            try:
                claims = jwt.decode(
                    token, _key(secret), algorithms=["HS256"], issuer=ISSUER, options={"require": ["sub", "iat"]}
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidTokenError:
                break
            match = _ROLE.fullmatch(str(claims["sub"]))
            if match is None:
                break
            name = claims.get("name")
            return Caller(Role(match[2] or match[1]), match[3], str(name) if name else None)
        raise NotAllowed("unauthenticated", "no valid token")


def _key(secret: str) -> bytes:
    """At least 256 bits of key whatever the length of the secret (RFC 7518 section 3.2)."""
    return hashlib.sha256(secret.encode()).digest()
