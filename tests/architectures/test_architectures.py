"""Maps of the models that people have: torchvision, timm, transformers. `make test-all` runs them."""

import pytest
import torch
from architectures import First, settled, torchvision
from instance_nets import relative
from ratio_oracle import ratio_weight
from torch import Tensor, nn

from linearlens.instance import linearize

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def check(
    model: nn.Module, x: Tensor, *, piecewise: bool = False, tolerance: float = 1e-8, oracle: bool = True
) -> None:
    """Both forms are exact; the ratio form is that of the oracle, and on piecewise-linear nets the Jacobian too."""
    with torch.no_grad():
        y = model(x).reshape(len(x), -1)[:, :2]
    if not torch.isfinite(y).all():  # eager attention in double precision, where everything is masked
        with pytest.raises(ValueError, match="NaN or infinite"):
            linearize(model, x, outputs=[0, 1])
        return
    ratio = linearize(model, x, outputs=[0, 1])
    tangent = linearize(model, x, outputs=[0, 1], form="tangent")
    for affine in (ratio, tangent):
        assert ((affine(x) - y).abs() <= tolerance * (affine.size + y.abs())).all()
    if oracle:
        assert relative(ratio.weight, ratio_weight(model, x, [0, 1])) <= tolerance
    if piecewise:
        assert relative(ratio.weight, tangent.weight) <= tolerance


PIECEWISE = [
    "resnet18", "resnet50", "vgg11", "vgg11_bn", "alexnet", "mobilenet_v2", "densenet121", "squeezenet1_1",
    "googlenet", "inception_v3", "shufflenet_v2_x0_5", "regnet_x_400mf", "mnasnet0_5",
]  # fmt: skip
SMOOTH = [
    "mobilenet_v3_small", "convnext_tiny", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "swin_t",
    "swin_v2_t", "vit_b_16", "resnext50_32x4d", "wide_resnet50_2",
]  # fmt: skip
SIDES = {"inception_v3": 96, "vit_b_16": 64, "alexnet": 64}


@pytest.mark.parametrize("name", [*PIECEWISE, *SMOOTH])
def test_torchvision(name):
    models = torchvision().models
    torch.manual_seed(0)
    side = SIDES.get(name, 48)
    how = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    how |= {"image_size": side} if name == "vit_b_16" else {}
    model = settled(models.get_model(name, weights=None, **how))
    check(model, torch.randn(2, 3, side, side, dtype=torch.float64), piecewise=name in PIECEWISE)


TIMM = [
    "resmlp_12_224", "mixer_s32_224", "convnextv2_atto", "xcit_nano_12_p16_224", "edgenext_xx_small",
    "swinv2_cr_tiny_ns_224", "eva02_tiny_patch14_224", "deit_tiny_patch16_224", "levit_128s", "mobilevit_xxs",
    "poolformer_s12", "gmlp_ti16_224", "efficientformer_l1", "repvgg_a0", "ghostnet_050", "resnet10t",
    "nf_regnet_b0", "cait_xxs24_224", "pvt_v2_b0", "coatnet_nano_rw_224", "fastvit_t8", "hgnetv2_b0", "tinynet_e",
    "lcnet_035", "mobilenetv4_conv_small", "visformer_tiny", "crossvit_tiny_240", "tnt_s_patch16_224",
]  # fmt: skip


@pytest.mark.parametrize("name", TIMM)
def test_timm(name):
    torchvision()
    timm = pytest.importorskip("timm", reason="timm is not installed")
    if name not in timm.list_models():
        pytest.skip(f"this timm has no {name}")
    torch.manual_seed(0)
    model = settled(timm.create_model(name, pretrained=False, num_classes=4))
    side = model.default_cfg["input_size"][1] if model.default_cfg.get("fixed_input_size") else 96
    check(model, torch.randn(1, 3, side, side, dtype=torch.float64))


SMALL = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, vocab_size=30)
NARROW = SMALL | {"num_key_value_heads": 2, "head_dim": 4, "max_position_embeddings": 32}
ENCODERS = {
    "Bert": SMALL, "Roberta": SMALL, "Electra": SMALL | {"embedding_size": 16},
    "Albert": SMALL | {"embedding_size": 16},
    "DistilBert": {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24, "vocab_size": 30},
    "MPNet": SMALL, "DebertaV2": SMALL,
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 4, "vocab_size": 30},
    "OPT": SMALL | {"ffn_dim": 24, "word_embed_proj_dim": 16, "max_position_embeddings": 32},
    "GPTNeoX": SMALL, "Bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 4, "vocab_size": 30}, "Phi": SMALL,
    "Llama": NARROW, "Mistral": NARROW, "Qwen2": NARROW, "Qwen3": NARROW, "Gemma": NARROW, "Gemma2": NARROW,
    "Gemma3Text": NARROW, "Mixtral": NARROW | {"num_local_experts": 2},
    "Mamba": {"hidden_size": 16, "num_hidden_layers": 2, "vocab_size": 30, "state_size": 4},
}  # fmt: skip


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("name", ENCODERS)
def test_transformers(name, attention, padded):
    torchvision()
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    if name == "Mamba" and (padded or attention == "sdpa"):
        pytest.skip("it attends to nothing")
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**ENCODERS[name])
    config._attn_implementation, config._experts_implementation = attention, "eager"
    try:
        model = getattr(transformers, f"{name}Model")(config)
    except ValueError as error:
        pytest.skip(str(error)[:80])
    x = torch.randn(2, 5, 16, dtype=torch.float64)
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]) if padded else torch.ones(2, 5, dtype=torch.int64)
    model = First(settled(model), lambda out: out.last_hidden_state[:, -1], "inputs_embeds", attention_mask=mask)
    # Some norms of these are in single precision in every model; Bloom's GELU has a backward pass of its own.
    check(model, x, tolerance=1e-5, oracle=name != "Bloom")


@pytest.mark.parametrize("name", ["ViT", "Swin", "Beit", "Dinov2", "Segformer", "PoolFormer", "ConvNextV2", "ResNet"])
def test_transformers_of_images(name):
    torchvision()
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    small = {
        "image_size": 32, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24,
    }  # fmt: skip
    own = {
        "Swin": {
            "image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4,
        },
        "Segformer": {}, "PoolFormer": {}, "ConvNextV2": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]},
        "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]},
    }.get(name, small)  # fmt: skip
    model = getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**own))
    model = First(settled(model), lambda out: out.last_hidden_state, "pixel_values")
    check(model, torch.randn(1, 3, 32, 32, dtype=torch.float64), tolerance=1e-6)
