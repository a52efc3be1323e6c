"""Which faults the mail stand-in knows, and at which moment of the SMTP conversation they strike.

``421``, ``451`` and ``550`` answer RCPT (421 also hangs up); ``hang`` keeps RCPT waiting and hangs up;
``refuse_connection`` resets a new connection before the banner; ``drop_before_data`` hangs up at DATA with
nothing taken; ``drop_after_data`` stores the message and hangs up before the 250, the gap that RFC 1047 describes.
"""

from enum import StrEnum

from invoicing.sandbox import switches
from invoicing.sandbox.connections import HANG
from invoicing.sandbox.switches import BadSwitch, Switch


class Moment(StrEnum):
    """Where in the conversation a fault strikes."""

    CONNECT = "connect"
    RECIPIENT = "recipient"
    DATA = "data"
    STORED = "stored"


MOMENTS = {
    "421": Moment.RECIPIENT,
    "451": Moment.RECIPIENT,
    "550": Moment.RECIPIENT,
    HANG: Moment.RECIPIENT,
    "refuse_connection": Moment.CONNECT,
    "drop_before_data": Moment.DATA,
    "drop_after_data": Moment.STORED,
}
REPLIES = {
    "421": "421 4.3.2 Service shutting down, closing transmission channel",
    "451": "451 4.7.1 Try again later",
    "550": "550 5.1.1 No such mailbox here",
}


def read_switch(body: object) -> Switch:
    """A fault switch from the JSON of a control call."""
    fields = switches.known_fields(body, {"fault", "times", "recipient", "seconds"})
    fault, recipient = switches.text(fields, "fault"), switches.text(fields, "recipient", "")
    if fault not in MOMENTS:
        raise BadSwitch(f"fault must be one of {', '.join(MOMENTS)}")
    if recipient and fault == "refuse_connection":
        raise BadSwitch("a connection is refused before any recipient is known")
    return Switch(
        operation=MOMENTS[fault],
        fault=fault,
        match=recipient,
        times=switches.count(fields, "times"),
        seconds=switches.seconds(fields, "seconds"),
    )
