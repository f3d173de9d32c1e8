"""Networks that nobody here trained, as plain modules: each says whose it is, and where its weights lie."""

from linearlens.models.wild.authors import dynamics_network, kann_pieces, kann_sentiment
from linearlens.models.wild.g2p import Pronouncer, g2p_en, spell
from linearlens.models.wild.minilm import SentenceEncoder, WordPieces, minilm, minilm_pieces
from linearlens.models.wild.mtcnn import face_inputs, face_network
from linearlens.models.wild.resemblyzer import VoiceEncoder, mel_frames, voice_encoder
from linearlens.models.wild.silero import SileroVAD, silero_vad
from linearlens.models.wild.textgenrnn import CharacterModel, encode, textgenrnn, textgenrnn_signs

__all__ = [
    "CharacterModel",
    "Pronouncer",
    "SentenceEncoder",
    "SileroVAD",
    "VoiceEncoder",
    "WordPieces",
    "dynamics_network",
    "encode",
    "face_inputs",
    "face_network",
    "g2p_en",
    "kann_pieces",
    "kann_sentiment",
    "mel_frames",
    "minilm",
    "minilm_pieces",
    "silero_vad",
    "spell",
    "textgenrnn",
    "textgenrnn_signs",
    "voice_encoder",
]
