"""Queries as agents put them, by the method that they are meant for; `WRITTEN_BEFORE` stood before the routes were
tuned (24 of 41 right then, 40 now), `WRITTEN_AFTER` was written after it (28 of 34 at first sight, 33 once tuned on
it too), and on `WRITTEN_LAST` nothing was tuned (16 of 20)."""

WRITTEN_BEFORE = {
    "todo_search": [
        "which tasks are done",
        "show completed todos",
        "what is left to do",
        "what should I work on next",
        "anything urgent still open?",
        "did we finish the login ticket",
    ],
    "chat_history": [
        "what did the user say about dark mode",
        "our conversation yesterday about the release",
        "did anyone mention flaky tests?",
        "what have I told you about naming branches",
        "who suggested switching to Postgres",
        "what was my first message in this session",
    ],
    "graph_query": [
        "what depends on billing-service",
        "how are auth.py and session.py connected",
        "what would break if I remove the cache layer",
        "which documents reference the deployment guide",
        "neighbours of PaymentGateway",
    ],
    "code_patterns": [
        "function that parses ISO dates",
        "how did I fix the TypeError in the uploader",
        "python snippet for retrying requests with backoff",
        "code that failed with a KeyError",
        "show me the regex I wrote for email addresses",
        "earlier attempts at a binary search in rust",
    ],
    "blueprint_search": [
        "blueprint for the checkout rewrite",
        "which milestones are in the migration plan",
        "who is assigned to the payments subtasks",
        "how complex is the search refactoring estimated to be",
        "steps of the onboarding project plan",
    ],
    "semantic_search": [
        "API rate limit per key",
        "how do we deploy to staging",
        "why was Redis chosen over Memcached",
        "database password rotation policy",
        "what port does the test server use",
        "code review guidelines",
        "coding style for Go error messages",
        "where are the backups kept",
        "what is our plan tier at Cloudflare",
    ],
    "keyword_search": ['"connection reset by peer"', "ERR_TLS_CERT_ALTNAME_INVALID"],
    "recent_items": ["what changed since yesterday", "show the latest entries"],
}

WRITTEN_AFTER = {
    "todo_search": [
        "what have we finished so far",
        "list everything that is not done yet",
        "high priority items",
        "is upgrading the linter still on my list",
        "outstanding work",
    ],
    "chat_history": [
        "what did Priya say regarding the invoice format",
        "find the conversation where we picked a logo",
        "did I already tell you my time zone",
        "what was discussed about pricing",
    ],
    "graph_query": [
        "what uses the email-sender module",
        "which services would be hit by a change to user-profile",
        "what is order-api connected to",
        "show dependencies of checkout.ts",
    ],
    "code_patterns": [
        "code for merging two sorted lists",
        "previous attempt at parsing YAML in rust",
        "which implementation of debounce passed",
        "snippet that opens a websocket",
    ],
    "blueprint_search": [
        "what are the phases of the billing rewrite plan",
        "who was the login subtask assigned to",
        "complexity of the blueprint for search",
        "project plan for moving to Kubernetes",
    ],
    "semantic_search": [
        "how long are sessions valid",
        "which database does the reporting service use",
        "why did we drop support for Internet Explorer",
        "rules for commit messages",
        "test coverage threshold",
        "where is the API documentation hosted",
        "maximum upload size per file",
        "how does the nightly import handle duplicates",
        "name of the S3 bucket for images",
    ],
    "keyword_search": ['"out of memory"', "SESSION_COOKIE_SECURE"],
    "recent_items": ["what was added this week", "latest memories"],
}

WRITTEN_LAST = {
    "todo_search": ["which items did we close", "what still needs doing", "show my backlog"],
    "chat_history": ["what did Tom tell us about the outage", "did we talk about licences before"],
    "graph_query": ["what is related to invoice-worker", "who depends on libparse"],
    "code_patterns": ["function for converting celsius", "the code attempt with the TimeoutError"],
    "blueprint_search": ["milestones for the mobile app project", "blueprint of the import pipeline"],
    "semantic_search": [
        "session timeout for admins",
        "how are invoices numbered",
        "why is the build slow on Windows",
        "naming conventions for tables",
        "which region are the servers in",
        "error budget of the search service",
        "what does the client expect for accessibility",
    ],
    "keyword_search": ['"permission denied (publickey)"'],
    "recent_items": ["what is new"],
}
