"""Models with relations of every kind, for the tests of the relational plugin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Country(models.Model):
    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=50)


class Publisher(models.Model):
    name = models.CharField(max_length=50)
    country = models.ForeignKey(Country, models.CASCADE, null=True, related_name="publishers")
    founded = models.IntegerField(null=True)


class Person(models.Model):
    name = models.CharField(max_length=50)
    born = models.IntegerField(null=True)
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="pupils")

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]


class Writer(Person):
    """A person, with columns in a table of its own."""

    pseudonym = models.CharField(max_length=50)


class Tag(models.Model):
    label = models.CharField(max_length=30)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.BigIntegerField()
    thing = GenericForeignKey()


class Book(models.Model):
    title = models.CharField(max_length=100)
    publisher = models.ForeignKey(Publisher, models.CASCADE, null=True, related_name="books")
    authors = models.ManyToManyField(Person, through="Authorship", related_name="books")
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    pages = models.IntegerField(default=0)
    rating = models.FloatField(null=True)
    published = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    opens = models.TimeField(null=True)
    loan = models.DurationField(null=True)
    in_print = models.BooleanField(default=True)
    isbn = models.UUIDField(null=True)
    cover = models.BinaryField(null=True)
    blurb = models.TextField(default="")
    extra = models.JSONField(null=True)
    tags = GenericRelation(Tag)

    class Meta:
        ordering: ClassVar[list[str]] = ["title"]


class Authorship(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    person = models.ForeignKey(Person, models.CASCADE)
    place = models.IntegerField(default=1)


class Shelf(models.Model):
    """Has a many-to-many relation whose table Django makes, and a column that is collated."""

    name = models.CharField(max_length=20, db_collation="nocase")
    books = models.ManyToManyField(Book)
