"""Tests of what pages and the API are made with."""
