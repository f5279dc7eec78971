"""What lies in front of the face: hands, microphones, cups, hair."""
