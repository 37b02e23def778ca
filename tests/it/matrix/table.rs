//! The expected status of each operation for an anonymous caller, the user who owns the resource,
//! another user, an artist and an administrator.

use super::Row;

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    // operation             anon  user other artist admin
    ("register",            [201, 201, 201, 201, 201]),
    ("login",               [200, 200, 200, 200, 200]),
    ("refreshTokens",             [200, 200, 200, 200, 200]), // a retry gets the same tokens
    ("logout",              [401, 204, 204, 204, 204]),
    ("getMe",               [401, 200, 200, 200, 200]),
    ("updateMe",            [401, 200, 200, 200, 200]),
    ("deleteMe",            [401, 204, 204, 204, 204]),
    ("listActivity",        [401, 200, 200, 200, 200]),
    ("listSessions",        [401, 200, 200, 200, 200]),
    ("revokeOtherSessions", [401, 204, 204, 204, 204]),
    ("revokeSession",       [401, 204, 404, 404, 404]),
    ("changePassword",      [401, 204, 204, 204, 204]),
    ("forgotPassword",      [202, 202, 202, 202, 202]),
    ("resetPassword",       [422, 422, 422, 422, 422]), // needs a mailed code
    ("verifyEmail",         [422, 422, 422, 422, 422]), // needs a mailed code
    ("resendVerification",  [401, 202, 202, 202, 202]),
    ("listFactors",         [401, 200, 200, 200, 200]),
    ("enrollTotp",           [401, 201, 201, 201, 201]),
    ("confirmTotp",         [401, 404, 404, 404, 404]), // no authenticator is pending
    ("removeTotp",          [401, 404, 404, 404, 404]),
    ("generateRecoveryCodes", [401, 404, 404, 404, 404]),
    ("verifyMfa",           [401, 401, 401, 401, 401]), // needs a challenge
    ("listUsers",           [401, 403, 403, 403, 200]),
    ("createUser",          [401, 403, 403, 403, 201]),
    ("getUser",             [401, 200, 404, 404, 200]),
    ("replaceUser",         [401, 403, 403, 403, 200]),
    ("updateUser",          [401, 200, 404, 404, 200]),
    ("deleteUser",          [401, 403, 403, 403, 204]),
    ("grantRole",           [401, 403, 403, 403, 200]),
    ("revokeRole",          [401, 403, 403, 403, 200]),
    ("disableUser",         [401, 403, 403, 403, 200]),
    ("enableUser",          [401, 403, 403, 403, 200]),
    ("unlockUser",          [401, 403, 403, 403, 204]),
    ("removeUserMfa",       [401, 403, 403, 403, 404]), // the user has no second factor
    ("revokeUserSessions",  [401, 403, 403, 403, 204]),
    ("createEvent",         [401, 202, 202, 202, 202]),
    ("listEvents",          [401, 200, 200, 200, 200]),
    ("listRecentEvents",    [401, 200, 200, 200, 200]),
    ("getEvent",            [401, 200, 404, 404, 200]),
    ("followEvents",        [401, 403, 403, 403, 200]),
    ("createReplay",         [401, 403, 403, 403, 202]),
    ("getReplay",          [401, 403, 403, 403, 404]),
    ("getTopEvents",           [401, 403, 403, 403, 200]),
    ("getUserEventCounts",       [401, 403, 403, 403, 200]),
    ("getEventTimeline",       [401, 403, 403, 403, 200]),
    ("introspectToken",          [401, 401, 401, 401, 401]), // only for configured clients
    ("revokeToken",              [401, 401, 401, 401, 401]),
    ("verifyRequest",              [401, 200, 200, 200, 200]),
    ("getAuthorizationServerMetadata", [200, 200, 200, 200, 200]),
    ("getOpenIdConfiguration", [200, 200, 200, 200, 200]),
    ("getJwks",             [200, 200, 200, 200, 200]),
    ("getHealth",           [200, 200, 200, 200, 200]),
    ("getReadiness",        [200, 200, 200, 200, 200]),
];
