"""NTU RGB+D: 3-D skeletons of 60 or 120 actions, as the Kinect saw them."""
