"""How a configuration becomes a network."""

from typing import Any

import keras

from nrnm_keras.config import AdversarialConfig, NetworkConfig
from nrnm_keras.models.adversarial_training import AdversarialTraining
from nrnm_keras.models.backbone import RecurrentBackbone
from nrnm_keras.models.transformer_backbone import TransformerBackbone

# Models with the memory: their recurrence, and arguments of `NRNM`.
_WITH_MEMORY: dict[str, tuple[str, dict[str, Any]]] = {
    "nrnm": ("lstm", {}),
    "nrnm_gru": ("gru", {}),
    "nrnm_rnn": ("rnn", {}),
    "nrnm_high_order_rnn": ("high_order_rnn", {}),
    "nrnm_linear": ("lstm", {"interaction": "linear"}),
    "nrnm_attention_read": ("lstm", {"memory_read": "attention"}),
}
_TRANSFORMER = "transformer"
_NRNM_OPTIONS = (
    "block_size",
    "stride",
    "window_size",
    "num_heads",
    "memory_forget_bias",
    "zoneout",
    "memory_dropout",
)


def build_backbone(
    network: NetworkConfig, causal: bool = False
) -> RecurrentBackbone | TransformerBackbone:
    """Returns the `RecurrentBackbone` or `TransformerBackbone` of a `NetworkConfig`.

    Args:
        network: the `NetworkConfig`.
        causal: whether the steps of a Transformer must not see later ones.

    Raises:
        ValueError: if its values do not go together.
    """
    if network.model == _TRANSFORMER:
        return TransformerBackbone(
            network.units,
            network.num_layers,
            network.num_heads,
            network.dropout,
            causal,
            name="backbone",
        )
    options: dict[str, Any] = {
        "dropout": network.dropout,
        "recurrent_dropout": network.recurrent_dropout,
        "bidirectional": network.bidirectional,
        "chrono_steps": network.chrono_steps,
        "name": "backbone",
    }
    if network.model not in _WITH_MEMORY:
        return RecurrentBackbone(
            network.units,
            network.num_layers,
            nrnm_layers=(),
            recurrence=network.model,
            zoneout=network.zoneout,
            relational_options={
                "slots": network.relational_memory_slots,
                "num_heads": network.num_heads,
            },
            **options,
        )
    recurrence, nrnm_options = _WITH_MEMORY[network.model]
    nrnm_options = nrnm_options | {name: getattr(network, name) for name in _NRNM_OPTIONS}
    nrnm_options["memory_units"] = network.memory_units or None
    return RecurrentBackbone(
        network.units,
        network.num_layers,
        list(network.nrnm_layers),
        recurrence=recurrence,
        nrnm_options=nrnm_options,
        **options,
    )


def build_adversarial(
    network: keras.Sequential, options: AdversarialConfig, labeled_fraction: float, max_length: int
) -> keras.Model:
    """Returns the `AdversarialTraining` of an `AdversarialConfig`, or the network if it has none.

    Args:
        network: the `keras.Sequential` from token ids to logits.
        options: the `AdversarialConfig`.
        labeled_fraction: float, the fraction of the training examples that have a label.
        max_length: integer, the largest number of tokens in a text.
    """
    if not options.has_adversarial_loss:
        return network
    return AdversarialTraining(
        network,
        options.adversarial,
        norm=options.adversarial_norm,
        weight=options.adversarial_weight,
        entropy_weight=options.entropy_weight,
        labeled_share=labeled_fraction,
        longest=max_length,
        name="adversarial_training",
    )
