"""Fields that most people leave alone stand closed in a form, and never out of sight where something is in them."""

import pytest
from django import forms
from django.template.loader import render_to_string

from hanse.web.forms import Fold, Folded


class Form(Folded):
    """One field in sight, two pairs folded away, and one field more."""

    folds = (Fold("Dates", ("since", "until")), Fold("Limits", ("most", "grade")))

    title = forms.CharField()
    since = forms.CharField(required=False)
    most = forms.IntegerField(required=False, initial=100)
    until = forms.CharField(required=False)
    grade = forms.MultipleChoiceField(required=False, choices=[("a", "A")])
    team = forms.CharField(required=False)


def shown(form: forms.Form) -> str:
    """The form as a page has it, on one line."""
    return " ".join(render_to_string("web/form.html", {"form": form}).split())


def test_a_fold_stands_where_its_first_field_would() -> None:
    """Its fields stand together, each once, in their order."""
    page = shown(Form())
    order = [page.index(f'name="{name}"') for name in ("title", "since", "until", "most", "grade", "team")]
    assert order == sorted(order)
    assert page.count('<details class="fold"><summary>') == 2
    assert page.index("<summary>Dates") < page.index('name="since"') < page.index("<summary>Limits")


@pytest.mark.parametrize(
    "told", [{"until": "x"}, {"since": "0"}], ids=["something is typed", "a zero is typed"]
)
def test_what_is_filled_in_is_in_sight(told: dict[str, str]) -> None:
    """Nobody sends what they do not see: neither what they typed before, nor what a thing has."""
    for page in (shown(Form({"title": "t", "most": "100", **told})), shown(Form(initial=told))):
        assert page.count('<details class="fold" open>') == 1
        assert page.index('<details class="fold" open>') < page.index("<summary>Dates")


def test_what_is_wrong_is_in_sight() -> None:
    """An error is said beside its field, which therefore is shown."""
    page = shown(Form({"title": "t", "most": "many"}))
    assert page.index('<details class="fold" open><summary>Limits') < page.index('class="error"')


def test_a_form_without_folds_is_as_it_was() -> None:
    """All its fields in sight."""

    class Plain(forms.Form):
        one = forms.CharField()

    assert "<details" not in shown(Plain())
    assert 'name="one"' in shown(Plain())
