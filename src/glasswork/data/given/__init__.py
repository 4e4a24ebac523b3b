"""One's own data, as it lies on the disk: folder:DIR, imagenet:DIR, csv:FILE, text:FILE, shards:FILES, captioned:DIR.

Nothing of it is executed.
"""

from glasswork.data.given.captioned import CaptionedFiles, is_captioned, read_captioned
from glasswork.data.given.files import Problem
from glasswork.data.given.looking import look, look_at_pictures
from glasswork.data.given.pictures import BrokenPictureError, PictureFiles
from glasswork.data.given.reading import FORMS, is_given, read_pictures
from glasswork.data.given.shards import ShardFiles, read_shards
from glasswork.data.given.tables import Table, as_number, read_table, row_digests
from glasswork.data.given.texts import Text, read_text

__all__ = [
    "FORMS",
    "BrokenPictureError",
    "CaptionedFiles",
    "PictureFiles",
    "Problem",
    "ShardFiles",
    "Table",
    "Text",
    "as_number",
    "is_captioned",
    "is_given",
    "look",
    "look_at_pictures",
    "read_captioned",
    "read_pictures",
    "read_shards",
    "read_table",
    "read_text",
    "row_digests",
]
