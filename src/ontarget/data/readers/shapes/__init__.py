"""Where the texts and languages of a record are, whatever file it comes from.

matching       tags of any style, and which of them a requested language means
columns        the shape of records: columns of languages, source and target, instructions
records        tags and texts of a source, record by record
texts          what a text must not hold
instructions   Alpaca and chat records, as translations or as general instructions
"""
