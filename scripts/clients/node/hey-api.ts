// Logs in with the client of @hey-api/openapi-ts.
import { client } from './hey-api/client.gen.js';
import { deleteMe, getMe, listActivity, login, refreshTokens, register } from './hey-api/sdk.gen.js';
import type { Problem, TokenResponse } from './hey-api/types.gen.js';
import { assert, baseUrl, email, password } from './support.js';

client.setConfig({ baseUrl });
const registered = await register({ body: { email, password } });
assert(registered.data, registered.error);
const loggedIn = await login({ body: { email, password } });
const tokens: TokenResponse | undefined = loggedIn.data;
assert(tokens, loggedIn.error);
client.setConfig({ baseUrl, auth: tokens.accessToken });
const me = await getMe();
assert(me.data?.email === email, me.error);
const activity = await listActivity({ query: { limit: 1 } });
assert(activity.data?.events.length === 1 && activity.data.next, activity.error);
const refreshed = await refreshTokens({ body: { refreshToken: tokens.refreshToken } });
assert(refreshed.data?.user.id === me.data.id, refreshed.error);
const refused = await login({ body: { email, password: 'not the password' } });
const problem: Problem | undefined = refused.error;
assert(problem?.code === 'invalid_credentials', refused.data);
const deleted = await deleteMe({ body: { password } });
assert(deleted.response?.status === 204, deleted.error);
