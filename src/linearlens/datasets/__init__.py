"""Data sets: generated ones, bundled ones and downloads look the same to the caller."""

from linearlens.datasets._dataset import Dataset, Reviews, Series
from linearlens.datasets.copy_task import copy_task
from linearlens.datasets.corpus import read_corpus
from linearlens.datasets.digits import load_digits
from linearlens.datasets.heartbeats import generate_heartbeats
from linearlens.datasets.imdb import draw_imdb, load_imdb
from linearlens.datasets.mnist import load_mnist, load_mnist_5k
from linearlens.datasets.registry import DataError, data_named, fetch, list_data
from linearlens.datasets.reviews import effects, generate_reviews
from linearlens.datasets.series import load_ecg5000, read_series
from linearlens.datasets.text import Vocabulary, class_words, is_negator, mark_negated, split_words, word_weights
from linearlens.datasets.weights import load_weights, read_weights
from linearlens.datasets.wild import Faces, load_lfw_subset, load_prompts, load_pronunciations
from linearlens.datasets.words import words_of
from linearlens.datasets.yin_yang import yin_yang, yin_yang_binary

__all__ = [
    "DataError",
    "Dataset",
    "Faces",
    "Reviews",
    "Series",
    "Vocabulary",
    "class_words",
    "copy_task",
    "data_named",
    "draw_imdb",
    "effects",
    "fetch",
    "generate_heartbeats",
    "generate_reviews",
    "is_negator",
    "list_data",
    "load_digits",
    "load_ecg5000",
    "load_imdb",
    "load_lfw_subset",
    "load_mnist",
    "load_mnist_5k",
    "load_prompts",
    "load_pronunciations",
    "load_weights",
    "mark_negated",
    "read_corpus",
    "read_series",
    "read_weights",
    "split_words",
    "word_weights",
    "words_of",
    "yin_yang",
    "yin_yang_binary",
]
