"""The method, one file a step."""
