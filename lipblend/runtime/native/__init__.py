"""Keep native libraries from changing the state of the process."""
