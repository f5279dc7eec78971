"""Face crops for generators: where they are cut, the record of it, and the records of other programs."""
