"""`foliot definition validate`: the validator's findings, for reading."""
