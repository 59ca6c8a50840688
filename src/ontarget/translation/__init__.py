"""Any text and any document, translated: markup kept, checked after, and resumed after a kill.

interface    `Translator` of the Python interface: texts and files
choice       which model is meant, and how it is prompted
documents    formats: what of a file is text, and the rest byte for byte
protect      placeholders, markup and URLs, which a translation must keep
sentences    long lines in parts
wishes       glossary, formality and instructions, as sentences of the request
careful      a translator that fails on single segments only, and reads wishes
translating  segments to translations, each step journaled
repair       segments in a wrong language are decoded again in other ways
files        a file to its translation
export       a model in another format, verified
"""
