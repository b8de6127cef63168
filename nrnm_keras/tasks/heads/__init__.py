"""What is learned from a data set, whichever it is: examples, network, loss, metrics, report."""
