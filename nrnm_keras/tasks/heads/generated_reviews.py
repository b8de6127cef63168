"""Classification of generated reviews, of which a run shows some."""

from nrnm_keras.tasks.heads.text_classification import TextClassification

_LONG = 100  # words
_OF_EACH_KIND = 3


class GeneratedReviews(TextClassification):
    """Classes of generated reviews, long and short."""

    def examples_to_try(self) -> list[tuple[str, str]]:
        """Returns the first three long and three short test reviews of each class, long first."""
        if "test" not in self.records.sizes:
            return []
        texts, labels = self.baseline_examples("test")
        groups: dict[tuple[bool, int], list[tuple[str, str]]] = {}
        for text, label in zip(texts, labels, strict=True):
            group = groups.setdefault((len(text.split()) < _LONG, int(label)), [])
            group.append((text, self.class_names[label]))
        return [example for _, group in sorted(groups.items()) for example in group[:_OF_EACH_KIND]]
