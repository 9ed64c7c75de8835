"""
Files that people write: JSON or YAML, as data that knows where in the file it stands.
"""

from shared.documents.document import Document, DocumentInvalid, Place
from shared.documents.reading import MAX_DOCUMENT_BYTES, read_document

__all__ = ["MAX_DOCUMENT_BYTES", "Document", "DocumentInvalid", "Place", "read_document"]
