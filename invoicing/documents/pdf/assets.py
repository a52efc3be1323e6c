"""What a document shows besides its facts: the seller's logo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assets:
    """Pictures of the seller, given to `render` beside the invoice because they are no part of the stored fact."""

    logo: bytes | None = None
