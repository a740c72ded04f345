"""Everything that is said to a GitHub Enterprise Server or to GitHub Enterprise Cloud. PURE: no Django, no database.

    server, cloud   the questions: version, license, report of all users; consumed licenses page by page
    identities      one more for the cloud: its linked identities, by GraphQL
    checks          Test connection: every step of the way by itself, each with its outcome
    answers         what GitHub's answers mean: statuses, rate limits, sign-in pages
    transport       one guarded call: redirects, time-outs, sizes
    rest            GitHub’s APIs: who asks, and typed answers
    addresses       addresses as owners type them
    network         names to checked addresses, connections to exactly those
    certificates    whom to trust, and what a certificate says
    rules           where calls may go
    numbers         numbers as another machine writes them
    moments         times as another machine writes them
    failures        what a call can end with besides its answer

Who calls decides about trying again, waiting, storing and showing.
"""
