"""The 20 joints of the first Kinect, in the order of Northwestern-UCLA's files."""

JOINTS = (
    *("hip_center", "spine", "shoulder_center", "head"),
    *("left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    *("right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    *("left_hip", "left_knee", "left_ankle", "left_foot"),
    *("right_hip", "right_knee", "right_ankle", "right_foot"),
)
