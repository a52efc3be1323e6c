"""Hash vectors of the Autopay protocol: published ones and ones derived from its rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.errors import SettingsFault
from invoicing.gateways.autopay.document import parse
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.gateways.autopay.signing import digest, is_signed, sign

K1 = "1test1"
K2 = "2test2"
KQ = "QCBm3N0oFjzQAWsTIVN8mPLK12TW6HU6InSfjvnF"
K12 = "12" * 16
M = "0123456789abcdef0123456789abcdef"
MAIL_FIELDS = "186-1590996507|22.94|Transakcja testowa|1500|PLN|test@test.test|127.0.0.1|Test"

VECTORS = {
    "V1 start": ("2|100|1.50", K2, "2ab52e6918c6ad3b69a8228a2ab815f11ad58533eeed963dd990df8d8c3709d1"),
    "V2 return": ("2|100", K2, "254eac9980db56f425acf8a9df715cbd6f56de3c410b05f05016630f7d30a4ed"),
    "V3 notification": (
        "1|11|91|11.11|PLN|1|20010101111111|SUCCESS|AUTHORIZED",
        K1,
        "a103bfe581a938e9ad78238cfc674ffafdd6ec70cb6825e7ed5c41787671efe4",
    ),
    "V4 confirmation": ("1|11|CONFIRMED", K1, "c1e9888b7d9fb988a4aae0dfbff6d8092fc9581e22e02f335367dd01058f9618"),
    "V5 channel list": (
        "47498|11111111111111111111111111111111|PLN,EUR|PL",
        K1,
        "306519f632e53a5e662de0125da7ac3f8135c7e4080900f2b145d4b25ff1b55d",
    ),
    "V7 notification": (
        "123456|123|102686|500.00|PLN|106|20200621171238|SUCCESS|ACCEPTED",
        KQ,
        "422fbd7c1bbac1eb745b647980dd63c2e8ccf261ea196739ab8043eff8dd4e17",
    ),
    "V9 continue": (
        "PENDING|https://pay-accept.bm.pl/payment/continue/9IA2UISN/718GTV5E|123|9IA2UISN",
        KQ,
        "a3700f934854728035ae2b22cbd0dcbbad0c207faecb16f707b9d2abb103f54e",
    ),
    "V10 continue": (
        "PENDING|https://testpay.autopay.eu/payment/continue/9IA2UISN/718GTV5E|123|9IA2UISN",
        KQ,
        "6b60b96b6ce74d19c2655b2c5e29948d8360170dfb2c76f5f13811ec71f2e1da",
    ),
    "V12 quick transfer": (
        "47 1050 1764 1000 0023 2741 0516|Autopay|81-717 Sopot, ul. Haffnera 6|12345|5.12|PLN|Test transaction 12345"
        "|12345|https://ssl.bsk.com.pl/bskonl/login.html|https://google.pl",
        KQ,
        "92b276274cb78de21023cdf1772908d256606c4a426d67ee0810c34469fb8b0c",
    ),
    "V14 generator": (
        f"https://pay-accept.bm.pl|{MAIL_FIELDS}",
        KQ,
        "56507c9294e43e649e8726d271174297a165aedb858edb0414aadbc9632f17e7",
    ),
    "V15 generator": (
        f"https://testpay.autopay.eu|{MAIL_FIELDS}",
        KQ,
        "fae54ccca82059af7d587ab51c06be070cf3233556de20451be842c6fb2396c2",
    ),
    "V16 start with empty fields": (
        "354|1|10.20||||PLN||2015-10-15 18:45:54||2015-10-15 19:45:54|",
        K12,
        "455874670a28f01e6fd6870030e64e6d35a455cd88d199145e413d6cd547f61c",
    ),
    "D1 start": (
        "2|case-2026-0001|123.00|Konsultacja case-2026-0001|0|PLN|jan@example.com|PL|127.0.0.1|2026-01-15 12:15:00"
        "|2026-01-15 12:10:00|https://example.com/return",
        K2,
        "bc856f96225b745925c98abcda4c63eda450927464183b1af7a34efcdd502808",
    ),
    "D2 continue": (
        "PENDING|https://testpay.autopay.eu/payment/continue/96VSD39Z6E/L6CGP5BH|case-2026-0001|96VSD39Z6E",
        K2,
        "085b150cb0796c6fc0b004955a7e80de01b4378fd12c393ac24fecad4cb2d402",
    ),
    "D3 accepted": (
        "case-2026-0001|96VSD39Z6E|CONFIRMED|PENDING",
        K2,
        "f5fbb99f262dce3620ba90208e32d4749c9e3448df75a2718ac223a927eaa796",
    ),
    "D4 notification": (
        "2|case-2026-0001|96VSD39Z6E|123.00|PLN|106|20260115120400|PENDING",
        K2,
        "6b269db65c39d7d2e80387b143a8fd1abb2ed6afe300669d27e7819876f2203b",
    ),
    "D6 notification with customer data": (
        "2|case-2026-0001|96VSD39Z7F|123.00|PLN|106|20260115120700|SUCCESS|AUTHORIZED|Jan|Kowalski|Jasna|6|A|3|10-234"
        "|Warszawa|26105014451000002276470461",
        K2,
        "ad15041c4d6da18f8a43566ec3dbaaef54fe39aa087f16bfc74d2edf8f6848e9",
    ),
    "D8 confirmed": (
        "2|case-2026-0001|CONFIRMED",
        K2,
        "c9bf2386f7ae573b96b880666b0977d1822842318904e84e5c9a1b8c7bf33f24",
    ),
    "D8 not confirmed": (
        "2|case-2026-0001|NOTCONFIRMED",
        K2,
        "f153642309e07f3437df5e3e132694837fc754281f17f8b6b0493318a731fbd3",
    ),
    "D9 status": ("2|case-2026-0001", K2, "31b81d30836064b8b9d1af6d729da0cc6b17e9553e280a4ca9b72646ad3e4c49"),
    "D11 refund": (
        f"2|{M}|96VSD39Z7F|123.00|PLN",
        K2,
        "7c3035da557b177002eca6a6ffedf83d6acb33b50719f4b529e735ce1ab6efda",
    ),
    "D11 refund answer": (f"2|{M}", K2, "fca0d7a16ce12c38e74979c2666ce4ca9d70edb60adfc785c2f7a74e557c13d1"),
    "D12 cancel": (
        f"2|{M}|case-2026-0001",
        K2,
        "cac0f079f8e0dbc75fc87b813952a7195575c65a868064855a5a4a9c22f95903",
    ),
    "D12 cancel answer": (
        f"2|{M}|CONFIRMED|CANCELED_FULLY",
        K2,
        "1bedb24125ec42cf2ec4b9b7edecb87a5b227f96e1f65685ca639c76ba5133c3",
    ),
}
D14 = (
    "a36d456658e5cb3cc69062195fbaf4803f5f2dc7f26d00ba32a560d06d46385f"
    "ee6ec39cbb064a4d9c3269dce2e1118049c0c85d57488135b96f78c01f2c70f8"
)


def service(
    *keys: str, kind: HashKind = HashKind.SHA256, service_id: str = "2", currency: str = "PLN"
) -> AutopayService:
    return AutopayService(service_id, currency, keys or (K2,), kind, "https://testpay.autopay.eu")


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gives_its_hash_and_is_verified(name: str) -> None:
    joined, key, expected = VECTORS[name]
    values = joined.split("|")
    assert digest(values, key) == expected
    assert is_signed(service(key), values, expected)


def test_the_longer_digest_is_used_where_the_service_has_it() -> None:
    long = service(K2, kind=HashKind.SHA512)
    assert sign(long, ["2", "100", "1.50"]) == D14
    assert not is_signed(service(K2), ["2", "100", "1.50"], D14)


def test_a_zero_takes_part_and_an_empty_value_does_not() -> None:
    assert digest(["2", "0", "x"], K2) != digest(["2", "x"], K2) == digest(["2", "", "x"], K2)


def test_amounts_are_hashed_as_they_are_written() -> None:
    assert digest(["2", "100", "1.2"], K2) != digest(["2", "100", "1.20"], K2)


def test_case_and_surrounding_whitespace_of_a_received_hash_do_not_matter() -> None:
    assert is_signed(service(), ["2", "100"], f"\n  {VECTORS['V2 return'][2].upper()} \n")


@pytest.mark.parametrize("received", ["", "w4ongha6s", "é" * 64, "\udc80", VECTORS["V2 return"][2][:-1]])
def test_what_is_no_hash_is_refused_without_an_exception(received: str) -> None:
    assert not is_signed(service(), ["2", "100"], received)


def test_an_altered_published_hash_is_refused() -> None:
    joined, key, expected = VECTORS["V14 generator"]
    assert not is_signed(service(key), joined.split("|"), expected[:-4] + "1111")


def test_the_first_key_signs_and_every_key_verifies() -> None:
    turning = service("new-key", K2)
    assert sign(turning, ["2", "100"]) == digest(["2", "100"], "new-key")
    assert is_signed(turning, ["2", "100"], digest(["2", "100"], K2))
    assert not is_signed(turning, ["2", "100"], digest(["2", "100"], "retired-key"))


@given(st.lists(st.text(min_size=1), min_size=1), st.data())
def test_changing_any_value_changes_the_hash(values: list[str], data: st.DataObject) -> None:
    spoiled = list(values)
    spoiled[data.draw(st.integers(0, len(values) - 1))] += "x"
    assert not is_signed(service(), spoiled, sign(service(), values))


def test_letters_outside_ascii_are_hashed_as_utf8_in_document_order() -> None:
    document = parse("<a><b>Zażółć</b><c><d>gęślą</d></c><b>jaźń</b><hash>x</hash></a>".encode(), 1000)
    assert document is not None
    assert document.values() == ("Zażółć", "gęślą", "jaźń")
    assert digest(document.values(), K2) == "dca3f91d27ac0bade26c6c4c81a9b2fdaa016f0ff5068d7a60908b8e1628878e"


def test_keys_never_show_in_a_representation() -> None:
    assert K2 not in repr(service(K2))


def test_a_service_is_found_by_currency_and_by_id() -> None:
    euro = service(K1, service_id="3", currency="EUR")
    services = AutopayServices([service(), euro])
    assert services.currencies == {"PLN", "EUR"}
    assert services.for_currency("EUR") is services.by_id("3") is services.find("3") is euro
    assert services.find("4") is None
    for find, unknown in ((services.for_currency, "USD"), (services.by_id, "4")):
        with pytest.raises(SettingsFault) as fault:
            find(unknown)
        assert fault.value.code == "autopay_disabled"


@pytest.mark.parametrize("other", [service(currency="EUR"), service(service_id="3")])
def test_two_services_share_neither_id_nor_currency(other: AutopayService) -> None:
    with pytest.raises(SettingsFault):
        AutopayServices([service(), other])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service_id", "12345678901"),
        ("currency", "zł"),
        ("keys", ()),
        ("keys", (" ",)),
        ("hash", "md5"),
        ("base_url", "ftp://testpay.autopay.eu"),
        ("base_url", "https://"),
        ("base_url", "https://a:b@testpay.autopay.eu"),
        ("base_url", "https://testpay.autopay.eu/?x=1"),
        ("payment_path", "payment"),
        ("payment_path", "//other.example/payment"),
    ],
)
def test_a_service_that_cannot_be_used_is_named_without_its_key(field: str, value: object) -> None:
    parts: dict[str, object] = {
        "service_id": "2",
        "currency": "PLN",
        "keys": (K2,),
        "hash": HashKind.SHA256,
        "base_url": "https://testpay.autopay.eu",
        "payment_path": "/payment",
    }
    with pytest.raises(SettingsFault) as fault:
        AutopayService(**{**parts, field: value})  # type: ignore[arg-type]  # wrong values are the point
    assert ("shared_key" if field == "keys" else field) in str(fault.value)
    assert K2 not in str(fault.value)
