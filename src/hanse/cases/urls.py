"""Addresses of the pages of cases."""

from django.urls import include, path

from hanse.cases import joint_views, part_views, selector_views, views

app_name = "cases"
urlpatterns = [
    path("", views.cases, name="list"),
    path("open/", views.open_case, name="open"),
    path("joint/", joint_views.joints, name="joints"),
    path("joint/open/", joint_views.open_joint, name="joint-open"),
    path("joint/<uuid:joint_id>/", joint_views.joint_case, name="joint"),
    path("joint/<uuid:joint_id>/tell/", joint_views.tell, name="joint-tell"),
    path("joint/<uuid:joint_id>/<str:sort>/", joint_views.answer, name="joint-say"),
    path("", include("hanse.cases.evidence_urls")),
    path("<uuid:case_id>/", views.case, name="case"),
    path("<uuid:case_id>/change/", views.change, name="change"),
    path("<uuid:case_id>/state/", views.state, name="state"),
    path("<uuid:case_id>/keep/", views.keep, name="keep"),
    path("<uuid:case_id>/people/add/", part_views.add_person, name="add-person"),
    path("<uuid:case_id>/people/<uuid:person_id>/", part_views.change_person, name="person"),
    path("<uuid:case_id>/selectors/", selector_views.selectors, name="selectors"),
    path("<uuid:case_id>/selectors/add/", selector_views.add_selector, name="add-selector"),
    path("<uuid:case_id>/selectors/list/", selector_views.add_list, name="list-selectors"),
    path("<uuid:case_id>/selectors/list/take/", selector_views.take_list, name="take-selectors"),
    path("<uuid:case_id>/tasks/add/", part_views.set_task, name="add-task"),
    path("<uuid:case_id>/tasks/<uuid:task_id>/tick/", part_views.tick, name="tick"),
    path("<uuid:case_id>/notes/add/", part_views.write_note, name="add-note"),
    path("<uuid:case_id>/links/add/", part_views.tie, name="tie"),
    path("<uuid:case_id>/parts/<uuid:part_id>/remove/", part_views.remove, name="remove"),
]
