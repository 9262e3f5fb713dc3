"""Records read back: found, listed, told, compared, and drawn as pages."""
