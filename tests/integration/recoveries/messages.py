"""Messages of the gateway, signed by the protocol and not by our code."""

import base64
import hashlib

from tests.stage import SANDBOX_KEY

SERVICE = "100001"


def itn(order_id: str, *, remote_id: str, amount: str = "398.52", key: str = SANDBOX_KEY) -> str:
    """One message about money that came, Base64 of signed XML."""
    fields = {
        "orderID": order_id,
        "remoteID": remote_id,
        "amount": amount,
        "currency": "PLN",
        "gatewayID": "106",
        "paymentDate": "20261122110000",
        "paymentStatus": "SUCCESS",
    }
    told = hashlib.sha256("|".join((SERVICE, *fields.values(), key)).encode()).hexdigest()
    leaves = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><transactionList><serviceID>{SERVICE}</serviceID>'
        f"<transactions><transaction>{leaves}</transaction></transactions><hash>{told}</hash></transactionList>"
    )
    return base64.b64encode(document.encode()).decode()
