"""g2p-en: how is an English word said? (Apache-2.0; the weights lie in the wheel of g2p-en.)"""

from collections.abc import Sequence

import torch
from torch import nn

from linearlens.datasets.registry import fetch
from linearlens.models.wild._load import Arrays, arrays_of, filled

LETTERS = ("<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz")
_SOUNDS = """AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2
EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1
UW2 V W Y Z ZH"""
SOUNDS = ("<pad>", "<unk>", "<s>", "</s>", *_SOUNDS.split())
PAD, END_OF_WORD, START, END = LETTERS.index("<pad>"), LETTERS.index("</s>"), SOUNDS.index("<s>"), SOUNDS.index("</s>")
LONGEST = 20  # sounds that are said at most


class Pronouncer(nn.Module):
    """A GRU that reads a word letter by letter, and one that starts from its last state and says sound after sound.

    Its parts: ``letters`` (embedding), ``encoder``, ``sounds`` (embedding), ``decoder``, ``readout``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS), 256)
        self.encoder = nn.GRU(256, 256, batch_first=True)
        self.sounds = nn.Embedding(len(SOUNDS), 256)
        self.decoder = nn.GRU(256, 256, batch_first=True)
        self.readout = nn.Linear(256, len(SOUNDS))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """States of the encoder.

        Parameters
        ----------
        numbers : Tensor of shape (n_words, n_letters)
            As from `spell`, of one length.

        Returns
        -------
        Tensor of shape (n_words, n_letters, 256)
        """
        if bool((numbers == PAD).any()):
            raise ValueError("words are of one length: padding would be read as a letter; put them in one by one")
        return self.encoder(self.letters(numbers))[0]

    @torch.no_grad()
    def say(self, states: torch.Tensor) -> list[list[str]]:
        """Sounds said from states of the encoder, of shape (n_words, 256): the most probable, one after the other."""
        hidden, last = states[None], torch.full((len(states), 1), START)
        going = torch.ones(len(states), dtype=torch.bool)
        said: list[list[str]] = [[] for _ in states]
        for _ in range(LONGEST):
            out, hidden = self.decoder(self.sounds(last), hidden)
            last = self.readout(out).argmax(-1)
            going &= last[:, 0] != END
            for word in going.nonzero()[:, 0].tolist():
                said[word].append(SOUNDS[last[word, 0]])
            if not going.any():
                break
        return said

    @torch.no_grad()
    def pronounce(self, words: Sequence[str]) -> list[list[str]]:
        """The sounds of each word, 20 at most, in the writing of the CMU dictionary."""
        if isinstance(words, str):
            raise ValueError(f"words are a list of words, got the text {words!r}")
        numbers = [spell(word) for word in words]
        last = self.readout.weight.new_empty(len(words), self.encoder.hidden_size)
        for length in sorted({len(one) for one in numbers}):
            (here,) = torch.nonzero(torch.tensor([len(one) == length for one in numbers]), as_tuple=True)
            last[here] = self(torch.stack([numbers[k] for k in here.tolist()]))[:, -1]
        return self.say(last)


def spell(word: str) -> torch.Tensor:
    """Numbers of the letters of a word, then that of its end; of shape (n_letters + 1,).

    Signs that are not among a to z are all read as one, the unknown; a word of nothing else is refused.
    """
    unknown = LETTERS.index("<unk>")
    numbers = [LETTERS.index(sign) if sign in LETTERS else unknown for sign in word.lower()]
    if {*numbers} <= {unknown}:
        raise ValueError(f"a word has letters from a to z, got {word!r}; write numbers out")
    return torch.tensor([*numbers, END_OF_WORD])


def g2p_en(weights: Arrays | None = None) -> Pronouncer:
    """The published network.

    Parameters
    ----------
    weights : mapping of str to ndarray, optional
        The arrays of ``checkpoint20.npz``; by default those of the data set ``g2p-en``, fetched on first use.

    Returns
    -------
    Pronouncer
    """
    given = arrays_of(fetch("g2p-en"), "checkpoint20.npz") if weights is None else weights
    names = {"enc_emb": "letters.weight", "dec_emb": "sounds.weight", "fc_w": "readout.weight", "fc_b": "readout.bias"}
    for short, part in (("enc", "encoder"), ("dec", "decoder")):
        for letter, kind in (("w", "weight"), ("b", "bias")):
            names |= {f"{short}_{letter}_{side}": f"{part}.{kind}_{side}_l0" for side in ("ih", "hh")}
    return filled(Pronouncer(), {names.get(name, name): value for name, value in given.items()})
