"""The application of `serve`.

app            the application: routes, errors, a page
answering      what routes share
openai_api     chat and completions of the OpenAI API
translate_api  translations, in the form of LibreTranslate
"""
