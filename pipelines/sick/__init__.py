"""SICK 2014: pairs of sentences with how related they are and whether one entails the other."""
