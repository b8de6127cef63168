"""Large Movie Review Dataset: 100,000 film reviews, half of them labelled."""
