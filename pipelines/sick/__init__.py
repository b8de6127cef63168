"""SICK 2014: pairs of sentences with their relatedness and entailment."""
