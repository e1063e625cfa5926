"""How a model does on parts of its test images: by sex, age, site, source and the like.

The rules, all on counts of lesions (groups) and fixed before any prediction is looked at:

- Unknown values are a subgroup of their own, "not recorded".
- A recall, and so the melanoma sensitivity and specificity, is shown from
  `comparison.MIN_CLASS_LESIONS` lesions on, accuracy and calibration from
  `comparison.MIN_LESIONS` on.
- Balanced accuracy and AUC are compared over classes that every compared subgroup has enough
  lesions of (`comparison.choose_comparison`): a subgroup must not look better because it lacks a
  difficult class.
- Intervals resample lesions; one draw serves all subgroups, so differences are paired.
- The largest gap of an attribute is tested by exchanging subgroups between lesions of the same
  classes, and its interval holds for all pairs at once (`gaps`).
"""
