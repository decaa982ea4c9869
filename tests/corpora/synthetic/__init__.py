"""A package, because its test modules share their names with those of other folders."""
