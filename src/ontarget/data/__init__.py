"""From corpus files to samples and conflict samples.

readers/      one file a corpus format; each yields rows of parallel text
splits        train, dev and test rows, without overlap
directions    which directions are supervised and which are zero-shot
sampling      rows to samples, and choices of samples that depend on their content only
conflicts     conflict samples: the same response under an instruction for another language
"""
