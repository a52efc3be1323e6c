"""The expert as he is given to be saved: what is said of keys, what is left as it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from invoicing.domain.cases import PARTY_ID, ExpertDocument, Seller, Shape, WfirmaKeys
from invoicing.errors import DataFault, Fault


class WfirmaInput(Shape):
    """Keys as they come in: both, or neither to keep those that are stored, as in the document that is read back."""

    access_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    secret_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    company_id: Annotated[str, Field(max_length=40)] | None = None


class ExpertInput(Seller):
    """The expert as given: without `wfirma` the stored keys stay, with null they are removed.

    `expert_id` and `checked` of the document that is read back may come along; they say nothing.
    """

    wfirma: WfirmaInput | None = None
    expert_id: Annotated[str, Field(pattern=PARTY_ID)] | None = None
    checked: bool | None = None

    @property
    def names_keys(self) -> bool:
        """Whether anything is said of the keys."""
        return "wfirma" in self.model_fields_set

    def with_keys(self, stored: WfirmaKeys | None) -> ExpertDocument:
        """The expert with the keys that he has afterwards, given those that are stored.

        Raises `DataFault("invalid")` where one key is given without the other, or neither and none is stored.
        """
        seller = ExpertDocument.model_validate(self.model_dump(exclude={"wfirma", "expert_id", "checked"}))
        return seller.model_copy(update={"wfirma": self._keys(stored) if self.names_keys else stored})

    def _keys(self, stored: WfirmaKeys | None) -> WfirmaKeys | None:
        given = self.wfirma
        if given is None:
            return None
        if given.access_key and given.secret_key:
            return WfirmaKeys.model_validate(given.model_dump())
        if given.access_key or given.secret_key or stored is None:
            names = [name for name in ("access_key", "secret_key") if not getattr(given, name)]
            raise DataFault("invalid", [Fault(f"wfirma.{name}", "missing") for name in names])
        return stored.model_copy(update={"company_id": given.company_id})
