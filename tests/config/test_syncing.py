"""Fifty instances at once, with the workers, the queue and the database of a running product."""

from uuid import uuid4

from licensesync.simulated_github import running
from tests import worlds
from tests.config.test_workers import told
from tests.product import Product

INSTANCES, ACCOUNTS = 50, 4

SYNC_ALL = """
from licensesync.enterprises import connections, deployments
from licensesync.flows import sync_now
from licensesync.syncing.models import Trigger

enterprise = Enterprise.objects.create(slug=slug, name="Octo Industries")
for host, (url, login, token) in servers.items():
    server = deployments.server_named(enterprise, host)
    connections.connect(server, url=url, login=login, token=token, connected_by=None)
for _ in range(2):  # clicked twice
    sync_now.request_all(enterprise, trigger=Trigger.SYNC_NOW)
print(json.dumps(None))
"""
ENDS = """
from licensesync.licenses.queries import current_count

enterprise = Enterprise.objects.get(slug=slug)
jobs = LicenseSyncJob.objects.filter(deployment__enterprise=enterprise).select_related("deployment")
began = time.monotonic()
while (are_open := jobs.filter(state__in=["PENDING", "RUNNING"]).exists()) and time.monotonic() - began < 60:
    time.sleep(0.2)
enterprise.refresh_from_db()
count = None if are_open else current_count(enterprise)
ends = sorted([job.deployment.host, job.state, job.accounts_read] for job in jobs)
print(json.dumps([ends, count and count.consumed, count and count.accounts]))
"""
MINUTES = 6  # that it may take on a busy machine


def test_fifty_instances_at_once(running_product: Product) -> None:
    """The same people are on all of them, so every list joins what the others have brought."""
    played = worlds.generated(servers=INSTANCES, accounts=ACCOUNTS)
    played.cloud = None
    slug = f"octo-{uuid4().hex[:8]}"
    with running(played) as addresses:
        servers = {each.host: (addresses.servers[each.host], each.login, each.token) for each in played.servers}
        told(running_product, SYNC_ALL, slug=slug, servers=servers)
        for _ in range(MINUTES):
            ends, people, accounts = told(running_product, ENDS, slug=slug)
            if people is not None:
                break
    assert ends == [[host, "SUCCESS", ACCOUNTS] for host in sorted(servers)]
    assert (people, accounts) == (ACCOUNTS, INSTANCES * ACCOUNTS)
