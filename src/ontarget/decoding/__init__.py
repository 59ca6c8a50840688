"""Decoders: token ids in, text out."""
