"""Exit codes and the line that says what is wrong and what to do."""

import pytest

from invoicing import errors
from invoicing.errors import DataFault, Fault, PaidcaseError, SettingsFault
from starter.outcomes import MEANINGS, ExitCode, exit_code, explanation

EXPECTED = {
    errors.DataFault: 1,
    errors.SettingsFault: 2,
    errors.ConnectivityFault: 3,
    errors.Throttled: 3,
    errors.OutcomeUnknown: 3,
    errors.Refused: 1,
    errors.VersionConflict: 1,
    errors.NotFound: 1,
    errors.NotAllowed: 1,
    errors.StillPending: 1,
    errors.BadNotification: 1,
    errors.InternalFault: 1,
}


@pytest.mark.parametrize(("kind", "code"), EXPECTED.items(), ids=lambda value: getattr(value, "__name__", str(value)))
def test_every_class_of_the_error_tree_has_its_exit_code(kind: type[PaidcaseError], code: int) -> None:
    assert exit_code(kind("some_code")) == code


def test_no_class_of_the_error_tree_is_left_out() -> None:
    tree = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, PaidcaseError) and kind is not PaidcaseError
    }
    assert tree == set(EXPECTED)


def test_every_exit_code_is_documented() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_the_line_names_every_fault_and_what_to_do() -> None:
    faults = [Fault("billing_data.tax_id", "bad_nip"), Fault("lines[0].vat_rate", "unknown_vat_rate")]
    told = explanation(DataFault("invalid", faults))
    assert told == (
        "invalid: billing_data.tax_id bad_nip, lines[0].vat_rate unknown_vat_rate; "
        "correct the fields named and run the command again"
    )


def test_wrong_settings_keep_their_own_message_with_every_fault() -> None:
    message = "Settings are wrong:\n- HTTP_PORT: expected a port"
    assert explanation(SettingsFault("settings", message)) == message
