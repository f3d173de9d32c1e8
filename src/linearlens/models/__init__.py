"""The small networks of the chapters, and one training loop."""

from linearlens.models.autoencoder import LSTMAutoencoder
from linearlens.models.conv_net import ConvNet
from linearlens.models.copy_rnn import LayerRNN, ModReLURNN, answer_loss
from linearlens.models.device import training_device
from linearlens.models.gru_classifier import GRUClassifier, pad_texts
from linearlens.models.mlp import mlp
from linearlens.models.published import KoopmanAutoencoder, koopmann_network
from linearlens.models.residual import ResidualBlock, plant_trojan, residual_mlp
from linearlens.models.row_reader import memories, row_reader
from linearlens.models.ssm import DiagonalSSM, GatedSSM
from linearlens.models.store import keep_trained
from linearlens.models.together import train_alike, train_together
from linearlens.models.training import accuracy, train, train_classifier
from linearlens.models.transformer import RowTransformer, TokenTransformer
from linearlens.models.tsne import train_tsne

__all__ = [
    "ConvNet",
    "DiagonalSSM",
    "GRUClassifier",
    "GatedSSM",
    "KoopmanAutoencoder",
    "LSTMAutoencoder",
    "LayerRNN",
    "ModReLURNN",
    "ResidualBlock",
    "RowTransformer",
    "TokenTransformer",
    "accuracy",
    "answer_loss",
    "keep_trained",
    "koopmann_network",
    "memories",
    "mlp",
    "pad_texts",
    "plant_trojan",
    "residual_mlp",
    "row_reader",
    "train",
    "train_alike",
    "train_classifier",
    "train_together",
    "train_tsne",
    "training_device",
]
