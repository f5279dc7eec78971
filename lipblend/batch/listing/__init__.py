"""Lists of jobs: read from YAML and CSV, matched with files, resolved with settings, and checked."""
