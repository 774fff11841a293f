"""Exceptions of the package; all are RemapError."""

from __future__ import annotations


class RemapError(RuntimeError):
    """Something in remap failed; the message says what, and what to change.

    `retryable` tells whether trying again may help.
    """

    retryable: bool = False


class CorruptError(RemapError):
    """Bytes that fail their checksum or break their format (or are of a newer one)."""


class NotFoundError(RemapError):
    """A file, version or table that is not there."""


class MigrationMissingError(NotFoundError):
    """A migration plan on the way to the version is missing; nothing has changed."""


class UnavailableError(RemapError):
    """A broker that cannot be reached, a rank that does not answer."""
