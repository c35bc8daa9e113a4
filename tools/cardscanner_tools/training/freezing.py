"""Which layers of a network learn."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from cardscanner.errors import ConfigError
from cardscanner_tools.training.network import CardNet
from cardscanner_tools.training.recipe import LastBlocks

Trainable = Literal["head", "all"] | LastBlocks
Rows = tuple[list[list[nn.Module]], list[nn.Module]]
"""Blocks, first to last, each one or more layers; and the layers after them."""

_ROWS_OF_BLOCKS = (
    ("blocks",),
    ("stages",),
    ("s1", "s2", "s3", "s4"),
    ("layer1", "layer2", "layer3", "layer4"),
)


def set_trainable(net: nn.Module, which: Trainable) -> None:
    """Let the chosen layers learn and no others; CardNet's front stays frozen whatever is asked for."""
    for parameter in net.parameters():
        parameter.requires_grad_(requires_grad=which == "all")
    if which != "all":
        for part in _chosen(net, which):
            part.requires_grad_(requires_grad=True)
    if isinstance(net, CardNet):
        for part in (net.stem, net.blocks):
            part.requires_grad_(requires_grad=False)


def training_mode(net: nn.Module) -> None:
    """Switch to training mode, but leave in evaluation mode what does not learn (batch norm, dropout)."""
    net.train()
    for part in net.modules():
        parameters = list(part.parameters())
        if parameters and not any(each.requires_grad for each in parameters):
            part.eval()


def _chosen(net: Any, which: Trainable) -> list[nn.Module]:
    head = [net.project, net.centre] if isinstance(net, CardNet) else [net.head]
    if not isinstance(which, LastBlocks):
        return head
    if isinstance(net, CardNet):
        rows: Rows = ([[net.widen], [net.mix], [net.reduce], [net.squeeze]], [])
    else:
        rows = _blocks(net.backbone)
    blocks, after = rows
    if which.last_blocks > len(blocks):
        raise ConfigError(
            f"last_blocks: {which.last_blocks}: this network has only {len(blocks)} blocks: use all"
        )
    return [*(part for block in blocks[-which.last_blocks :] for part in block), *after, *head]


def _blocks(backbone: Any) -> Rows:
    """Return the blocks of a timm backbone, first to last, and the layers after them."""
    children = dict(backbone.named_children())
    for row in _ROWS_OF_BLOCKS:
        if all(name in children for name in row):
            names = list(children)
            after = [children[name] for name in names[names.index(row[-1]) + 1 :]]
            return [block for name in row for block in _flat(children[name])], after
    raise ConfigError(
        f"last_blocks is not known for {type(backbone).__name__} ({', '.join(children)}): use head or all"
    )


def _flat(row: nn.Module) -> list[list[nn.Module]]:
    """Return the blocks of a row; a stage's own reduction belongs to its first block."""
    blocks: list[list[nn.Module]] = []
    for child in row.children():
        inner = getattr(child, "blocks", None)
        if isinstance(inner, nn.Module):
            within = [[block] for block in inner.children()]
            before = [part for part in child.children() if part is not inner]
            within[0] = [*before, *within[0]]
            blocks += within
        elif isinstance(child, nn.Sequential):
            blocks += [[block] for block in child.children()]
        else:
            blocks.append([child])
    return blocks
