// Lists all licenses with Octokit as everybody has it: the base URL is the only thing that differs from GitHub.
import { Octokit } from "@octokit/core";
import { paginateRest } from "@octokit/plugin-paginate-rest";

const [baseUrl, enterprise] = process.argv.slice(2);
const octokit = new (Octokit.plugin(paginateRest))({ baseUrl, auth: process.env.LICENSESYNC_TOKEN });

const consumed = "GET /enterprises/{enterprise}/consumed-licenses";
const first = await octokit.request(consumed, { enterprise });
const unchanged = await octokit
  .request(consumed, { enterprise, headers: { "if-none-match": first.headers.etag } })
  .catch((error) => error);
const users = await octokit.paginate(consumed, { enterprise, per_page: 100 }, (answer) => answer.data.users);
const licenses = await octokit.paginate("GET /enterprises/{enterprise}/licenses", { enterprise, per_page: 100 });
const missing = await octokit.request(consumed, { enterprise: "nowhere" }).catch((error) => error);

console.log(
  JSON.stringify({
    total: first.data.total_seats_consumed,
    purchased: first.data.total_seats_purchased,
    first: first.data.users.length,
    unchanged: unchanged.status,
    users,
    licenses: licenses.length,
    missing: [missing.status, missing.message],
  }),
);
