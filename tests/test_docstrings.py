"""The examples in the docstrings run, and print what they say."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import nrnm_keras
import pipelines


def _modules():
    for package in (nrnm_keras, pipelines):
        yield package.__name__
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            yield module.name


def _examples():
    for name in _modules():
        module = importlib.import_module(name)
        names = {**vars(module), "np": np, "keras": keras}
        for test in doctest.DocTestFinder().find(module, globs=names):
            if test.examples:
                yield test


def _parameters():
    for test in _examples():
        slow = test.name == "nrnm_keras.train.training.train"
        yield pytest.param(test, id=test.name, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("test", _parameters())
def test_example(test):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test)
    assert runner.tries
    assert not runner.failures
