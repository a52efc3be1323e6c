"""What `doctor` says about registers."""

from datetime import UTC, date, datetime

import pytest

from invoicing.domain.registers import Answer, Question, Verdict
from invoicing.settings import load
from starter.checks import _inquiries, _register

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ADDRESSES = {"VIES_BASE_URL": "https://vies.example.com", "WHITE_LIST_BASE_URL": "https://list.example.com"}


class Register:
    """Answers every question alike."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    async def ask(self, question: Question, on: date) -> Answer:
        return Answer(self.verdict)


@pytest.mark.parametrize("used", [(), ("VIES_BASE_URL",), ("VIES_BASE_URL", "WHITE_LIST_BASE_URL")])
def test_only_registers_that_are_used_are_asked(used: tuple[str, ...]) -> None:
    inquiries = _inquiries(load({name: ADDRESSES[name] for name in used}))
    assert [base for _, base, _ in inquiries] == [ADDRESSES[name] for name in used]


@pytest.mark.parametrize(
    ("verdict", "health"),
    [(Verdict.CONFIRMED, "ok"), (Verdict.DENIED, "ok"), (Verdict.UNANSWERED, "warning")],
)
async def test_any_answer_is_a_sign_of_life_and_silence_only_a_warning(verdict: Verdict, health: str) -> None:
    for name, base, question in _inquiries(load(ADDRESSES)):
        check = await _register(name, base, Register(verdict), question, NOW)
        assert (check.name, check.health.value) == (name, health)
        assert base in check.told
