"""Addresses of the attacks' pages."""

from django.urls import path

from hanse.attacks import decision_views, onward_views, sharing_views, views

app_name = "attacks"
urlpatterns = [
    path("", views.attacks, name="list"),
    path("merge/", decision_views.merge, name="merge"),
    path("partners/", sharing_views.of_partners, name="of-partners"),
    path("partners/<uuid:attack_id>/", onward_views.of_partner, name="of-partner"),
    path("partners/<uuid:attack_id>/acted/", onward_views.acted, name="acted"),
    path("partners/<uuid:attack_id>/pass-on/", onward_views.pass_on, name="pass-on"),
    path("<uuid:attack_id>/", views.detail, name="detail"),
    path("<uuid:attack_id>/flows/", views.flows, name="flows"),
    path("<uuid:attack_id>/export/", views.export, name="export"),
    path("<uuid:attack_id>/decide/", decision_views.decide, name="decide"),
    path("<uuid:attack_id>/withdraw/", decision_views.withdraw, name="withdraw"),
    path("<uuid:attack_id>/share/", sharing_views.share, name="share"),
    path("<uuid:attack_id>/recall/", sharing_views.recall, name="recall"),
]
