"""Northwestern-UCLA Multiview Action 3D: skeletons of ten actions from three cameras."""
