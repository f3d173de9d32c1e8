"""Chapters of the second edition, held to the strict rules: cells show something, sentences rest on something."""

REWRITTEN = (
    "01_primer",
    "11_kann_copy",
    "12_kann_sentiment",
    "13_kann_ecg",
    "21_layers_yin_yang",
    "22_layers_digits",
    "31_instance_classifiers",
    "32_instance_tsne",
    "33_instance_language",
    "41_credit_theory",
    "41_credit_theory",
    "42_credit_experiments",
    "51_one_network",
    "52_frontier",
    "61_wild_recurrent",
    "61_wild_recurrent",
    "62_wild_images",
)
