"""One default among the profiles of a client."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.domain.profiles import BillingProfile, heir, saved, with_data
from tests.unit.domain.samples import NOW, buyer, person


def profile(name: str, minute: int = 0, *, default: bool = False) -> BillingProfile:
    at = NOW + timedelta(minutes=minute)
    return BillingProfile("cli-7", name, buyer(), default, at, at)


def store(existing: dict[str, BillingProfile], new: BillingProfile) -> None:
    """What the database does: the row replaced, and the default taken from the others."""
    kept = saved(list(existing.values()), new)
    if kept.is_default:
        for name, one in existing.items():
            existing[name] = BillingProfile(one.client_id, name, one.data, False, one.created_at, one.updated_at)
    existing[kept.profile_id] = kept


def test_the_first_profile_is_the_default_and_a_second_one_is_not() -> None:
    first = saved([], profile("a"))
    assert first.is_default
    assert not saved([first], profile("b", 1)).is_default


def test_the_default_stays_the_default_when_it_is_saved_again_and_keeps_its_time() -> None:
    again = saved([profile("a", default=True)], profile("a", 5))
    assert (again.is_default, again.created_at, again.updated_at) == (True, NOW, NOW + timedelta(minutes=5))


def test_the_oldest_of_the_others_inherits_from_a_deleted_default() -> None:
    three = [profile("late", 9), profile("gone", default=True), profile("old", 1)]
    inherits = heir(three, "gone")
    assert inherits is not None
    assert (inherits.profile_id, inherits.is_default) == ("old", True)
    assert heir(three, "late") is None
    assert heir([profile("a", default=True)], "a") is None
    assert heir([], "a") is None


def test_equal_data_are_found_whatever_their_profile_is_called() -> None:
    assert with_data([profile("a")], buyer()) == profile("a")
    assert with_data([profile("a")], person()) is None


@settings(deadline=None, database=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["save", "default", "delete"])), max_size=25))
def test_whatever_is_saved_and_deleted_there_is_one_default_while_there_are_profiles(
    acts: list[tuple[str, str]],
) -> None:
    existing: dict[str, BillingProfile] = {}
    for minute, (name, act) in enumerate(acts):
        if act == "delete":
            following = heir(list(existing.values()), name)
            existing.pop(name, None)
            if following is not None:
                store(existing, following)
        else:
            store(existing, profile(name, minute, default=act == "default"))
        assert [one.is_default for one in existing.values()].count(True) == (1 if existing else 0)
