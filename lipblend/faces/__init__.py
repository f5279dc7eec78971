"""Faces: the mesh of each face in a picture (MediaPipe's Face Landmarker), and faces tracked through a video."""
