"""NTU RGB+D: 3-D skeletons of 60 or 120 actions, recorded by the Kinect."""
