// Generated from the catalogue in the crate watchword-events. Do not edit; run `make generate`.

/**
 * The parsed body of a message in the stream `auth-events`.
 *
 * `switch (event.subject)` narrows it. Within a major version optional fields and further values of
 * enumerations may be added, and a newer service may publish events that are not listed here: ignore unknown
 * ones in the `default` branch.
 */
export type AuthEvent =
  | Registered
  | LoggedIn
  | LoggedOut
  | TokenRefreshed
  | Updated
  | EmailVerificationRequested
  | EmailVerified
  | PasswordChanged
  | PasswordResetRequested
  | PasswordResetCompleted
  | EmailChanged
  | UsernameChanged
  | RoleGranted
  | RoleRevoked
  | Disabled
  | Enabled
  | Unlocked
  | Deleted
  | LoginFailed
  | ReauthenticationFailed
  | RateLimited
  | ReplayStarted
  | SessionRevoked
  | TokenReuseDetected
  | MfaEnrolled
  | MfaRemoved
  | MfaChallenged
  | MfaVerified
  | MfaFailed
  | RecoveryCodesGenerated
  | RecoveryCodeUsed
  | Custom;

/** The subjects of all events. */
export type Subject = AuthEvent["subject"];

/** The event on a subject: `EventOf<"auth.user.logged_in">` is `LoggedIn`. */
export type EventOf<S extends Subject> = OfSubject<AuthEvent, S>;
type OfSubject<E, S> = E extends { subject: infer T } ? (S extends T ? E : never) : never;

/** Who acted, if it was not the user. */
export type Actor = {
  /** What kind of actor it is. */
  type: "user" | "admin" | "service" | "system" | (string & {});
  /** The actor's id among its kind: a user's id, or a service's client id. */
  id?: string;
};

/** Which service and request recorded the event. */
export type Metadata = {
  /** The name of the publishing service (`events.service`). */
  service: string;
  /** The version of the publishing service. */
  version: string;
  /** The environment of the publishing service (`events.environment`). */
  environment: string;
  /** The id of the HTTP request behind the event. */
  requestId?: string;
  /** The W3C `traceparent` of the request behind the event. */
  traceparent?: string;
  /** The URL of the message's JSON Schema. */
  dataschema?: string;
};

/** An account was created. If its owner registered it, the first session began. */
export interface Registered {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.registered";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The email address, as entered. Personal data. */
    email?: string;
    /** The username, if any. Personal data. */
    username?: string;
    /** The display name, if any. Personal data. */
    name?: string;
    /** One of the account types in the service's configuration. */
    accountType: string;
    /** The account's initial roles. */
    roles: Array<string>;
    /** The account's status. */
    status: "active" | "disabled" | "deleted" | (string & {});
    /** Whether the email address is verified. */
    emailVerified: boolean;
    /** The profile, if it has fields. Personal data. */
    profile?: Record<string, unknown>;
    /** The first session. This and the following fields are absent when none began. */
    sessionId?: string;
    /** The client's IP address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
    /** As in `logged_in`. */
    method?: "password" | (string & {});
    /** As in `logged_in`. */
    amr?: Array<"pwd" | "otp" | "mfa" | (string & {})>;
    /** When the session ends, however often it is refreshed. */
    expiresAt?: string;
    /** When the session ends unless it is refreshed before; never later than `expiresAt`. */
    idleExpiresAt?: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A user logged in, and a session began. */
export interface LoggedIn {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.logged_in";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The new session. */
    sessionId: string;
    /** The account's email address. Personal data. */
    email?: string;
    /** The client's IP address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
    /** How the user logged in. */
    method: "password" | (string & {});
    /** The authentication methods that were verified (RFC 8176). */
    amr: Array<"pwd" | "otp" | "mfa" | (string & {})>;
    /** When the session ends, however often it is refreshed. */
    expiresAt: string;
    /** When the session ends unless it is refreshed before; never later than `expiresAt`. */
    idleExpiresAt: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A user ended one or more sessions. */
export interface LoggedOut {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.logged_out";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The session that made the request. With scope `others` it stays active. */
    sessionId: string;
    /** Which sessions were to end. */
    scope: "local" | "others" | "global" | (string & {});
    /** The sessions that ended, oldest first. Those beyond 100 follow in `session_revoked`. */
    endedSessionIds: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A refresh token was exchanged for a new one. */
export interface TokenRefreshed {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.token_refreshed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The session of the token. */
    sessionId: string;
    /** The generation of the new refresh token. */
    generation: number;
    /** When the session ends unless it is refreshed before; never later than `expiresAt`. */
    idleExpiresAt: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The account's name, type or profile changed. */
export interface Updated {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.updated";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The names of the fields that changed. One whose value is absent was removed, or is personal data that `events.pii` leaves out. */
    changedFields: Array<"name" | "accountType" | "profile" | (string & {})>;
    /** The new display name. Personal data. */
    name?: string;
    /** The new account type. */
    accountType?: string;
    /** The whole profile as it is now. Personal data. */
    profile?: Record<string, unknown>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The user requested another verification mail. */
export interface EmailVerificationRequested {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.email_verification_requested";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The user verified the account's email address. */
export interface EmailVerified {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.email_verified";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** Whether the email address is verified now. */
    emailVerified: boolean;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The password was changed. All sessions of the account ended. */
export interface PasswordChanged {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.password_changed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow in `session_revoked`. */
    endedSessionIds?: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A client requested a password reset. `userId` is present only if the account is known. */
export interface PasswordResetRequested {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.password_reset_requested";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId?: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq?: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** A keyed hash of the submitted address, by which requests can be counted. */
    identifierHash: string;
    /** The client's IP address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The password was reset, with a mailed code or by the operator. All sessions of the account ended. */
export interface PasswordResetCompleted {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.password_reset_completed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow in `session_revoked`. */
    endedSessionIds?: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The account's email address changed. */
export interface EmailChanged {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.email_changed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The previous address. Personal data; only in the profile `full`. */
    previousEmail?: string;
    /** The new address. Personal data. */
    email?: string;
    /** Whether the new address is verified. */
    emailVerified: boolean;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The account's username was set, changed or removed. */
export interface UsernameChanged {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.username_changed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The previous username, if any. Personal data; only in the profile `full`. */
    previousUsername?: string;
    /** The new username; absent when it was removed. Personal data. */
    username?: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A role was granted to the account. */
export interface RoleGranted {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.role_granted";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The granted role. */
    role: string;
    /** All roles of the account now. */
    roles: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A role of the account was revoked. */
export interface RoleRevoked {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.role_revoked";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The revoked role. */
    role: string;
    /** All roles of the account now. */
    roles: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The account was disabled. All its sessions ended. */
export interface Disabled {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.disabled";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** Who disabled the account. */
    reason: "admin" | (string & {});
    /** The account's status now. */
    status: "active" | "disabled" | "deleted" | (string & {});
    /** The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow in `session_revoked`. */
    endedSessionIds?: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A disabled account was enabled. */
export interface Enabled {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.enabled";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** Who enabled the account. */
    reason: "admin" | "operator" | (string & {});
    /** The account's status now. */
    status: "active" | "disabled" | "deleted" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The account's login rate limit was reset. */
export interface Unlocked {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.unlocked";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** Why the limit was reset. */
    reason: "admin" | "operator" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The account was deleted. All its sessions ended. */
export interface Deleted {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.deleted";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** Who deleted the account. */
    reason: "user" | "admin" | (string & {});
    /** The account's status now. */
    status: "active" | "disabled" | "deleted" | (string & {});
    /** The sessions that ended, oldest first; absent when there were none. Those beyond 100 follow in `session_revoked`. */
    endedSessionIds?: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A login was refused. `userId` is present only if the account is known. */
export interface LoginFailed {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.login_failed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId?: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq?: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** A keyed hash of the submitted identifier, by which attempts can be counted. */
    identifierHash: string;
    /** Why the password was refused. The client never learns it; a wrong second factor is `mfa_failed`. */
    reason: "unknown_account" | "wrong_password" | "disabled" | (string & {});
    /** The client's IP address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** An operation required the password again, and it was wrong. Nothing was changed. */
export interface ReauthenticationFailed {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.reauthentication_failed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The operation that was refused. */
    operation: "delete_account" | "change_password" | "enroll_totp" | "remove_totp" | "generate_recovery_codes" | "repeat_registration" | "repeat_user_creation" | (string & {});
    /** Why it was refused. */
    reason: "wrong_password" | (string & {});
    /** The user's session that made the request. Absent when no session of the user did. */
    sessionId?: string;
    /** A keyed hash of the account's email address, the same as in `login_failed` and `rate_limited`. */
    identifierHash: string;
    /** The client's IP address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** Requests were refused by a rate limit. One event covers about a minute of one limiter and key, and is about no account. */
export interface RateLimited {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.system.rate_limited";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId?: string;
    /** When the event happened. */
    timestamp: string;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The limiter, as in the header `RateLimit-Policy`: `login`, `login_account`, `register`, … */
    limiter: string;
    /** The client's IP address, if all requests came from one. Personal data. */
    ip?: string;
    /** A keyed hash of the submitted identifier, if the limiter counts by it. */
    identifierHash?: string;
    /** The seconds that the last refused request was told to wait. */
    retryAfter: number;
    /** The number of refused requests. */
    count: number;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A replay of events was started. It is about no account; `actor` is the administrator, or the service `operator`. */
export interface ReplayStarted {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.system.replay_started";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId?: string;
    /** When the event happened. */
    timestamp: string;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The replay's id. */
    replayId: string;
    /** The name of the replay. */
    name: string;
    /** Who gets the events. */
    target: "replays" | "everyone" | (string & {});
    /** Only what happened at this moment or later is replayed. */
    from?: string;
    /** Only what happened before this moment is replayed. */
    to?: string;
    /** Only events of these subjects are replayed; absent when all are. */
    subjects?: Array<string>;
    /** Only events about these users are replayed; absent when all are. */
    userIds?: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** Sessions were revoked. Their tokens are no longer accepted. */
export interface SessionRevoked {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.session_revoked";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The session, if only one was revoked. */
    sessionId?: string;
    /** Why the sessions were revoked. */
    reason: "logout" | "admin" | "password_change" | "password_reset" | "disabled" | "deleted" | "limit" | (string & {});
    /** The sessions that ended, oldest first. Those beyond 100 follow in further events. */
    endedSessionIds: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A refresh token was presented again after its exchange, and its session was revoked. */
export interface TokenReuseDetected {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.token_reuse_detected";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The session of the token. */
    sessionId: string;
    /** The generation of the presented token. */
    presentedGeneration: number;
    /** The current generation. */
    currentGeneration: number;
    /** How the service responded. */
    action: "session_revoked" | (string & {});
    /** The session that ended. */
    endedSessionIds: Array<string>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A second factor was activated. Logins require it from now on. */
export interface MfaEnrolled {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.mfa_enrolled";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A second factor was removed. Logins require only the password again. */
export interface MfaRemoved {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.mfa_removed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The password of a login was correct, and the second factor was requested. */
export interface MfaChallenged {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.mfa_challenged";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The second factor of a login was correct. */
export interface MfaVerified {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.mfa_verified";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** The second factor of a login was wrong. */
export interface MfaFailed {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.mfa_failed";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** New recovery codes replaced the old ones. */
export interface RecoveryCodesGenerated {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.recovery_codes_generated";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** A login used a recovery code. */
export interface RecoveryCodeUsed {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: "auth.user.recovery_code_used";
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** The event's number among what happened to the account: from 1, without gaps, in commit order. Events of applications have none. */
    userSeq: number;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The factor's id. */
    factorId: string;
    /** The factor's type. */
    factorType: "totp" | "recovery_code" | (string & {});
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}

/** An application recorded an event of its own about its user. */
export interface Custom {
  /** The event's UUIDv7, also `Nats-Msg-Id` and `ce-id`. Deduplicate by it. */
  id: string;
  /** The event's name. A message is published on the subject of this name; a replay, or an import from another account of NATS, may deliver it on another one. */
  subject: `auth.custom.${string}`;
  /** The major version of this schema, also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** The event's fields. */
  data: {
    /** The account that the event is about. */
    userId: string;
    /** When the event happened. */
    timestamp: string;
    /** Who acted, if it was not the user. */
    actor?: Actor;
    /** The application's name for it, also the last token of the subject: a lower-case letter, then up to 63 lower-case letters, digits, `_` or `-`. */
    name: string;
    /** At most 32 keys over all depths and 4 KiB of compact JSON. May hold personal data. */
    attributes?: Record<string, unknown>;
  };
  /** Which service and request recorded the event. */
  metadata: Metadata;
}
