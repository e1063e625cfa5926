"""Does anything cross the border between two splits, or between two folds?"""

from __future__ import annotations

import pandas as pd

from skinnet_keras.data.catalogue import PAIRS_FILE, Catalogue
from skinnet_keras.data.sources import SOURCES

PAIR = ("image_id", "other_id")


def find_leaks(catalogue: Catalogue) -> list[str]:
    """Look for images that belong together in different splits or folds.

    They are looked for by the column `group`, and again by what it was made from (lesions,
    patients, image names, pairs of copies), so that a table edited by hand cannot hide one. A copy
    counts as being where the image it was left to is.

    Args:
        catalogue: The catalogue. Its `duplicates.csv` may be absent.

    Returns:
        One sentence for each kind of leak, with a count and an example; one for a `duplicates.csv`
        that does not fit the catalogue.
    """
    table = catalogue.table
    holder = table["duplicate_of"].where(table["duplicate_of"] != "", table["image_id"])
    own = table.drop_duplicates("image_id").set_index("image_id")
    stems = table["image_id"].str.partition(":")[2].str.removesuffix("_downsampled")
    shared = {
        "group": table["group"],
        "lesion": _namespaced(table, table["lesion_id"]),
        "patient": _namespaced(table, table["patient_id"]),
        "image name": _namespaced(table, stems),
    }
    pairs, misfit = _read_pairs(catalogue)
    sentences = []
    for part in ("split", "fold"):
        place = table[part].where(table[part] != "", holder.map(own[part]).fillna(""))
        sentences += [_leak(what, keys, part, place) for what, keys in shared.items()]
        place_of = dict(zip(table["image_id"], place, strict=True))
        first, second = (pairs[column].map(place_of) for column in PAIR)
        parted = pairs[(first != "") & (second != "") & (first != second)]
        names = [f"{one} and {other}" for one, other in parted.itertuples(index=False)]
        sentences.append(_sentence("pair of copies", "pairs of copies", part, names))
    return [*filter(None, sentences), *misfit]


def _read_pairs(catalogue: Catalogue) -> tuple[pd.DataFrame, list[str]]:
    path = catalogue.root / PAIRS_FILE
    none = pd.DataFrame(columns=list(PAIR), dtype=str)
    if not path.is_file():
        return none, []
    try:
        pairs = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=list(PAIR))[list(PAIR)]
    except ValueError as error:
        return none, [f"{path} cannot be read as pairs of copies ({error}): build it again."]
    known = pairs.isin(set(catalogue.table["image_id"])).all(axis=1)
    strange = pairs[~known]
    if strange.empty:
        return pairs, []
    first, second = strange.iloc[0]
    return pairs[known], [
        f"{path} names {len(strange):,} pairs of images that are not all in the catalogue, "
        f"e.g. {first} and {second}: build it again."
    ]


def _leak(what: str, keys: pd.Series, part: str, place: pd.Series) -> str:
    used = (keys != "") & (place != "")
    places = place[used].groupby(keys[used]).nunique()
    return _sentence(what, f"{what}s", part, places.index[places > 1].tolist())


def _sentence(one: str, many: str, part: str, leaking: list[str]) -> str:
    if not leaking:
        return ""
    subject = f"1 {one} is" if len(leaking) == 1 else f"{len(leaking):,} {many} are"
    return f"{subject} in more than one {part}, e.g. {leaking[0]}."


def _namespaced(table: pd.DataFrame, keys: pd.Series) -> pd.Series:
    providers = table["source"].map(
        lambda name: SOURCES[name].provider if name in SOURCES else name
    )
    return (providers + ":" + keys).where(keys != "", "")
