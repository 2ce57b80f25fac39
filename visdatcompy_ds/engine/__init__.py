"""What touches disk, decoders and processes."""
