// Logs in with the client of orval (fetch).
import { deleteMe, getMe, listActivity, login, refreshTokens, register } from './orval/api.js';
import type { Problem, TokenResponse } from './orval/api.js';
import { assert, baseUrl, email, password } from './support.js';

// The client sends requests to paths of the page's own host; the service has another address.
const { fetch } = globalThis;
globalThis.fetch = (path, options) => fetch(`${baseUrl}${path}`, options);

const registered = await register({ email, password });
assert(registered.status === 201, registered.data);
const loggedIn = await login({ email, password });
assert(loggedIn.status === 200, loggedIn.data);
const tokens: TokenResponse = loggedIn.data;
const authorized = { headers: { authorization: `Bearer ${tokens.accessToken}` } };
const me = await getMe(authorized);
assert(me.status === 200 && me.data.email === email, me.data);
const activity = await listActivity({ limit: 1 }, authorized);
assert(activity.status === 200 && activity.data.events.length === 1 && activity.data.next, activity.data);
const refreshed = await refreshTokens({ refreshToken: tokens.refreshToken });
assert(refreshed.status === 200 && refreshed.data.user.id === me.data.id, refreshed.data);
const refused = await login({ email, password: 'not the password' });
assert(refused.status === 401, refused.data);
const problem: Problem = refused.data;
assert(problem.code === 'invalid_credentials', problem);
const deleted = await deleteMe({ password }, authorized);
assert(deleted.status === 204, deleted.data);
