"""Fields that forms of all rooms share: the marking of what is made, and why something is looked at.

A form is shown by ``{% include "web/form.html" %}`` inside its ``form`` element: label above, help under it, errors
beside the field; what was typed stays.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from hanse.kernel.markings import Marking, MarkingError, Pap, Tlp
from hanse.ledger.identity import authority

_TLP = {
    Tlp.CLEAR: _("TLP:CLEAR, everybody may know"),
    Tlp.GREEN: _("TLP:GREEN, the community may know"),
    Tlp.AMBER: _("TLP:AMBER, this authority and whom it protects"),
    Tlp.AMBER_STRICT: _("TLP:AMBER+STRICT, this authority alone"),
    Tlp.RED: _("TLP:RED, only the persons named"),
}
_PAP = {
    Pap.CLEAR: _("PAP:CLEAR, anything may be done with it"),
    Pap.GREEN: _("PAP:GREEN, also what its owner can notice"),
    Pap.AMBER: _("PAP:AMBER, only what third parties can notice"),
    Pap.RED: _("PAP:RED, nothing that anybody could notice"),
}


class Fold(NamedTuple):
    """Fields of a form that most people leave alone: they are shown closed, under what they are about.

    Attributes:
        words: What they are about.
        fields: Their names.
    """

    words: Any
    fields: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """Fields of a form that are shown together.

    Attributes:
        words: What they are about; empty for those that are always in sight.
        fields: The fields.
    """

    words: Any = ""
    fields: list[BoundField] = field(default_factory=list)

    @property
    def opened(self) -> bool:
        """Whether something in it is not as a new form has it, or is wrong: nobody sends what they do not see."""
        return any(one.errors or _is_filled(one) for one in self.fields)


class Folded(forms.Form):
    """A form of which parts are shown closed."""

    folds: ClassVar[tuple[Fold, ...]] = ()


def sections(form: forms.Form) -> list[Section]:
    """The visible fields of a form in order; those of a fold stand together, where the first of them would."""
    folds = form.folds if isinstance(form, Folded) else ()
    fold_of = {name: fold for fold in folds for name in fold.fields}
    made: dict[Fold, Section] = {}
    shown: list[Section] = []
    for one in form.visible_fields():
        fold = fold_of.get(one.name)
        if fold in made:
            made[fold].fields.append(one)
        elif fold is not None:
            made[fold] = Section(fold.words, [one])
            shown.append(made[fold])
        elif shown and not shown[-1].words:
            shown[-1].fields.append(one)
        else:
            shown.append(Section("", [one]))
    return shown


def _is_filled(one: BoundField) -> bool:
    value = one.value()
    return value not in (None, "", [], ()) and str(value) != str(one.field.initial)


class MarkingWidget(forms.MultiWidget):
    """Two choices: who may know, and what may be done."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        widgets: dict[str, forms.Widget | type[forms.Widget]] = {
            "tlp": forms.Select(
                {"aria-label": "TLP"}, [(level.value, words) for level, words in _TLP.items()]
            ),
            "pap": forms.Select(
                {"aria-label": "PAP"}, [(level.value, words) for level, words in _PAP.items()]
            ),
        }
        super().__init__(widgets, attrs)

    def decompress(self, value: Marking | None) -> list[str]:
        """The two levels of a marking."""
        return [Tlp.AMBER.value, Pap.AMBER.value] if value is None else [value.tlp.value, value.pap.value]


class MarkingField(forms.MultiValueField):
    """Chooses TLP and PAP of something that this authority originates; its value is a `Marking`."""

    widget = MarkingWidget

    def __init__(self, **more: Any) -> None:
        fields = (
            forms.ChoiceField(choices=[(level.value, words) for level, words in _TLP.items()]),
            forms.ChoiceField(choices=[(level.value, words) for level, words in _PAP.items()]),
        )
        super().__init__(fields, **{"label": _("Marking"), **more})

    def compress(self, data_list: list[str]) -> Marking | None:
        """The marking of the two levels."""
        if not data_list:
            return None
        try:
            return Marking(originators=frozenset({authority()}), tlp=Tlp(data_list[0]), pap=Pap(data_list[1]))
        except (MarkingError, ValueError) as error:
            raise forms.ValidationError(_("Choose one level of each.")) from error


class ReasonField(forms.CharField):
    """Why somebody looks at, or gives away, personal data: Directive (EU) 2016/680, article 25."""

    widget = forms.Textarea

    def __init__(self, **more: Any) -> None:
        told = {
            "label": _("Why"),
            "help_text": _("The law asks for it; it is kept with your name. A case number or one sentence."),
            "min_length": 5,
            "max_length": 500,
            **more,
        }
        super().__init__(**told)
        self.widget.attrs["rows"] = 2


class WhyForm(forms.Form):
    """Why somebody changes something, for whoever comes after."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=4_000,
        help_text=_("For whoever comes after you. It is kept in the ledger with your name."),
        widget=forms.Textarea({"rows": 3}),
    )
