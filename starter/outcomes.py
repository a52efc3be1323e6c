"""How a command ends: exit codes, and the line that says what is wrong and what to do.

Guarantee: every error of the project's tree has an exit code and a one-line message; the line carries codes and ids,
never personal data.
"""

from __future__ import annotations

from enum import IntEnum

from invoicing.errors import (
    ConnectivityFault,
    DataFault,
    Fault,
    NotAllowed,
    OutcomeUnknown,
    PaidcaseError,
    SettingsFault,
)
from invoicing.locale import text


class ExitCode(IntEnum):
    """What the shell is told. Where several apply the highest is given."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "refused, not found or failed",
    ExitCode.USAGE: "wrong arguments or settings",
    ExitCode.UNREACHABLE: "a dependency could not be reached; what was recorded stays recorded and goes on later",
    ExitCode.INTERRUPTED: "interrupted",
}
"""One line an exit code, for `--help` and the documentation."""

_ADVICE = {
    "action_not_allowed": "look at it with `explain`",
    "already_paid": "look at it with `status`",
    "autopay_disabled": "set AUTOPAY_BASE_URL, AUTOPAY_SERVICE_ID and AUTOPAY_SHARED_KEY",
    "backup_damaged": "take another backup; nothing was changed",
    "conflict": "give the case another case_id, or send the document that was recorded first",
    "database_unavailable": "see whether the database of DATABASE_URL runs, then run the command again",
    "database_url": "correct DATABASE_URL",
    "database_not_empty": "name another database in DATABASE_URL, or give --replace to lose what is there",
    "document_refused": "give a whole PDF of up to 10 MiB, not encrypted, without scripts and files inside",
    "document_store": "see whether the folder of DOCUMENTS_URL can be written",
    "documents_url": "correct DOCUMENTS_URL",
    "exchange_rate_missing": "add the row to EXCHANGE_RATES_FILE, or set NBP_BASE_URL",
    "exchange_rates_unreachable": "see whether NBP_BASE_URL is right and the network is up",
    "gateway_settings": "compare the AUTOPAY_ settings with the gateway's panel",
    "gateway_unreachable": "see whether AUTOPAY_BASE_URL is right and the network is up",
    "invalid": "correct the fields named and run the command again",
    "payment_not_known": "see whether a worker runs (`doctor`), then ask again: it is the same payment",
    "payment_refused": "see `alerts` for the reason, then ask for the payment again",
    "not_handed_over": "see whether Temporal and a worker run (`doctor`); they deliver what is recorded",
    "not_found": "record it with `start`; `status` alone lists the newest cases",
    "key_used": "give another --key, or what was decided under it first",
    "not_at_rest": "look at it with `status`",
    "run_unknown": "see `status` for what the database knows, which is complete",
    "step_never_ran": "see with `explain` where it stands",
    "secrets_keys_missing": "set SECRETS_KEYS to a ring that holds every key in use, the newest first",
    "temporal_access": "correct TEMPORAL_API_KEY or the certificate of TEMPORAL_TLS",
    "temporal_unreachable": "start Temporal (`make temporal`) or correct TEMPORAL_ADDRESS",
    "version_unknown": "start a worker of it, or name one that runs with --build-id",
}


def exit_code(error: PaidcaseError) -> ExitCode:
    """The exit code of an error."""
    match error:
        case SettingsFault():
            return ExitCode.USAGE
        case ConnectivityFault() | OutcomeUnknown():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FAILED


def explanation(error: PaidcaseError) -> str:
    """What is wrong and what to do."""
    if error.code == "settings":
        return error.message
    faults = error.faults if isinstance(error, DataFault) else ()
    what = named(faults) if faults else message(error)
    said = what if what == error.code else f"{error.code}: {what}"
    advice = _ADVICE.get(error.code)
    return f"{said}; {advice}" if advice else said


def message(error: PaidcaseError) -> str:
    """What the error says; a refusal gives its reason, as the HTTP API does."""
    if isinstance(error, NotAllowed) and error.reason is not None:
        return text("en", f"problem.{error.reason}").rstrip(".")
    return error.message


def named(faults: tuple[Fault, ...]) -> str:
    """Faults in one line: where and what of each."""
    return ", ".join(f"{fault.field} {fault.code}".strip() for fault in faults)
