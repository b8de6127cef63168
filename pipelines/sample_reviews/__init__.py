"""Generated movie reviews with an early verdict and an often misleading end."""
