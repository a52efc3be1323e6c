"""The stand-in's own hash function against published and derived vectors of the protocol."""

import hashlib

import pytest
from defusedxml.ElementTree import fromstring as read_xml

from invoicing.sandbox.autopay import messages
from invoicing.sandbox.autopay.messages import Answer, Node
from invoicing.sandbox.autopay.protocol import (
    START_FIELDS,
    HashKind,
    Refusal,
    Service,
    compact_local_time,
    parse_local_time,
    read_signed,
)

KQ = "QCBm3N0oFjzQAWsTIVN8mPLK12TW6HU6InSfjvnF"
K12 = "12" * 16
M = "0123456789abcdef0123456789abcdef"
PUBLISHED = {
    "V1 start": ("2|100|1.50", "2test2", "2ab52e6918c6ad3b69a8228a2ab815f11ad58533eeed963dd990df8d8c3709d1"),
    "V2 return": ("2|100", "2test2", "254eac9980db56f425acf8a9df715cbd6f56de3c410b05f05016630f7d30a4ed"),
    "V3 ITN": (
        "1|11|91|11.11|PLN|1|20010101111111|SUCCESS|AUTHORIZED",
        "1test1",
        "a103bfe581a938e9ad78238cfc674ffafdd6ec70cb6825e7ed5c41787671efe4",
    ),
    "V4 ITN answer": (
        "1|11|CONFIRMED",
        "1test1",
        "c1e9888b7d9fb988a4aae0dfbff6d8092fc9581e22e02f335367dd01058f9618",
    ),
    "V5 gateway list": (
        "47498|11111111111111111111111111111111|PLN,EUR|PL",
        "1test1",
        "306519f632e53a5e662de0125da7ac3f8135c7e4080900f2b145d4b25ff1b55d",
    ),
    "V7 ITN": (
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
        "47 1050 1764 1000 0023 2741 0516|Autopay|81-717 Sopot, ul. Haffnera 6|12345|5.12|PLN|"
        "Test transaction 12345|12345|https://ssl.bsk.com.pl/bskonl/login.html|https://google.pl",
        KQ,
        "92b276274cb78de21023cdf1772908d256606c4a426d67ee0810c34469fb8b0c",
    ),
    "V14 generator": (
        "https://pay-accept.bm.pl|186-1590996507|22.94|Transakcja testowa|1500|PLN|test@test.test|127.0.0.1|Test",
        KQ,
        "56507c9294e43e649e8726d271174297a165aedb858edb0414aadbc9632f17e7",
    ),
    "V15 generator": (
        "https://testpay.autopay.eu|186-1590996507|22.94|Transakcja testowa|1500|PLN|test@test.test|127.0.0.1|Test",
        KQ,
        "fae54ccca82059af7d587ab51c06be070cf3233556de20451be842c6fb2396c2",
    ),
    "V16 validity": (
        "354|1|10.20|PLN|2015-10-15 18:45:54|2015-10-15 19:45:54",
        K12,
        "455874670a28f01e6fd6870030e64e6d35a455cd88d199145e413d6cd547f61c",
    ),
}
DERIVED = {
    "D1 start": (
        "2|case-2026-0001|123.00|Konsultacja case-2026-0001|0|PLN|jan@example.com|PL|127.0.0.1|"
        "2026-01-15 12:15:00|2026-01-15 12:10:00|https://example.com/return",
        "bc856f96225b745925c98abcda4c63eda450927464183b1af7a34efcdd502808",
    ),
    "D2 continue": (
        "PENDING|https://testpay.autopay.eu/payment/continue/96VSD39Z6E/L6CGP5BH|case-2026-0001|96VSD39Z6E",
        "085b150cb0796c6fc0b004955a7e80de01b4378fd12c393ac24fecad4cb2d402",
    ),
    "D3 BLIK": (
        "case-2026-0001|96VSD39Z6E|CONFIRMED|PENDING",
        "f5fbb99f262dce3620ba90208e32d4749c9e3448df75a2718ac223a927eaa796",
    ),
    "D4 ITN PENDING": (
        "2|case-2026-0001|96VSD39Z6E|123.00|PLN|106|20260115120400|PENDING",
        "6b269db65c39d7d2e80387b143a8fd1abb2ed6afe300669d27e7819876f2203b",
    ),
    "D6 ITN customerData": (
        "2|case-2026-0001|96VSD39Z7F|123.00|PLN|106|20260115120700|SUCCESS|AUTHORIZED|Jan|Kowalski|Jasna|6|A|3|"
        "10-234|Warszawa|26105014451000002276470461",
        "ad15041c4d6da18f8a43566ec3dbaaef54fe39aa087f16bfc74d2edf8f6848e9",
    ),
    "D8 confirmed": (
        "2|case-2026-0001|CONFIRMED",
        "c9bf2386f7ae573b96b880666b0977d1822842318904e84e5c9a1b8c7bf33f24",
    ),
    "D8 not confirmed": (
        "2|case-2026-0001|NOTCONFIRMED",
        "f153642309e07f3437df5e3e132694837fc754281f17f8b6b0493318a731fbd3",
    ),
    "D9 status": ("2|case-2026-0001", "31b81d30836064b8b9d1af6d729da0cc6b17e9553e280a4ca9b72646ad3e4c49"),
    "D11 refund": (
        f"2|{M}|96VSD39Z7F|123.00|PLN",
        "7c3035da557b177002eca6a6ffedf83d6acb33b50719f4b529e735ce1ab6efda",
    ),
    "D11 answer": (f"2|{M}", "fca0d7a16ce12c38e74979c2666ce4ca9d70edb60adfc785c2f7a74e557c13d1"),
    "D12 cancel": (
        f"2|{M}|case-2026-0001",
        "cac0f079f8e0dbc75fc87b813952a7195575c65a868064855a5a4a9c22f95903",
    ),
    "D12 answer": (
        f"2|{M}|CONFIRMED|CANCELED_FULLY",
        "1bedb24125ec42cf2ec4b9b7edecb87a5b227f96e1f65685ca639c76ba5133c3",
    ),
}
D14 = (
    "a36d456658e5cb3cc69062195fbaf4803f5f2dc7f26d00ba32a560d06d46385f"
    "ee6ec39cbb064a4d9c3269dce2e1118049c0c85d57488135b96f78c01f2c70f8"
)
VECTORS = {**PUBLISHED, **{name: (values, "2test2", hash_of) for name, (values, hash_of) in DERIVED.items()}}


@pytest.mark.parametrize(("values", "key", "expected"), VECTORS.values(), ids=VECTORS.keys())
def test_every_vector_of_the_protocol_is_reproduced(values: str, key: str, expected: str) -> None:
    service = Service("2", key)

    assert service.sign(values.split("|")) == expected
    assert service.signed_by(values.split("|"), f"\n  {expected.upper()} ")


def test_a_service_may_have_been_given_sha512() -> None:
    assert Service("2", "2test2", hash=HashKind.SHA512).sign(["2", "100", "1.50"]) == D14


def test_absent_and_empty_values_vanish_with_their_separator_and_zero_stays() -> None:
    service = Service("2", "2test2")

    assert service.sign(["2", "", "100", "", "1.50"]) == service.sign(["2", "100", "1.50"])
    assert service.sign(["2", "0", "100"]) != service.sign(["2", "100"])
    assert service.sign(["1.2"]) != service.sign(["1.20"])


@pytest.mark.parametrize("altered", ["", "w4ongha6s", "ąę", PUBLISHED["V14 generator"][2][:-4] + "1111"])
def test_a_wrong_hash_is_rejected(altered: str) -> None:
    values, key, _ = PUBLISHED["V14 generator"]

    assert not Service("2", key).signed_by(values.split("|"), altered)


def test_the_derived_start_is_accepted_whatever_the_order_of_the_form() -> None:
    names = ["ServiceID", "OrderID", "Amount", "Description", "GatewayID", "Currency", "CustomerEmail", "Language"]
    names += ["CustomerIP", "ValidityTime", "LinkValidityTime", "ReturnURL"]
    values, expected = DERIVED["D1 start"]
    form = dict(reversed(list(zip(names, values.split("|"), strict=True))))
    service = Service("2", "2test2")

    assert read_signed({**form, "Hash": expected}, START_FIELDS, names, {"2": service}) == service
    with pytest.raises(Refusal, match="INVALID_HASH"):
        read_signed({**form, "Amount": "124.00", "Hash": expected}, START_FIELDS, names, {"2": service})


def test_the_itn_of_a_published_vector_is_built_and_signed_from_its_own_leaves() -> None:
    transaction: list[Node] = [
        ("orderID", "123"),
        ("remoteID", "102686"),
        ("amount", "500.00"),
        ("currency", "PLN"),
        ("gatewayID", "106"),
        ("paymentDate", "20200621171238"),
        ("paymentStatus", "SUCCESS"),
        ("paymentStatusDetails", "ACCEPTED"),
    ]

    root = read_xml(messages.transaction_list(Service("123456", KQ), [transaction]))

    assert root.tag == "transactionList"
    assert root.findtext("hash") == PUBLISHED["V7 ITN"][2]


def test_customer_data_takes_part_in_the_hash_leaf_by_leaf() -> None:
    values = DERIVED["D6 ITN customerData"][0].split("|")
    names = ["orderID", "remoteID", "amount", "currency", "gatewayID", "paymentDate", "paymentStatus"]
    names.append("paymentStatusDetails")
    plain: list[Node] = list(zip(names, values[1:9], strict=True))
    customer: list[Node] = [(f"field{number}", value) for number, value in enumerate(values[9:])]

    document = messages.transaction_list(Service("2", "2test2"), [[*plain, ("customerData", customer)]])

    assert read_xml(document).findtext("hash") == DERIVED["D6 ITN customerData"][1]


def test_values_are_hashed_before_they_are_escaped_for_xml() -> None:
    service = Service("2", "klucz-żółty")
    document = messages.transaction_list(service, [[("orderID", "a<b&c>żółć")]])

    expected = hashlib.sha256("2|a<b&c>żółć|klucz-żółty".encode()).hexdigest()
    assert read_xml(document).findtext("hash") == expected


CONFIRMATION = (
    "<confirmationList><serviceID>1</serviceID><transactionsConfirmations><transactionConfirmed>"
    "<orderID>11</orderID><confirmation>CONFIRMED</confirmation></transactionConfirmed>"
    "</transactionsConfirmations><hash>\n  {} </hash></confirmationList>"
)


def test_only_a_whole_and_signed_confirmation_counts() -> None:
    service, right = Service("1", "1test1"), PUBLISHED["V4 ITN answer"][2]
    entity = '<!DOCTYPE a [<!ENTITY x "CONFIRMED">]>'

    def verdict(body: str, order_id: str = "11") -> Answer:
        return messages.read_confirmation(service, order_id, body.encode())

    assert verdict(CONFIRMATION.format(right)) is Answer.CONFIRMED
    assert verdict(CONFIRMATION.format(right), "12") is Answer.BAD_ANSWER
    assert verdict(CONFIRMATION.format("00" + right[2:])) is Answer.BAD_ANSWER
    assert verdict(entity + CONFIRMATION.format(right)) is Answer.BAD_ANSWER
    assert verdict("<!DOCTYPE confirmationList>" + CONFIRMATION.format(right)) is Answer.BAD_ANSWER
    assert verdict("") is Answer.BAD_ANSWER
    assert verdict("OK") is Answer.BAD_ANSWER
    assert verdict(CONFIRMATION.format(right).replace("confirmationList", "list")) is Answer.BAD_ANSWER


def test_times_are_read_and_written_in_warsaw_summer_and_winter() -> None:
    assert parse_local_time("2026-01-15 12:15:00").isoformat() == "2026-01-15T11:15:00+00:00"
    assert parse_local_time("2026-07-15 12:15:00").isoformat() == "2026-07-15T10:15:00+00:00"
    assert compact_local_time(parse_local_time("2026-07-15 12:15:00")) == "20260715121500"
    with pytest.raises(Refusal, match="INVALID_FORMAT"):
        parse_local_time("2026-02-30 12:15:00")
