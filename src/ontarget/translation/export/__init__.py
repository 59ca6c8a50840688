"""A model in another format, published only if it translates as the original does.

exporting  the whole: original, format, verification, publication
formats    safetensors, CTranslate2, GGUF: how each is written and opened
verifying  the segments that both translate, and how many may differ
"""
