"""A GitHub to try LicenseSync with: Enterprise Servers and an Enterprise Cloud that answer on loopback as documented.

For laptops and tests only: nothing of the product starts it but `manage.py simulate_github` and `up --demo`, and it
listens on loopback alone. It knows GitHub's public words and nothing of our own client, so that both can be wrong
only independently. Sources are named where a behaviour is played.

`enterprise_server`, `enterprise_cloud` and its `linked_identities` are what is played, `exchange` what they have in
common, `trouble` what can go wrong on demand, `worlds` has whom they know, `listening` puts it all on sockets,
`control` is the path `/_simulator` by which another process directs the play.
"""

from licensesync.simulated_github.enterprise_cloud import SimulatedCloud
from licensesync.simulated_github.enterprise_server import ReportedUser, SimulatedServer
from licensesync.simulated_github.listening import Addresses, SimulatedGitHub, running
from licensesync.simulated_github.trouble import Trouble

__all__ = [
    "Addresses",
    "ReportedUser",
    "SimulatedCloud",
    "SimulatedGitHub",
    "SimulatedServer",
    "Trouble",
    "running",
]
