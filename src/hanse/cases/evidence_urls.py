"""Addresses of the pages of evidence, court exports and subject access; they are part of the room's own."""

from django.urls import path

from hanse.cases import court_views, evidence_views, subject_views

urlpatterns = [
    path("<uuid:case_id>/evidence/", evidence_views.of_case, name="evidence-list"),
    path("<uuid:case_id>/evidence/add/", evidence_views.add, name="evidence-add"),
    path("<uuid:case_id>/evidence/upload/", evidence_views.upload, name="evidence-upload"),
    path("<uuid:case_id>/court/", court_views.export, name="court"),
    path("evidence/<uuid:evidence_id>/", evidence_views.one, name="evidence"),
    path("evidence/<uuid:evidence_id>/open/", evidence_views.open_file, name="evidence-open"),
    path("evidence/<uuid:evidence_id>/original/", evidence_views.handle, name="evidence-handle"),
    path("evidence/<uuid:evidence_id>/destroy/", evidence_views.destroy, name="evidence-destroy"),
    path("subjects/", subject_views.requests, name="subjects"),
    path("subjects/ask/", subject_views.ask, name="subject-ask"),
    path("subjects/<uuid:request_id>/", subject_views.one, name="subject"),
    path("subjects/<uuid:request_id>/print/", subject_views.printed, name="subject-print"),
    path("subjects/<uuid:request_id>/erase/", subject_views.erase, name="subject-erase"),
    path("erasures/<uuid:erasure_id>/", subject_views.erasure, name="erasure"),
    path("erasures/<uuid:erasure_id>/statement/", subject_views.statement, name="erasure-statement"),
]
