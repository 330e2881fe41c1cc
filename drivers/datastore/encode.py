"""Values, entities and mutations on the wire: each value is written in place, without a message of its own to copy from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ...core.datamodel import Entity, GeoPoint, Key, Mutation, Transform, Value, Verb
from ...core.datamodel.errors import InvalidRequest
from .keys import Home, check_property, encode_key
from .messages import FAIL_ON_CONFLICT

INDEXED_BYTES = 1500
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SURELY_SHORT = INDEXED_BYTES // 4
_PLAIN_PATH = re.compile(r"[a-zA-Z_][a-zA-Z_0-9]*")

Encoder = Callable[[Any, Any, bool, Home], None]  # message, value, whether it is unindexed


class _EmbeddedError(ValueError):
    """A property of an embedded entity cannot be stored."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"its {path!r}: {reason}")
        self.path, self.reason = path, reason


def encode_properties(
    fields: Any,
    properties: Mapping[str, Value],
    unindexed: Collection[str],
    home: Home,
    key: Key | None = None,
    *,
    nested: bool = False,
) -> None:
    """Fill a map of properties; `nested` are those of an embedded entity, which go by their own flags, whatever the whole is."""
    name: str | None = None
    encoders = ENCODERS
    try:
        for name, value in properties.items():
            check_property(name)
            encode = encoders.get(type(value)) or _encoder_of(value)
            if name in unindexed:
                field = fields[name]
                encode(field, value, True, home)
                if encode is not _array:
                    field.exclude_from_indexes = True
            else:
                encode(fields[name], value, False, home)
    except _EmbeddedError as error:
        raise _refusal(f"{name}.{error.path}", error.reason, key, nested=nested) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise _refusal(str(name), _reason(error), key, nested=nested) from None


def encode_value(message: Any, value: Value, name: str, home: Home) -> None:
    """Fill the Value message of a filter on a property."""
    try:
        (ENCODERS.get(type(value)) or _encoder_of(value))(message, value, False, home)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidRequest(f"Property {name!r} cannot be compared with {_short(value)}: {_reason(error)}") from None


def encode_mutation(message: Any, mutation: Mutation, home: Home) -> None:
    """Fill a Mutation message."""
    if mutation.verb is Verb.DELETE:
        encode_key(message.delete, mutation.key, home)
    else:
        _encode_write(message, mutation, home)
    if mutation.base_version is not None:
        message.base_version = mutation.base_version
        message.conflict_resolution_strategy = FAIL_ON_CONFLICT
    for transform in mutation.transforms:
        _encode_transform(message.property_transforms.add(), transform, home)


@lru_cache(4096)
def property_path(name: str) -> str:
    """Return the path of a top-level property in a mask or a transform."""
    if _PLAIN_PATH.fullmatch(name):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _encode_write(message: Any, mutation: Mutation, home: Home) -> None:
    entity = mutation.entity
    target = getattr(message, mutation.verb.value)
    encode_key(target.key, mutation.key, home)
    mask = mutation.mask
    if mask is None:
        if entity is None:
            raise InvalidRequest(
                f"The {mutation.verb.value} of {mutation.key} brings no entity; only a mutation with a mask may do without."
            )
        encode_properties(target.properties, entity.properties, entity.unindexed, home, mutation.key)
        return
    message.property_mask.SetInParent()
    message.property_mask.paths.extend([property_path(name) for name in mask])
    if entity is not None:
        written = {name: entity.properties[name] for name in mask if name in entity.properties}
        encode_properties(target.properties, written, entity.unindexed, home, mutation.key)


def _encode_transform(message: Any, transform: Transform, home: Home) -> None:
    message.property = property_path(transform.name)
    if transform.kind in ("increment", "maximum", "minimum"):
        encode_value(getattr(message, transform.kind), transform.value, transform.name, home)
        return
    field = {"append_missing": "append_missing_elements", "remove_all": "remove_all_from_array"}.get(transform.kind)
    if field is None or not isinstance(transform.value, tuple):
        raise InvalidRequest(
            f"The transform {transform.kind!r} of property {transform.name!r} with {_short(transform.value)} is not known."
        )
    array = getattr(message, field)
    array.SetInParent()
    for element in transform.value:
        encode_value(array.values.add(), element, transform.name, home)


def _null(message: Any, _value: None, _unindexed: bool, _home: Home) -> None:
    message.null_value = 0


def _bool(message: Any, value: bool, _unindexed: bool, _home: Home) -> None:
    message.boolean_value = value


def _int(message: Any, value: int, _unindexed: bool, _home: Home) -> None:
    message.integer_value = value


def _float(message: Any, value: float, _unindexed: bool, _home: Home) -> None:
    message.double_value = value


def _str(message: Any, value: str, unindexed: bool, _home: Home) -> None:
    message.string_value = value
    if len(value) > _SURELY_SHORT and not unindexed:
        _check_indexed("string", len(value.encode()))


def _bytes(message: Any, value: bytes, unindexed: bool, _home: Home) -> None:
    message.blob_value = value
    if len(value) > INDEXED_BYTES and not unindexed:
        _check_indexed("byte string", len(value))


def _datetime(message: Any, value: datetime, _unindexed: bool, _home: Home) -> None:
    delta = value - EPOCH
    timestamp = message.timestamp_value
    timestamp.seconds = delta.days * 86400 + delta.seconds
    timestamp.nanos = delta.microseconds * 1000


def _geo(message: Any, value: GeoPoint, _unindexed: bool, _home: Home) -> None:
    point = message.geo_point_value
    point.latitude = value.latitude
    point.longitude = value.longitude


def _key(message: Any, value: Key, _unindexed: bool, home: Home) -> None:
    encode_key(message.key_value, value, home)


def _array(message: Any, value: tuple[Value, ...], unindexed: bool, home: Home) -> None:
    array = message.array_value
    array.SetInParent()  # or an empty one would be no value at all
    add = array.values.add
    for element in value:
        if isinstance(element, (tuple, list)):
            raise TypeError("an array cannot hold an array.")
        field = add()
        (ENCODERS.get(type(element)) or _encoder_of(element))(field, element, unindexed, home)
        if unindexed:
            field.exclude_from_indexes = True


def _entity(message: Any, value: Entity, _unindexed: bool, home: Home) -> None:
    embedded = message.entity_value
    embedded.SetInParent()
    if value.key is not None:
        encode_key(embedded.key, value.key, home)
    encode_properties(embedded.properties, value.properties, value.unindexed, home, value.key, nested=True)


ENCODERS: dict[type, Encoder] = {
    type(None): _null,
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    bytes: _bytes,
    datetime: _datetime,
    GeoPoint: _geo,
    Key: _key,
    tuple: _array,
    list: _array,
    Entity: _entity,
}


def _encoder_of(value: Any) -> Encoder:
    """Find the encoder of a subclass, such as an enum's member or a safe string."""
    for base in type(value).__mro__:
        if base in ENCODERS:
            return ENCODERS[base]
    raise TypeError(f"a {type(value).__name__} is not a type of the store. Convert it to one of {', '.join(t.__name__ for t in ENCODERS)}.")


def _check_indexed(what: str, size: int) -> None:
    if size > INDEXED_BYTES:
        raise ValueError(
            f"an indexed {what} of {size} bytes is too long, the limit is {INDEXED_BYTES}. Shorten it, or leave the property unindexed."
        )


def _refusal(path: str, reason: str, key: Key | None, *, nested: bool) -> Exception:
    if nested:
        return _EmbeddedError(path, reason)
    return InvalidRequest(f"Property {path!r} of entity {key} cannot be stored: {reason}")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return f"its string holds a surrogate at position {error.start}, which UTF-8 cannot encode."
    text = str(error)
    if text.startswith("Value out of range: "):
        return f"the integer {text.removeprefix('Value out of range: ')} does not fit into 64 bits."
    if "offset-naive" in text:
        return "a naive datetime names no moment. Make it aware, in UTC."
    return text


def _short(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
