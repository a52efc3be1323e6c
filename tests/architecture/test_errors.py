"""The error tree is drawn as it is, every class has its mapping, and no class hides what became of the call."""

import re

import pytest
from temporalio.exceptions import ApplicationError

import invoicing.errors as errors
from activities.failures import CATEGORIES, FailureDetail, application_error
from invoicing.errors import PaidcaseError

DRAWN = re.compile(r"^(?P<indent>[ │├└─]*)(?P<name>[A-Z][A-Za-z]+)(?: {2,}(?P<says>.*))?$")


def classes(of: type[PaidcaseError] = PaidcaseError) -> list[type[PaidcaseError]]:
    """Every class below one, of the tree's module alone."""
    below = [cls for cls in of.__subclasses__() if cls.__module__ == errors.__name__]
    return [found for cls in below for found in (cls, *classes(cls))]


def drawn() -> dict[str, tuple[str, str]]:
    """Each class of the picture with the class above it and what the picture says of it."""
    picture = (errors.__doc__ or "").split("\n\n")[1]
    above: list[tuple[int, str]] = []
    found: dict[str, tuple[str, str]] = {}
    for line in picture.splitlines():
        match = DRAWN.match(line)
        assert match, f"cannot read {line!r}"
        depth = len(match["indent"])
        above = [(at, name) for at, name in above if at < depth]
        found[match["name"]] = (above[-1][1] if above else "", match["says"] or "")
        above.append((depth, match["name"]))
    return found


def test_the_picture_shows_every_class_below_its_parent() -> None:
    real = {cls.__name__: cls.__bases__[0].__name__ for cls in classes()}
    assert {name: above for name, (above, _) in drawn().items() if above} == real


def test_the_picture_tells_which_may_be_tried_again() -> None:
    for cls in classes():
        says = drawn()[cls.__name__][1]
        assert ("not retryable" in says) is not cls.retryable, cls.__name__


def test_every_class_is_mapped_and_nothing_else_is() -> None:
    assert set(CATEGORIES) == set(classes())
    assert len(CATEGORIES) >= 12


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_a_mapped_error_keeps_type_code_cause_and_retryability(cls: type[PaidcaseError]) -> None:
    raised = application_error(cls("some_code"))
    assert isinstance(raised, ApplicationError)
    assert raised.type == cls.__name__
    assert raised.non_retryable is not cls.retryable
    detail = raised.details[0]
    assert isinstance(detail, FailureDetail)
    assert (detail.code, detail.cause, detail.outcome_known) == ("some_code", cls.cause, cls.outcome_known)


def test_a_subclass_that_nobody_mapped_is_told_by_its_parents_name() -> None:
    class Stranger(errors.Throttled):
        pass

    assert application_error(Stranger("later")).type == "Throttled"


def test_where_the_outcome_is_unknown_only_a_look_up_may_follow() -> None:
    assert [cls.__name__ for cls in classes() if not cls.outcome_known] == ["OutcomeUnknown"]
