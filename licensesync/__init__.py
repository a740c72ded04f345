"""LicenseSync: every consumed license of a GitHub enterprise in one place, each person once, with the reason why.

The house, from the street to the cellar; imports go only downwards (checked by `lint-imports`):

    config            settings, celery, urls, wsgi; the commands of `manage.py`; how the programs run, backups
    simulated_github  a GitHub to try LicenseSync with; it and the example know nothing of the product
    demo              the example enterprise of `up --demo`, as files in the formats that GitHub writes
    web               the browser's edge: pages and forms
    api               the scripts' edge: REST under /api/v3, a drop-in for GitHub's licensing endpoints
    operations        who is at work, and whether all is well: for probes, metrics, `doctor` and the operator's page
    flows             one module per story, and the queue between who asks and who works
    syncing           the uploaded file and the job: their rows and the moves between their states
    licenses          the consumed licenses (the read model), usage history, report rows
    usage             what each deployment last reported: server user accounts, cloud users
    enterprises       enterprise, members and roles, deployments, tokens; who may see what
    users             who signs in
    feeds             PURE: bytes in, typed records out
    matching          PURE: records in, matches out, each with its reason
    github            PURE: what is said to a GitHub server or cloud, and how what went wrong is called
    errors            the expected errors: a code and a sentence

The stories, each told from top to bottom: a file arrives (`flows/receive_usage.py`) and becomes a job or a question
(`flows/decide.py`), or somebody clicks Sync now (`flows/sync_now.py`); a worker takes the job (`flows/run_job.py`) and
its list in (`flows/take_in.py`), and everybody is counted again (`flows/consolidate.py`).

This module holds no code, so that the pure rooms import without Django.
"""
