"""The payment channels that the stand-in lists. Source: manual, "gateway-list" v3; the answer is unsigned."""

from typing import Any

from invoicing.sandbox.autopay.protocol import Service

CHANNELS = {
    106: ("Bank testowy", "PBL", "0.01", "100000.00"),
    509: ("BLIK", "BLIK", "0.01", "50000.00"),
    1500: ("Karta płatnicza", "CARD", "0.10", "100000.00"),
}
GROUPS = {"PBL": "Przelew internetowy", "BLIK": "BLIK", "CARD": "Karta płatnicza"}


def gateway_list(service: Service, message_id: str, currencies: list[str]) -> dict[str, Any]:
    """The v3 answer for the currencies asked for; one service has one currency."""
    offered = CHANNELS if service.currency in currencies else {}
    return {
        "result": "OK",
        "errorStatus": None,
        "description": None,
        "serviceID": service.service_id,
        "messageID": message_id,
        "gatewayGroups": [
            {"type": kind, "title": title, "order": order}
            for order, (kind, title) in enumerate(GROUPS.items(), start=1)
        ],
        "gatewayList": [
            {
                "gatewayID": number,
                "name": name,
                "groupType": group,
                "state": "OK",
                "minValidityTime": None,
                "currencies": [{"currency": service.currency, "minAmount": least, "maxAmount": most}],
            }
            for number, (name, group, least, most) in offered.items()
        ],
    }
