"""Billing profiles in requests and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from invoicing.domain.cases import BillingData
from invoicing.web.described import Described


class ProfileBody(BillingData):
    """Billing data to be saved; `default` makes them the client's default, the first profile is that anyway."""

    default: Annotated[bool, Field(description="the others cease to be the default")] = False

    def billing_data(self) -> BillingData:
        """The data without the mark."""
        return BillingData.model_validate(self.model_dump(exclude={"default"}))


class ProfileAnswer(Described):
    """A saved profile."""

    profile_id: str
    default: bool
    kind: str | None
    name: str | None
    tax_id: str | None
    street: str | None
    postal_code: str | None
    city: str | None
    country: str | None
    email: str | None


class ProfileList(Described):
    """The profiles of a client, oldest first."""

    items: list[ProfileAnswer]
    next_cursor: str | None
