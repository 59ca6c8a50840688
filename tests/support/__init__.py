"""What several test modules start from; no test stands here."""
