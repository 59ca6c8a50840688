"""Languages: what they are called, which tags mean the same one, and how they are written.

names       CLDR's English names, and suggestions for unknown codes
tags        language tags: scripts, macrolanguages, and which tags mean one language
writing     scripts and letters of a text, and the scripts that a language is written in
alphabets   the letters that a language is written with
neighbours  close languages, and the words that only one of them has
families    the close languages of one, and the same language in another script
"""
