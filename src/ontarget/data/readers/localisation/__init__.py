"""Readers of localisation formats: translation memories and message catalogues.

tmx     Translation Memory eXchange 1.4, of any number of languages
xliff   XLIFF 1.2 and 2.x; 1.2 is written
po      gettext message catalogues
xml     streams of XML elements, in bounded memory and without entities
"""

from ontarget.data.readers.base import Reader
from ontarget.data.readers.localisation import po, tmx, xliff

READERS: tuple[Reader, ...] = (tmx.READER, xliff.READER, po.READER)
