"""Large Movie Review Dataset: 100,000 movie reviews, half of them labeled."""
