"""Native libraries start without leaving the process changed."""
