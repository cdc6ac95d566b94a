"""The command lines: flags in, one call of the library, an exit status out."""
