"""The node's API: the routers of all rooms under one roof."""

from hanse.accounts.api import router as people
from hanse.attacks.api import router as attacks
from hanse.attacks.shared_api import router as shared_attacks
from hanse.campaigns.across_api import router as across_borders
from hanse.campaigns.api import router as campaigns
from hanse.cases.api import router as cases
from hanse.cases.court_api import router as court
from hanse.cases.evidence_api import router as evidence
from hanse.cases.joint_api import router as joint_cases
from hanse.cases.parts_api import router as case_parts
from hanse.cases.places_api import router as case_places
from hanse.cases.subject_api import router as subjects
from hanse.console.case_sources_api import router as case_sources
from hanse.console.ledger_api import router as ledger
from hanse.console.marking_api import router as objects
from hanse.console.settings_api import router as settings
from hanse.console.situation_api import router as situation
from hanse.constituency.api import router as constituency
from hanse.federation.api import router as federation
from hanse.intel.api import router as intel
from hanse.matching.api import router as matching
from hanse.matching.source_api import router as counting
from hanse.taxii.edge_api import router as edge
from hanse.telemetry.api import router as telemetry
from hanse.tracing.api import router as tracing
from hanse.web.api import make_api
from hanse.web.jobs_api import router as jobs
from hanse.webhooks.api import router as webhooks

api = make_api(
    [
        ("/attacks", attacks),
        ("/attacks", shared_attacks),
        ("/campaigns", campaigns),
        ("/campaigns", across_borders),
        ("/cases", cases),
        ("/joint", joint_cases),
        ("/cases", evidence),
        ("/cases", court),
        ("/cases", subjects),
        ("/cases/", case_parts),
        ("/cases", case_places),
        ("/cases", case_sources),
        ("/constituency", constituency),
        ("/edge", edge),
        ("/federation", federation),
        ("/flows", telemetry),
        ("/intelligence", intel),
        ("/jobs", jobs),
        ("/ledger", ledger),
        ("/matching", matching),
        ("/matching", counting),
        ("/ledger/objects", objects),
        ("/people", people),
        ("/settings", settings),
        ("/tracing", tracing),
        ("/webhooks", webhooks),
        ("", situation),
    ]
)

urlpatterns = api.urls[0]
