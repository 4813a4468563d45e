"""Rows of marked things come on behalf of an actor only, and lists equal judging each row."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import connection, models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanse.kernel.actors import system
from hanse.kernel.markings import MarkingError, Tlp
from hanse.policy.actions import ACTIONS, UnknownActionError
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import NotVisibleError, UnguardedError
from hanse.policy.models import MarkedModel, StoredMarking, drop_unused, stored
from tests.policy.build import NOW, OWN, PARTNER, actions, actors, marking, markings, person, purposes, teams

pytestmark = pytest.mark.django_db
ANALYST = person("analyst", teams=("alpha",))


@pytest.fixture(scope="module")
def note_model(django_db_setup, django_db_blocker) -> Iterator[type[MarkedModel]]:
    """A marked model with a table of its own, gone after this module."""

    class Note(MarkedModel):
        parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="answers")

        class Meta:
            app_label = "policy"

    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Note)
        yield Note
        with connection.schema_editor() as editor:
            editor.delete_model(Note)
    del apps.all_models["policy"]["note"]
    apps.clear_cache()


def note(model, mark, team="", **more) -> MarkedModel:
    """A stored row."""
    return model.projected.create(object_id=uuid4(), marking=stored(mark), team=team, **more)


ROW = st.tuples(markings(), teams())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actors(), actions(), st.lists(ROW, max_size=6), purposes())
def test_a_list_is_each_row_judged(note_model, actor, action, rows, purpose):
    """Whoever asks whatever: the list holds exactly the rows that `may` allows, one by one."""
    note_model.projected.all().delete()
    made = [note(note_model, mark, team) for mark, team in rows]
    listed = set(note_model.objects.for_actor(actor, action, at_us=NOW, purpose=purpose))
    if purpose is None:
        few = note_model.objects.few_for(actor, action, at_us=NOW)
        assert {row for row, _ in few} == listed
        assert all(row.marking.marking == marking for row, marking in few)
    subjects = [(row, Subject("note", mark, team)) for row, (mark, team) in zip(made, rows, strict=True)]
    assert listed == {row for row, one in subjects if may(actor, action, one, now_us=NOW, purpose=purpose)}
    for row in made:
        assert note_model.objects.judge(actor, action, row, at_us=NOW, purpose=purpose).allowed == (
            row in listed
        )


def test_lists_can_be_filtered_further(note_model):
    """What `for_actor` gives is a query set: filter, order, count and slice keep the guard."""
    seen, hidden = note(note_model, marking()), note(note_model, marking(), "beta")
    rows = note_model.objects.for_actor(ANALYST, "attacks.view")
    assert list(rows.order_by("object_id")) == [seen]
    assert rows.filter(pk=hidden.pk).count() == 0
    assert rows.exclude(pk=seen.pk).first() is None


def test_a_list_asks_the_database_twice_however_many_rows(note_model, django_assert_num_queries):
    """One query for the markings in use, one for the rows; each marking is judged once."""
    for number in range(30):
        note(note_model, marking(retention_us=NOW + number % 3), "alpha" if number % 2 else "")
    with django_assert_num_queries(2):
        assert len(note_model.objects.for_actor(ANALYST, "attacks.view", at_us=NOW)) == 30


@pytest.mark.parametrize(
    "use",
    [
        lambda rows: rows.all(),
        lambda rows: rows.filter(team=""),
        lambda rows: rows.get(team=""),
        lambda rows: rows.count(),
        lambda rows: rows.exists(),
        lambda rows: rows.first(),
        lambda rows: rows.values("team"),
        lambda rows: rows.aggregate(models.Count("pk")),
        lambda rows: rows.raw("SELECT * FROM policy_note"),
        lambda rows: rows.none(),
        lambda rows: rows.create(object_id=uuid4()),
        lambda rows: rows.bulk_create([]),
        lambda rows: rows.in_bulk(),
        lambda rows: rows.iterator(),
        lambda rows: rows.using("default"),
    ],
)
def test_every_other_use_raises(note_model, use):
    """`objects` gives nothing, not even a count, without an actor."""
    with pytest.raises(UnguardedError):
        use(note_model.objects)


def test_relations_are_guarded(note_model):
    """Rows that refer to a row do not come through the back door either."""
    parent = note(note_model, marking())
    note(note_model, marking(), "beta", parent=parent)
    with pytest.raises(UnguardedError):
        parent.answers.all()


def test_absent_and_forbidden_are_not_told_apart(note_model):
    """The same error, word for word, for what is not there and for what the actor may not see."""
    seen, hidden = note(note_model, marking()), note(note_model, marking(PARTNER, tlp=Tlp.RED))
    assert note_model.objects.get_for(ANALYST, "attacks.view", seen.pk) == seen
    told = set()
    for key in (hidden.pk, uuid4(), UUID(int=0), "no key", 7, None):
        with pytest.raises(NotVisibleError) as error:
            note_model.objects.get_for(ANALYST, "attacks.view", key)
        told.add(str(error.value))
    assert len(told) == 1


def test_an_unknown_action_is_an_error_on_empty_tables(note_model):
    """A mistyped action is found even while there are no rows."""
    with pytest.raises(UnknownActionError):
        note_model.objects.for_actor(ANALYST, "notes.peek")


def test_the_node_itself_sees_all(note_model):
    """What derives and cleans up asks as the node, with the same calls."""
    rows = {note(note_model, marking(tlp=Tlp.RED), "alpha"), note(note_model, marking(PARTNER), "gamma")}
    assert set(note_model.objects.for_actor(system("worker", OWN), "attacks.view")) == rows


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(markings())
def test_a_marking_is_stored_once(mark):
    """Equal markings share one row, whose key is the hash of its text; it reads back as the same marking."""
    first, again = stored(mark), stored(mark)
    assert first.pk == again.pk
    assert StoredMarking.objects.get(pk=first.pk).marking == mark
    assert StoredMarking.objects.filter(text=mark.text).count() == 1
    assert str(first) == mark.banner()


def test_an_altered_marking_is_not_believed(note_model):
    """Text changed by SQL under an unchanged key is an error and no weaker marking."""
    row = note(note_model, marking(tlp=Tlp.RED))
    StoredMarking.objects.filter(pk=row.marking_id).update(text=marking(tlp=Tlp.CLEAR).text)
    with pytest.raises(MarkingError, match="altered"):
        list(note_model.objects.for_actor(ANALYST, "attacks.view"))
    with pytest.raises(MarkingError, match="altered"):
        note_model.objects.get_for(ANALYST, "attacks.view", row.pk)


def test_only_unused_markings_are_dropped(note_model):
    """After a purge, the markings that nothing carries go, all others stay."""
    kept = note(note_model, marking())
    gone = stored(marking(PARTNER))
    assert drop_unused() == 1
    assert not StoredMarking.objects.filter(pk=gone.pk).exists()
    assert StoredMarking.objects.filter(pk=kept.marking_id).exists()


def test_every_action_can_filter(note_model):
    """Each action of the list works as a filter."""
    note(note_model, marking())
    listed = {name for name in ACTIONS if note_model.objects.for_actor(ANALYST, name).exists()}
    assert {"attacks.view", "attacks.export"} <= listed
    assert not listed & {"settings.edit", "accounts.approve"}
