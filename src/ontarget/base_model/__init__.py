"""A small base model trained from scratch: a stand-in where a recipe names no pretrained model.

documents     the training texts of step 0, composed from a multi-parallel corpus
llama         a small Llama with random weights, and its byte-level BPE tokenizer
demo_checks   what `ontarget demo --require-effect` expects of the final scores
"""
