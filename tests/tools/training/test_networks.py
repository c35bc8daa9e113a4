"""Networks by name: shapes, weights from local files, which layers learn. Needs torch and timm."""

from __future__ import annotations

import pytest
import tiny_training
import torch
from safetensors.torch import save_file

from cardscanner.errors import ArtifactError, ConfigError
from cardscanner.files import sha256_of
from cardscanner_tools.training.freezing import set_trainable, training_mode
from cardscanner_tools.training.network import CardNet
from cardscanner_tools.training.networks import TimmNet, build, load_network
from cardscanner_tools.training.recipe import DistilRecipe, LastBlocks, TrainRecipe
from cardscanner_tools.training.recipe_files import find_recipe, load_recipe
from cardscanner_tools.training.recipe_network import NetworkEntry
from cardscanner_tools.training.weights import read_about, read_entry, write_weights

pytestmark = pytest.mark.train


def entry(**changes) -> NetworkEntry:
    return NetworkEntry.model_validate({**tiny_training.NETWORK, **changes})


def student(name: str) -> NetworkEntry:
    return load_recipe(find_recipe(name), DistilRecipe).network


def crops(size: int, count: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["hailo", "box", "regnetx", "android"])
def test_a_student_makes_768_values_of_unit_length_from_bytes(name):
    net = build(student(name)).eval()
    with torch.no_grad():
        vectors = net(crops(224))
    assert vectors.shape == (2, 768)
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)


@pytest.mark.parametrize("name", ["ios", "dinov3-vit-l16-256", "dinov3-vit-l16-512", "dinov2-vit-l14-518"])
def test_the_shapes_of_the_large_ones_are_right_on_the_meta_device_without_numbers(name):
    known = student(name) if name == "ios" else load_recipe(find_recipe(name), TrainRecipe).network
    with torch.device("meta"):
        net = build(known)
        features = net.features(torch.zeros(2, known.size, known.size, 3, dtype=torch.uint8))
    assert features.shape == (2, 768)
    assert net.backbone.num_features == 1024


def test_the_teachers_head_goes_from_1024_over_768_to_768():
    known = load_recipe(find_recipe("teacher"), TrainRecipe).network
    with torch.device("meta"):
        layers = build(known).head
    assert [type(layer).__name__ for layer in layers] == ["Linear", "GELU", "Dropout", "Linear"]
    assert [(layers[n].in_features, layers[n].out_features) for n in (0, 3)] == [(1024, 768), (768, 768)]


def test_pixels_are_normalised_inside():
    net = build(entry()).eval()
    seen = []
    net.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        net(torch.full((1, 32, 32, 3), 255, dtype=torch.uint8))
    assert torch.allclose(seen[0], torch.ones(1, 3, 32, 32))


@pytest.mark.parametrize("source", ["vit_small_patch16_dinov3", "vit_tiny_patch16_224"])
def test_backbone_weights_come_from_a_local_file_with_the_right_hash(tmp_path, source):
    known = entry(source=source)
    first = build(known)
    path = tmp_path / "backbone.safetensors"
    save_file(first.backbone.state_dict(), path)
    second = build(known.model_copy(update={"weights": path, "sha256": sha256_of(path)}))
    given = first.backbone.state_dict()
    assert all(torch.equal(value, given[name]) for name, value in second.backbone.state_dict().items())
    with pytest.raises(ArtifactError, match="the recipe names 00"):
        build(known.model_copy(update={"weights": path, "sha256": "0" * 64}))
    with pytest.raises(ArtifactError, match="is missing"):
        build(known.model_copy(update={"weights": tmp_path / "none"}))


def test_a_published_checkpoint_loads_without_its_classifier_and_an_incomplete_one_not_at_all(tmp_path):
    known = entry()
    given = build(known).backbone.state_dict()
    path = tmp_path / "published.safetensors"
    save_file({**given, "head.weight": torch.zeros(1000, 32), "head.bias": torch.zeros(1000)}, path)
    loaded = build(known.model_copy(update={"weights": path})).backbone.state_dict()
    assert torch.equal(loaded["norm.weight"], given["norm.weight"])
    assert torch.equal(loaded["blocks.1.attn.qkv.weight"], given["blocks.1.attn.qkv.weight"])
    del given["blocks.1.attn.qkv.weight"]
    save_file(given, path)
    with pytest.raises(ArtifactError, match=r"Missing key.*blocks\.1\.attn\.qkv\.weight"):
        build(known.model_copy(update={"weights": path}))


def test_weights_of_another_network_and_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"some.weight": torch.zeros(3)}, path)
    with pytest.raises(ArtifactError, match="does not fit vit_tiny"):
        build(entry(weights=path))
    with pytest.raises(ArtifactError, match="another network"):
        build(entry(checkpoint=path))
    path.write_bytes(b"no weights at all")
    with pytest.raises(ArtifactError, match="cannot be read as weights"):
        build(entry(weights=path))
    with pytest.raises(ArtifactError, match="cannot be read as safetensors"):
        build(entry(checkpoint=path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "vit_tiny_patch99_224"}, "timm has no 'vit_tiny_patch99_224'; it has, say,"),
        ({"features": 33}, "gives 32 features, not 33"),
        ({"options": {"deepness": 2}}, "deepness"),
        ({"patch": 8}, "has patch 16, not 8"),
        ({"patch": None, "size": 224, "options": {}, "features": 192}, "has patch 16, not None"),
    ],
)
def test_an_entry_that_does_not_fit_its_backbone_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        build(entry(**changes))


def test_written_weights_say_what_they_are_and_load_by_themselves(tmp_path):
    known = entry()
    net = build(known).eval()
    path = tmp_path / "tiny.safetensors"
    write_weights(path, net, {"network": known.model_dump(mode="json"), "step": 7})
    assert read_about(path)["step"] == 7
    assert read_entry(path) == known
    shown = crops(32)
    with torch.no_grad():
        assert torch.equal(load_network(str(path))(shown), net(shown))
    save_file(net.state_dict(), path)
    with pytest.raises(ArtifactError, match="does not say which network"):
        load_network(path)
    with torch.no_grad():
        assert torch.equal(load_network(path, known)(shown), net(shown))


def learning(net) -> set[str]:
    """Names of the layers that learn, two words long."""
    return {".".join(name.split(".")[:3]) for name, value in net.named_parameters() if value.requires_grad}


def test_frozen_layers_do_not_learn_and_stay_in_evaluation_mode():
    net = build(entry(options={"depth": 5, "embed_dim": 32, "num_heads": 2}))
    set_trainable(net, "head")
    assert learning(net) == {"head.0.weight", "head.0.bias", "head.3.weight", "head.3.bias"}
    training_mode(net)
    assert net.head[2].training
    assert not net.backbone.training
    set_trainable(net, LastBlocks(last_blocks=4))
    blocks = {f"backbone.blocks.{number}" for number in (1, 2, 3, 4)}
    assert {name for name in learning(net) if name.startswith("backbone")} == {
        *blocks, "backbone.norm.weight", "backbone.norm.bias",
    }  # fmt: skip
    training_mode(net)
    assert net.backbone.blocks[4].training
    assert not net.backbone.blocks[0].training
    set_trainable(net, "all")
    assert all(value.requires_grad for value in net.parameters())


def test_frozen_batch_norm_keeps_its_statistics():
    net = TimmNet(student("regnetx"))
    set_trainable(net, LastBlocks(last_blocks=1))
    training_mode(net)
    before = {name: value.clone() for name, value in net.named_buffers() if "running_mean" in name}
    net(crops(64))
    moved = {
        name for name, value in net.named_buffers() if name in before and not torch.equal(value, before[name])
    }
    assert moved
    assert all(name.startswith("backbone.s4.b2") for name in moved)


@pytest.mark.parametrize(("name", "first"), [("hailo", "backbone.stages.3"), ("regnetx", "backbone.s4.b2")])
def test_last_blocks_are_known_for_convolutional_backbones(name, first):
    with torch.device("meta"):
        net = build(student(name))
    set_trainable(net, LastBlocks(last_blocks=1))
    backbone = sorted(part for part in learning(net) if part.startswith("backbone"))
    assert any(part.startswith(first) for part in backbone)
    assert not any(
        part.startswith(("backbone.stem", "backbone.stages.2", "backbone.s3")) for part in backbone
    )


def test_cardnets_front_never_learns():
    net = CardNet()
    set_trainable(net, "all")
    assert not any(name.startswith(("stem", "blocks")) for name in learning(net))
    set_trainable(net, LastBlocks(last_blocks=1))
    assert {name.split(".")[0] for name in learning(net)} == {"squeeze", "project", "centre"}
    with pytest.raises(ConfigError, match="only 4 blocks"):
        set_trainable(net, LastBlocks(last_blocks=5))
