"""Names that are not spelled alike: how many true pairs the keys find, and how many false ones.

    python bench/matching_names.py [--data FOLDER]

FEBRL4 (5,000 persons twice, the second time with typing errors, parts left out or in the wrong field) is compared
by given name, surname and day of birth alone, all with all. name_bench has pairs of names without a birth; both are
given the same one, so that it says what spellings the keys bear, and not how often strangers meet; its companies are
given one country. FOLDER has both; it is no part of Hanse.
"""

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hanse.cases.selector import read
from hanse.intel.values import Value, ValueProblem
from hanse.matching.alike import keys_of

GIVEN = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "entities"


def persons(path: Path) -> dict[str, frozenset[Value]]:
    """The keys of each person of a file of FEBRL4, by the number that true pairs share; none where the birth is missing."""
    found = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            born, number = row["date_of_birth"].strip(), row["rec_id"].split("-")[1]
            name = f"{row['given_name'].strip()} {row['surname'].strip()}"
            try:
                person = read("person", name, born=f"{born[:4]}-{born[4:6]}-{born[6:]}").value
            except ValueProblem:
                found[number] = frozenset[Value]()
                continue
            found[number] = keys_of(person)
    return found


def pairs(one: dict[str, frozenset[Value]], other: dict[str, frozenset[Value]]) -> Counter[tuple[str, str]]:
    """How many keys each pair shares that shares any."""
    holders = defaultdict(list)
    for number, keys in one.items():
        for key in keys:
            holders[key].append(number)
    return Counter(
        (holder, number) for number, keys in other.items() for key in keys for holder in holders[key]
    )


def measured(folder: Path) -> dict[int, tuple[float, float, int]]:
    """For one key and for two: recall, precision and false pairs on FEBRL4."""
    one, other = persons(folder / "dataset4a.csv"), persons(folder / "dataset4b.csv")
    shared, found = pairs(one, other), {}
    for least in (1, 2):
        those = [pair for pair, keys in shared.items() if keys >= least]
        true = sum(here == there for here, there in those)
        found[least] = true / len(one), true / len(those), len(those) - true
    return found


PERSON: Final = {"Person": {"kind": "person", "born": "1970-01-02"}}
"""How selectors are made of the names in name_bench, by what they are said to be the names of."""
COMPANY: Final = {
    schema: {"kind": "company", "country": "EE"} for schema in ("Company", "Organization", "LegalEntity")
}


def spellings(path: Path, sort: Mapping[str, dict[str, str]]) -> dict[bool, tuple[int, int, int]]:
    """Of the pairs of one sort in name_bench that are one and that are not: how many, with one key, with two."""
    counts = {True: [0, 0, 0], False: [0, 0, 0]}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (told := sort.get(row["schema"])) is None:
                continue
            here, there = (keys_of(read(text=row[name], **told).value) for name in ("name1", "name2"))
            count, common = counts[row["is_match"] == "true"], len(here & there)
            count[0] += 1
            count[1] += common >= 1
            count[2] += common >= 2
    return {is_match: (count[0], count[1], count[2]) for is_match, count in counts.items()}


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=GIVEN, metavar="FOLDER")
    folder = parser.parse_args().data
    if not folder.is_dir():
        print(f"no data at {folder}: name its folder; names left out")
        return
    print("FEBRL4, 5,000 x 5,000, given name, surname and day of birth")
    for least, (recall, precision, false) in measured(folder).items():
        print(
            f"  {least} key(s): recall {recall:.3f}, precision {precision:.4f}, {false} false pairs of 25,000,000: "
            f"{false / 25e6 * 1e12:,.0f} expected at 10^6 x 10^6"
        )
    for sort, words in (
        (PERSON, ("two persons", "one person")),
        (COMPANY, ("two companies", "one company")),
    ):
        for is_match, (number, one, two) in spellings(folder / "cases.csv", sort).items():
            print(
                f"name_bench, {number} pairs of {words[is_match]}, with one birth or country: "
                f"one key {one / number:.3f}, two {two / number:.3f}"
            )


if __name__ == "__main__":
    main()
