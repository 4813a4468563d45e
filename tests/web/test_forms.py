"""Forms: what was typed stays, errors stand beside their field, markings and reasons are asked for alike."""

import re

import pytest
from django import forms
from django.template.loader import render_to_string

from hanse.kernel.markings import Pap, Tlp
from hanse.web.forms import MarkingField, ReasonField
from tests.conftest import AUTHORITY
from tests.shared import ROOT

NOT_KEPT = {
    "feed_edit.html": "a feed's token may stand in it",
    "welcome.html": "nobody is signed in yet, and its code lets somebody in",
    "add_passkey.html": "it has a name for the passkey, and one ready",
}
"""Forms whose words are not kept in the browser, and why."""


class Note(forms.Form):
    """A form with one of each."""

    text = forms.CharField(max_length=5, help_text="Five letters.")
    ready = forms.BooleanField(required=False)
    marking = MarkingField()
    why = ReasonField()


def html_of(form: forms.Form) -> str:
    """The form's fields as a page shows them."""
    return render_to_string("web/form.html", {"form": form})


def test_an_empty_form_has_labels_helps_and_the_authoritys_own_marking():
    """Each field has a label and its help is tied to it; the marking starts at TLP:AMBER PAP:AMBER."""
    html = html_of(Note())
    assert '<label for="id_text">Text</label>' in html
    assert 'aria-describedby="id_text_helptext"' in html
    assert 'id="id_text_helptext">Five letters.' in html
    assert html.count('value="AMBER" selected') == 2
    assert "errors" not in html


def test_errors_stand_beside_the_field_and_nothing_typed_is_lost():
    """A refused form comes back with what was typed, the words of each error tied to its field."""
    html = html_of(Note({"text": "too <long>", "why": "no", "marking_tlp": "RED", "marking_pap": "RED"}))
    assert 'value="too &lt;long&gt;"' in html
    assert 'aria-invalid="true"' in html
    assert 'class="error" id="id_text_error"' in html
    assert 'id="id_why_error"' in html
    assert '<option value="RED" selected>' in html


def test_a_marking_is_this_authoritys():
    """The chosen levels become a marking that this authority originates."""
    form = Note({"text": "a", "why": "case 17", "marking_tlp": "GREEN", "marking_pap": "RED"})
    assert form.is_valid(), form.errors
    marking = form.cleaned_data["marking"]
    assert (marking.tlp, marking.pap, marking.originators) == (Tlp.GREEN, Pap.RED, frozenset({AUTHORITY}))


@pytest.mark.parametrize("why", ["", "    ", "abc", "x" * 501])
def test_a_reason_says_something(why):
    """An empty, blank, tiny or endless reason is refused."""
    form = Note({"text": "a", "why": why, "marking_tlp": "GREEN", "marking_pap": "RED"})
    assert "why" in form.errors


_WRITTEN_IN = re.compile(r"<textarea(?![^>]*\bhidden)|<input(?![^>]*type=\"(?:hidden|file|checkbox|radio)\")")
"""Fields that somebody writes in."""


def _forms_for_words() -> list[tuple[str, str]]:
    """Every form of a page in which somebody writes: the template, and its tag."""
    found = []
    for path in sorted((ROOT / "src" / "hanse").rglob("templates/**/*.html")):
        for head, rest in re.findall(
            r"(<form\b[^>]*method=\"post\"[^>]*>)(.*?)</form>", path.read_text(), re.DOTALL
        ):
            if "web/form.html" in rest or _WRITTEN_IN.search(rest):
                found.append((path.name, head))
    return found


def test_what_somebody_writes_outlives_their_session():
    """Each form in which people write keeps it in the tab until it is taken: a session ends while one writes a case."""
    forms_ = _forms_for_words()
    assert len(forms_) > 40
    lost = sorted({name for name, form in forms_ if "data-keep=" not in form} - NOT_KEPT.keys())
    assert lost == [], f"give these forms data-keep: {lost}"
    assert set(NOT_KEPT) <= {name for name, _ in forms_}
