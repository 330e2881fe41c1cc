"""Which type of the store holds which of Django's field types."""

from __future__ import annotations

from ..datamodel import Type

# Django's internal type -> the column type that the catalog and `Field.db_type` name.
DATA_TYPES = {
    "AutoField": "integer",
    "BigAutoField": "integer",
    "BigIntegerField": "integer",
    "BinaryField": "bytes",
    "BooleanField": "boolean",
    "CharField": "string",
    "DateField": "date",
    "DateTimeField": "datetime",
    "DecimalField": "decimal",
    "DurationField": "duration",
    "FileField": "string",
    "FilePathField": "string",
    "FloatField": "float",
    "GenericIPAddressField": "string",
    "IPAddressField": "string",
    "IntegerField": "integer",
    "JSONField": "json",
    "OneToOneField": "integer",
    "PositiveBigIntegerField": "integer",
    "PositiveIntegerField": "integer",
    "PositiveSmallIntegerField": "integer",
    "SlugField": "string",
    "SmallAutoField": "integer",
    "SmallIntegerField": "integer",
    "TextField": "text",
    "TimeField": "time",
    "UUIDField": "uuid",
}

# The column type -> the type of the stored value. What is not named here holds any value.
STORED_AS = {
    "integer": Type.INT,
    "bytes": Type.BYTES,
    "boolean": Type.BOOL,
    "string": Type.STR,
    "date": Type.TIMESTAMP,
    "datetime": Type.TIMESTAMP,
    "decimal": Type.STR,
    "duration": Type.INT,
    "float": Type.FLOAT,
    "json": Type.STR,
    "text": Type.STR,
    "time": Type.TIMESTAMP,
    "uuid": Type.STR,
}

# Column types that no index covers: their values may be longer than an index entry.
UNINDEXED = frozenset(("bytes", "json", "text"))

# Column types whose values can name an entity: an integer is an id, text a name.
KEY_TYPES = frozenset(("integer", "string", "decimal", "uuid"))
