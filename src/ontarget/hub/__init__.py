"""Publishing a tuned model: its card, example code, and the upload to the Hugging Face Hub.

snippet   the Python example in the card, which prompts the model as it was evaluated
card      the model card (README.md)
upload    the repository on the Hub
"""
