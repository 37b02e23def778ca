// Logs in with the client of openapi-generator (typescript-fetch).
import { AccountApi, AuthenticationApi, Configuration, ResponseError } from './typescript-fetch/index.js';
import type { Problem, TokenResponse } from './typescript-fetch/index.js';
import { assert, baseUrl, email, password } from './support.js';

const authentication = new AuthenticationApi(new Configuration({ basePath: baseUrl }));
await authentication.register({ registerRequest: { email, password } });
const tokens: TokenResponse = await authentication.login({ loginRequest: { email, password } });
const account = new AccountApi(new Configuration({ basePath: baseUrl, accessToken: tokens.accessToken }));
const me = await account.getMe();
assert(me.email === email, me);
const activity = await account.listActivity({ limit: 1 });
assert(activity.events.length === 1 && activity.next, activity);
const refreshed = await authentication.refreshTokens({ refreshRequest: { refreshToken: tokens.refreshToken } });
assert(refreshed.user.id === me.id, refreshed);
const refused = await authentication.login({ loginRequest: { email, password: 'not the password' } }).catch((error) => error);
assert(refused instanceof ResponseError, refused);
const problem = (await refused.response.json()) as Problem;
assert(problem.code === 'invalid_credentials', problem);
await account.deleteMe({ passwordConfirmation: { password } });
