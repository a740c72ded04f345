"""How two e-mail addresses are compared."""

import unicodedata


def address_key(text: str) -> str:
    """The form in which addresses are compared: trimmed, casefolded, composed. `address_key` of a key is the key.

    Beyond case, two spellings that look the same are the same (é as one character or as e and an accent): Unicode's
    "canonical caseless matching". Nothing else is alike: no dots or +tags are dropped, no domains are translated.
    The key can be longer than the text: ß becomes ss.
    """
    text = text.strip()
    if text.isascii():
        return text.lower()
    # Decomposed first, because casefolding a composed character can leave its accents in another order.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
