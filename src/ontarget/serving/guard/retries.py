"""Ways to ask again: the same request, changed. Pure."""

from collections.abc import Mapping
from typing import Any

from ontarget.languages.names import english_name, name_in
from ontarget.languages.tags import canonical, primary

WAYS = {
    "reminder": "a sentence in the requested language, before the request",
    "temperature": "sampling, at a temperature of at least 0.7",
    "begin": "the answer begins with the language's name and a colon, which is cut (vLLM in chats)",
}
MOST_ATTEMPTS = 8  # of one request
WARMER, LEAST_WARM, WARMEST = 0.3, 0.7, 1.3  # temperatures
REMINDERS = {
    "ar": "أجب باللغة العربية فقط.", "cs": "Odpověz pouze česky.", "da": "Svar kun på dansk.",
    "de": "Antworte nur auf Deutsch.", "el": "Απάντησε μόνο στα ελληνικά.",
    "en": "Answer only in English.", "es": "Responde solo en español.",
    "fi": "Vastaa vain suomeksi.", "fr": "Réponds uniquement en français.",
    "hi": "केवल हिन्दी में उत्तर दें।", "hu": "Csak magyarul válaszolj.",
    "id": "Jawab hanya dalam bahasa Indonesia.", "it": "Rispondi solo in italiano.",
    "ja": "日本語だけで答えてください。", "ko": "한국어로만 답하세요.", "nb": "Svar bare på norsk.",
    "nl": "Antwoord alleen in het Nederlands.", "pl": "Odpowiedz tylko po polsku.",
    "pt": "Responda apenas em português.", "ro": "Răspunde doar în limba română.",
    "ru": "Отвечай только на русском языке.", "sv": "Svara bara på svenska.",
    "tr": "Yalnızca Türkçe yanıt ver.", "uk": "Відповідай лише українською мовою.",
    "vi": "Chỉ trả lời bằng tiếng Việt.", "zh": "请只用中文回答。",
}  # fmt: skip
OWN_REMINDERS = {"zh-Hant": "請只用繁體中文回答。", "zh-TW": "請只用繁體中文回答。"}


def reminder(language: str) -> str:
    """A sentence that asks for answers in a language, in it where it is listed, else in English."""
    written = OWN_REMINDERS.get(language) or REMINDERS.get(
        "nb" if primary(language) == "no" else canonical(language)
    )
    return written or f"Answer only in {english_name(language)}."


def beginning(language: str) -> str:
    """What the answer is made to begin with: the language's name in itself."""
    try:
        name = name_in(language, language)
    except KeyError:
        name = english_name(language)
    return f"{name[:1].upper()}{name[1:]}:"


def changed_request(body: Mapping[str, Any], way: str, language: str) -> dict[str, Any]:
    """The request as it is asked again in one of `WAYS`."""
    if way == "temperature":
        given = body.get("temperature")
        warm = given + WARMER if isinstance(given, int | float) else LEAST_WARM
        return {**body, "temperature": min(WARMEST, max(LEAST_WARM, warm))}
    if way == "begin":
        return with_beginning(body, beginning(language))
    return with_reminder(body, reminder(language))


def with_beginning(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The request, whose answer goes on after `text`."""
    if "messages" not in body:
        return {**body, "prompt": each_text(body.get("prompt"), after=text)}
    turn = {"role": "assistant", "content": text}
    flags = {"add_generation_prompt": False, "continue_final_message": True}
    return {**body, "messages": [*body["messages"], turn], **flags}


def with_reminder(body: Mapping[str, Any], sentence: str) -> dict[str, Any]:
    """The request with a sentence before it; after it, it would be read as a part of the source."""
    if "messages" not in body:
        return {**body, "prompt": each_text(body.get("prompt"), before=f"{sentence}\n\n")}
    messages = list(body["messages"])
    said = [n for n, turn in enumerate(messages) if turn.get("role") == "user"]
    last = max(said, default=None)
    if last is None:
        return {**body, "messages": [{"role": "user", "content": sentence}, *messages]}
    content = messages[last].get("content")
    if isinstance(content, list):
        content = [{"type": "text", "text": sentence}, *content]
    else:
        content = f"{sentence}\n\n{content}"
    messages[last] = {**messages[last], "content": content}
    return {**body, "messages": messages}


def each_text(prompt: Any, before: str = "", after: str = "") -> Any:
    """A prompt, or each one of several; prompts of token ids stay as they are."""
    if isinstance(prompt, str):
        return f"{before}{prompt}{after}"
    if isinstance(prompt, list) and all(isinstance(text, str) for text in prompt):
        return [f"{before}{text}{after}" for text in prompt]
    return prompt
