"""An enterprise that is connected to a simulated GitHub, and what became of its syncs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import run_job, sync_now
from licensesync.simulated_github import SimulatedCloud, SimulatedGitHub, SimulatedServer, running
from licensesync.syncing.models import LicenseSyncJob, Trigger
from tests.flows.lists import new_enterprise


@dataclass
class Connected:
    """An enterprise whose servers and cloud are played."""

    enterprise: Enterprise
    played: SimulatedGitHub

    @property
    def cloud(self) -> SimulatedCloud:
        assert self.played.cloud
        return self.played.cloud

    @property
    def server(self) -> SimulatedServer:
        return self.played.servers[0]

    def deployment(self, of: SimulatedCloud | SimulatedServer) -> Deployment:
        return Deployment.objects.get(enterprise=self.enterprise, host=getattr(of, "host", ""))

    def request(self, of: SimulatedCloud | SimulatedServer, *, accept_shrink: bool = False) -> LicenseSyncJob:
        return sync_now.request_sync(self.deployment(of), trigger=Trigger.SYNC_NOW, accept_shrink=accept_shrink)

    def sync(self, of: SimulatedCloud | SimulatedServer, *, accept_shrink: bool = False) -> LicenseSyncJob:
        """Sync now, once taken up by a worker: a job that has to wait is given back by it."""
        job = self.request(of, accept_shrink=accept_shrink)
        run_job.run_job(job.pk)
        job.refresh_from_db()
        self.enterprise.refresh_from_db()
        return job


@contextmanager
def connected(played: SimulatedGitHub) -> Iterator[Connected]:
    """Play it, and connect a new enterprise to all of it. Loopback has to be allowed by the settings."""
    with running(played) as addresses:
        enterprise = new_enterprise()
        for server in played.servers:
            connections.connect(
                deployments.server_named(enterprise, server.host),
                url=addresses.servers[server.host],
                login=server.login,
                token=server.token,
                connected_by=None,
            )
        if cloud := played.cloud:
            connections.connect(
                deployments.cloud_of(enterprise),
                url=addresses.cloud,
                cloud_slug=cloud.slug,
                token=cloud.token,
                connected_by=None,
            )
        yield Connected(enterprise, played)
