"""Values that name something in the world, each in its one normal form, so that the same thing has one spelling.

In comes what people and other programs write; out goes a `Value` or the reason why it is none. Who uses it: `intel`
to correlate, `cases` for selectors.
"""

from hanse.intel.values.problem import ValueProblem
from hanse.intel.values.value import KINDS, Value, normalise, shown

__all__ = ["KINDS", "Value", "ValueProblem", "normalise", "shown"]
