"""Models and tokenizers: found, checked, loaded, prompted and saved.

folder          checks of a model folder before any framework loads it
loading         models and tokenizers, loaded and saved: safetensors only, no remote code
panics          failures of the Rust tokenizers library as errors of ours
adapters        LoRA and DoRA adapters: added, saved, loaded, merged
templates       a sample's request as text: templates and their fields
codes           new language codes for models that are told languages by code
chats           chat templates: turns, what ends them, fixed dates
special_tokens  texts that contain a special token of the tokenizer
prompting       prompts and responses as tokens, for every kind of model
preview         prompts for people: special tokens marked
padding         batches of prompts for generation
"""
