"""Settings: one message names every fault, and sandbox values never meet the outer world."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from invoicing.errors import SettingsFault
from invoicing.settings import DEFAULTS, environment, load

GATEWAY = {
    "AUTOPAY_BASE_URL": "https://pay.example.com",
    "AUTOPAY_SERVICE_ID": "100001",
    "AUTOPAY_SHARED_KEY": "first,second",
}


def faults(**env: str) -> list[str]:
    """The lines of the message, without its head."""
    with pytest.raises(SettingsFault) as raised:
        load(env, for_api=True)
    assert raised.value.code == "settings"
    return [line.removeprefix("- ") for line in raised.value.message.splitlines()[1:]]


def test_nothing_set_gives_the_defaults() -> None:
    settings = load({})
    assert settings.database_url == DEFAULTS["DATABASE_URL"]
    assert (settings.payment_validity, settings.payment_poll_interval) == (timedelta(days=3), timedelta(minutes=5))
    assert (settings.autopay, settings.smtp.host, settings.auth_secrets) == ((), None, ())


def test_one_message_names_every_fault() -> None:
    named = faults(
        DATABASE_URL="mysql://host/name",
        DOCUMENTS_URL="s3://bucket",
        HTTP_PORT="²",
        PUBLIC_URL="http://host:99999999",
        PAYMENT_VALIDITY="9999999d",
        MINIMUM_AMOUNT="-1",
        LOG_LEVEL="loud",
        SMTP_HOST="mail.example.com",
        MAIL_FROM="x@",
        SECRETS_KEYS="one:short",
    )
    for name in (
        "DATABASE_URL",
        "DOCUMENTS_URL",
        "HTTP_PORT",
        "PUBLIC_URL",
        "PAYMENT_VALIDITY",
        "MINIMUM_AMOUNT",
        "LOG_LEVEL",
        "MAIL_FROM",
        "SECRETS_KEYS",
        "AUTH_SECRET is missing",
    ):
        assert any(line.startswith(name) for line in named), name
    assert len(named) == 10


def test_the_brownout_governor_is_on_and_its_limits_can_be_set() -> None:
    usual = load({})
    told = (usual.brownout_governor, usual.brownout_cases, usual.brownout_window, usual.brownout_probe_interval)
    assert told == (True, 20, timedelta(seconds=60), timedelta(seconds=30))
    env = {
        "BROWNOUT_GOVERNOR": "off",
        "BROWNOUT_CASES": "1",
        "BROWNOUT_WINDOW": "5m",
        "BROWNOUT_PROBE_INTERVAL": "500ms",
    }
    set_so = load(env)
    told = (set_so.brownout_governor, set_so.brownout_cases, set_so.brownout_window, set_so.brownout_probe_interval)
    assert told == (False, 1, timedelta(minutes=5), timedelta(milliseconds=500))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROWNOUT_GOVERNOR", "maybe"),
        *(("BROWNOUT_CASES", value) for value in ("0", "-1", "10001", "1.5", "²", "x", "9" * 5000)),
        ("BROWNOUT_WINDOW", "0s"),
        ("BROWNOUT_PROBE_INTERVAL", "soon"),
    ],
)
def test_a_wrong_limit_of_the_governor_is_named(name: str, value: str) -> None:
    (fault,) = faults(**{name: value}, AUTH_SECRET="x" * 16)
    assert fault.startswith(f"{name}: expected")


@pytest.mark.parametrize("value", ["32d", "745h"])
def test_a_validity_that_the_gateway_would_shorten_is_named(value: str) -> None:
    assert faults(PAYMENT_VALIDITY=value, AUTH_SECRET="x" * 16) == ["PAYMENT_VALIDITY: expected at most 31d"]
    assert load({"PAYMENT_VALIDITY": "31d"}).payment_validity == timedelta(days=31)


def test_a_fault_of_the_single_service_names_the_variable() -> None:
    named = faults(**GATEWAY | {"AUTOPAY_SERVICE_ID": "x", "AUTOPAY_BASE_URL": "ftp://x"}, AUTH_SECRET="x" * 16)
    assert [line.partition(":")[0] for line in named] == ["AUTOPAY_SERVICE_ID", "AUTOPAY_BASE_URL"]


def test_a_gateway_that_is_set_by_halves_is_a_fault() -> None:
    assert faults(AUTOPAY_SERVICE_ID="1", AUTH_SECRET="x" * 16) == [
        "AUTOPAY_BASE_URL, AUTOPAY_SHARED_KEY: missing, while AUTOPAY_SERVICE_ID is set; set all three or none"
    ]


def test_the_first_key_signs_and_all_are_kept() -> None:
    (service,) = load(GATEWAY).autopay
    assert service.shared_keys == ("first", "second")


@pytest.mark.parametrize("keys", ["first,second", ["first", "second"], [" first ", "second", ""]])
def test_the_keys_of_each_service_may_be_a_list(keys: object) -> None:
    service = {"service_id": "1", "shared_key": keys, "base_url": "https://pay.example.com"}
    (found,) = load({"AUTOPAY_SERVICES": json.dumps([service])}).autopay
    assert found.shared_keys == ("first", "second")


@pytest.mark.parametrize(
    ("env", "name"),
    [
        (GATEWAY | {"AUTOPAY_SHARED_KEY": "sandbox-autopay-key"}, "AUTOPAY_SHARED_KEY"),
        ({"WFIRMA_BASE_URL": "https://api.example.com", "WFIRMA_APP_KEY": "sandbox-app"}, "WFIRMA_APP_KEY"),
        ({"AUTH_SECRET": "sandbox-secret-long", "PUBLIC_URL": "https://pay.example.com"}, "AUTH_SECRET"),
        ({"AUTH_SECRET": "sandbox-secret-long", "HTTP_HOST": "0.0.0.0"}, "AUTH_SECRET"),  # noqa: S104 - it is refused
    ],
)
def test_a_sandbox_key_with_an_address_that_is_not_loopback_is_a_fault(env: dict[str, str], name: str) -> None:
    (fault,) = faults(**{"AUTH_SECRET": "x" * 16} | env)
    assert fault.startswith(f"{name}: a sandbox")
    assert not any(value.startswith("sandbox-") for value in fault.split())


def test_sandbox_keys_on_loopback_are_taken() -> None:
    local = {"AUTOPAY_BASE_URL": "http://127.0.0.1:9001", "AUTOPAY_SHARED_KEY": "sandbox-autopay-key"}
    assert load(GATEWAY | local | {"AUTH_SECRET": "sandbox-secret-long"}, for_api=True).autopay


def test_credentials_are_not_sent_in_clear() -> None:
    mail = {"SMTP_HOST": "mail.example.com", "MAIL_FROM": "a@example.com", "SMTP_SECURITY": "none"}
    (fault,) = faults(**mail, SMTP_USERNAME="user", SMTP_PASSWORD="word", AUTH_SECRET="x" * 16)
    assert fault.startswith("SMTP_SECURITY")


def test_secrets_do_not_show_in_the_settings(tmp_path: Path) -> None:
    settings = load(GATEWAY | {"AUTH_SECRET": "a-secret-of-ours-16", "SMTP_PASSWORD": "word", "SMTP_USERNAME": "user"})
    shown = repr(settings)
    assert not any(secret in shown for secret in ("a-secret-of-ours-16", "first", "word"))


def test_the_environment_is_put_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("HTTP_PORT=1\nLOG_LEVEL=debug\nMAIL_FROM=\n", encoding="utf-8")
    assert environment({"HTTP_PORT": "2", "PUBLIC_URL": ""}, dotenv) == {"HTTP_PORT": "2", "LOG_LEVEL": "debug"}
