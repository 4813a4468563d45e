"""How far a source and what it says are believed: the admiralty's scale, Europol's 4x4, and confidence in words.

Admiralty: NATO AJP-2.1, annex; Europol: 4x4 evaluation codes of the SIENA handbook; confidence: STIX 2.1, appendix A.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from hanse.kernel.errors import UsageError


class Scale(NamedTuple):
    """One scale.

    Attributes:
        words: What it is called.
        sources: What each letter says of the source.
        information: What each digit says of the information.
        unknown: The letter and the digit that judge nothing.
    """

    words: str
    sources: dict[str, str]
    information: dict[str, str]
    unknown: tuple[str, str]


SCALES: Final = {
    "admiralty": Scale(
        "Admiralty",
        {
            "A": "completely reliable",
            "B": "usually reliable",
            "C": "fairly reliable",
            "D": "not usually reliable",
            "E": "unreliable",
            "F": "reliability cannot be judged",
        },
        {
            "1": "confirmed by other sources",
            "2": "probably true",
            "3": "possibly true",
            "4": "doubtful",
            "5": "improbable",
            "6": "truth cannot be judged",
        },
        ("F", "6"),
    ),
    "europol": Scale(
        "Europol 4x4",
        {
            "A": "no doubt of authenticity, trustworthiness and competence",
            "B": "mostly proved reliable",
            "C": "mostly proved unreliable",
            "X": "reliability cannot be assessed",
        },
        {
            "1": "known without reservation to be accurate",
            "2": "known personally to the source, not to who reports it",
            "3": "not known personally to the source, corroborated by other information",
            "4": "not known personally to the source, and cannot be corroborated",
        },
        ("X", "4"),
    ),
}
"""The scales, by the word that stands in a grade."""

MISP_CONFIDENCE: Final = {
    "completely-confident": 100,
    "usually-confident": 75,
    "fairly-confident": 50,
    "rarely-confident": 25,
    "unconfident": 0,
}
"""The numbers that MISP's own taxonomy gives to its levels of confidence."""

_LEVELS: Final = ((0, "none"), (29, "low"), (69, "medium"), (100, "high"))
_LIKELY: Final = (
    (0, "impossible"), (19, "highly unlikely"), (39, "unlikely"), (59, "even chance"), (79, "likely"), (99, "highly likely"),
    (100, "certain"),
)  # fmt: skip
"""STIX 2.1, appendix A: none, low, medium, high; and words of estimative probability."""
_TAG: Final = re.compile(
    r'(?:admiralty-scale:(source-reliability|information-credibility)|misp:(confidence-level))="([\w-]+)"'
)


class Grade(NamedTuple):
    """One judgement; as a text, such as ``admiralty B2``."""

    scale: str
    source: str
    information: str

    @property
    def text(self) -> str:
        """As it is kept."""
        return f"{self.scale} {self.source}{self.information}"

    @property
    def said(self) -> str:
        """Letter and digit, with what they say."""
        scale = SCALES[self.scale]
        said = f"{scale.sources[self.source]}; {scale.information[self.information]}"
        return f"{self.source}{self.information}: {said}"

    @property
    def words(self) -> str:
        """As it is shown."""
        return f"{SCALES[self.scale].words} {self.said}"


def read(text: str) -> Grade:
    """A grade of its text.

    Raises:
        UsageError: It is none.
    """
    scale, _, code = text.partition(" ")
    known = SCALES.get(scale)
    if known is None or len(code) != 2 or code[0] not in known.sources or code[1] not in known.information:
        raise UsageError(
            f"{text[:40]!r} is no grade. Write the scale, the letter of the source and the digit of what it says, "
            "such as 'admiralty B2' (A-F, 1-6) or 'europol A1' (A, B, C, X; 1-4)."
        )
    return Grade(scale, code[0], code[1])


def words(text: str) -> str:
    """A grade's words; one that is unknown as it is, and nothing for none."""
    try:
        return read(text).words if text else ""
    except UsageError:
        return text


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every grade by scale, its text and its words: for forms."""
    return [
        (
            scale.words,
            [
                (one.text, one.said)
                for source in scale.sources
                for digit in scale.information
                if (one := Grade(name, source, digit))
            ],
        )
        for name, scale in SCALES.items()
    ]


def confidence_words(confidence: int | None) -> str:
    """A confidence with the words of the scales of STIX, such as ``85 of 100: high, highly likely``."""
    if confidence is None:
        return ""
    level = next(word for most, word in _LEVELS if confidence <= most)
    likely = next(word for most, word in _LIKELY if confidence <= most)
    return f"{confidence} of 100: {level}, {likely}"


def of_tags(tags: Iterable[str]) -> tuple[str, int | None]:
    """The grade and the confidence that tags of MISP's taxonomies give; empty and None where they give none.

    Who says only one half of the admiralty's scale leaves the other unjudged.
    """
    told: dict[str, str] = {}
    for tag in tags:
        if found := _TAG.fullmatch(tag.strip().lower()):
            told[found[1] or found[2]] = found[3]
    source = told.get("source-reliability", "").upper()
    information = told.get("information-credibility", "")
    scale = SCALES["admiralty"]
    grade = ""
    if source in scale.sources or information in scale.information:
        letter = source if source in scale.sources else scale.unknown[0]
        digit = information if information in scale.information else scale.unknown[1]
        grade = Grade("admiralty", letter, digit).text
    return grade, MISP_CONFIDENCE.get(told.get("confidence-level", ""))
