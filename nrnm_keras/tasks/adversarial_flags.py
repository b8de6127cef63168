"""The flags of adversarial training, and what they ask for."""

from absl import flags

from nrnm_keras.models import AdversarialTraining


def define_flags(values):
    """Defines the flags of adversarial training in an absl `FlagValues`."""

    def number(name, default, text):
        flags.DEFINE_float(name, default, text, lower_bound=0.0, flag_values=values)

    flags.DEFINE_enum(
        "adversarial",
        "none",
        AdversarialTraining.MODES,
        "text classification: train on perturbed embeddings too, against the labels (labels) or "
        "the network's own output (virtual), which also learns from texts without labels: IMDB's "
        "unlabelled reviews, or --unlabelled_file",
        flag_values=values,
    )
    number(
        "adversarial_norm",
        5.0,
        "norm of the perturbation of a whole text, in standard deviations of the embeddings",
    )
    number("adversarial_weight", 1.0, "weight of the adversarial term beside the loss")
    number(
        "entropy_weight",
        0.0,
        "text classification: weight of the entropy of the output beside the loss, on texts with "
        "and without labels; 0: none",
    )


def first_given(flags):
    """Returns the flag that asks for more than the loss, as it is written, or None."""
    if flags.adversarial != "none":
        return f"--adversarial={flags.adversarial}"
    return f"--entropy_weight={flags.entropy_weight}" if flags.entropy_weight else None


def takes_unlabelled(flags):
    """Whether the flags ask for something that is learnt from texts without labels."""
    return flags.adversarial == "virtual" or flags.entropy_weight > 0


def build_adversarial(network, flags, labeled_share):
    """Returns the `AdversarialTraining` of the flags, or the network if they ask for none.

    Args:
        network: the `keras.Sequential` from token ids to logits.
        flags: the values of the command's flags.
        labeled_share: float, the share of the training examples that have a label.
    """
    if not first_given(flags):
        return network
    return AdversarialTraining(
        network,
        flags.adversarial,
        norm=flags.adversarial_norm,
        weight=flags.adversarial_weight,
        entropy_weight=flags.entropy_weight,
        labeled_share=labeled_share,
        longest=flags.max_length,
        name="adversarial_training",
    )
