"""The diagnosis classes and the hierarchy that maps every data set's words onto them.

The classes are those of ISIC-2019 (paper, "Data"). A *diagnosis* is the word a data set uses; a
*label* is one of `LABELS`, or "" for an image nobody diagnosed. Two tables, to be read and
corrected in a spreadsheet or a diff, say which word has which label and why:

- `nodes.csv`, the hierarchy of diagnoses: `node`, its `parent` (a row above), a `label` of its
  own or none, and a `note` with the reason and its source where a decision is debatable. A node
  without a label has that of its nearest ancestor; the root's is UNK. A group that has no label
  of its own and holds nodes with one, such as "melanocytic lesion", is too wide for a label.
- `words.csv`, the data sets' vocabularies: `word` as the `sources` (split by spaces) spell it,
  its `node`, and a `note`. A source's own row goes before the name of a node, and that before the
  other sources' rows.
"""

from skinnet_keras.taxonomy.labels import CLASSES, LABELS, RARE_4, RARE_5, UNK
from skinnet_keras.taxonomy.lookup import (
    Explanation,
    explain,
    explain_all,
    label_of,
    word_sources,
    words_of,
)

__all__ = [
    "CLASSES",
    "LABELS",
    "RARE_4",
    "RARE_5",
    "UNK",
    "Explanation",
    "explain",
    "explain_all",
    "label_of",
    "word_sources",
    "words_of",
]
