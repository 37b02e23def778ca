// Generated from the catalogue in the crate watchword-events. Do not edit; run `make generate`.

/**
 * What stands in a message of the stream `auth-events`, parsed.
 *
 * `switch (event.subject)` narrows it. Within a major version optional fields may be added, and a newer service may publish
 * events that are not listed here: let the `default` branch pass over what it does not know.
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
  | RateLimited
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

/** The event that is published on a subject: `EventOf<"auth.user.logged_in">` is `LoggedIn`. */
export type EventOf<S extends Subject> = Extract<AuthEvent, { subject: S }>;

/** Who did it, when it was not the user. */
export type Actor = {
  type: "user";
  /** The user's id. */
  id: string;
} | {
  type: "admin";
  /** The administrator's user id. */
  id: string;
} | {
  type: "service";
  /** The service's client id. */
  id: string;
} | {
  type: "system";
};

/** Where the event comes from. */
export type Metadata = {
  /** The name of the publishing service (`events.service`). */
  service: string;
  /** The version of the publishing service. */
  version: string;
  /** The environment it runs in (`events.environment`). */
  environment: string;
  /** The id of the HTTP request that caused the event. */
  requestId?: string;
  /** The W3C `traceparent` of the request that caused the event. */
  traceparent?: string;
  /** Where the JSON Schema of the message is. */
  dataschema?: string;
};

/** A new account exists. */
export interface Registered {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.registered";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The address as the person gave it. Personal data. */
    email?: string;
    /** The chosen login name, if any. Personal data. */
    username?: string;
    /** The display name, if any. Personal data. */
    name?: string;
    /** One of the account types the service is configured with. */
    accountType: string;
    /** The roles the account starts with. */
    roles: Array<string>;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** Credentials were accepted and a session began. */
export interface LoggedIn {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.logged_in";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The session that began. */
    sessionId: string;
    /** The account's address. Personal data. */
    email?: string;
    /** The client's address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
    /** How the person logged in. */
    method: "password" | "passkey" | "federated";
    /** What was checked, in RFC 8176 terms. */
    amr: Array<"pwd" | "otp" | "mfa" | "hwk" | "swk" | "sms" | "user">;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The person ended one or more sessions. */
export interface LoggedOut {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.logged_out";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The session that asked; with scope `others` it is the one that goes on. */
    sessionId: string;
    /** Which sessions ended. */
    scope: "local" | "others" | "global";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A refresh token was exchanged for its successor. */
export interface TokenRefreshed {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.token_refreshed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The session that goes on. */
    sessionId: string;
    /** The generation of the refresh token that was issued. */
    generation: number;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account's own data changed. */
export interface Updated {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.updated";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Which fields changed: their names, never their values. */
    changedFields: Array<"email" | "username" | "name" | "accountType" | "profile">;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The person asked for another mail to confirm the address. */
export interface EmailVerificationRequested {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.email_verification_requested";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The person confirmed the account's address. */
export interface EmailVerified {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.email_verified";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The password was changed; every session of the account ended. */
export interface PasswordChanged {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.password_changed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** Somebody asked for a new password; `userId` is present only when the account is known. */
export interface PasswordResetRequested {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.password_reset_requested";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId?: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq?: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Stands for the address that was typed, so that requests can be counted. */
    identifierHash: string;
    /** The client's address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A new password was set with a mailed code; every session of the account ended. */
export interface PasswordResetCompleted {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.password_reset_completed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account's address changed. */
export interface EmailChanged {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.email_changed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The address before. Personal data; only in the profile `full`. */
    old?: string;
    /** The address now. Personal data; only in the profile `full`. */
    new?: string;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account's login name was set, changed or removed. */
export interface UsernameChanged {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.username_changed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The name before, if there was one. Personal data; only in the profile `full`. */
    old?: string;
    /** The name now, if there is one. Personal data; only in the profile `full`. */
    new?: string;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account may do something more. */
export interface RoleGranted {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.role_granted";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The role. */
    role: string;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account may do something no more. */
export interface RoleRevoked {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.role_revoked";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The role. */
    role: string;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account may not log in, and every session of it has ended. */
export interface Disabled {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.disabled";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Who decided it. */
    reason: "admin" | "security";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A disabled account may log in again. */
export interface Enabled {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.enabled";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Who decided it. */
    reason: "admin";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** Failed logins no longer count against the account. */
export interface Unlocked {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.unlocked";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Why. */
    reason: "admin" | "password_reset" | "expired";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The account was deleted. */
export interface Deleted {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.deleted";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Who decided it. */
    reason: "user" | "admin";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A login was refused; `userId` is present only when the account is known. */
export interface LoginFailed {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.login_failed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId?: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq?: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Stands for the identifier that was typed, so that attempts can be counted. */
    identifierHash: string;
    /** Why it was refused. The client is never told. */
    reason: "unknown_account" | "wrong_password" | "disabled" | "locked" | "mfa";
    /** The client's address. Personal data. */
    ip?: string;
    /** The client's User-Agent. Personal data. */
    userAgent?: string;
    /** Failures in a row for this identifier, this one included. */
    attempts?: number;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** Tries were refused for being too many; about a minute of one limiter and key, never about a known account. */
export interface RateLimited {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.rate_limited";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId?: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq?: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** Which limiter refused, as in the header `RateLimit-Policy`: `login`, `login_account`, `register`, … */
    limiter: string;
    /** The client's address, when all tries came from one. Personal data. */
    ip?: string;
    /** Stands for the identifier that was typed, where the limiter counts by it. */
    identifierHash?: string;
    /** Seconds that the last one was told to wait. */
    retryAfter: number;
    /** How many tries were refused. */
    count: number;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A session was ended before its time; its tokens are no longer accepted. */
export interface SessionRevoked {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.session_revoked";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The session that ended. */
    sessionId: string;
    /** Why it ended. */
    reason: "logout" | "admin" | "password_change" | "password_reset" | "reuse" | "disabled" | "deleted" | "expired" | "limit";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A refresh token that was already exchanged came back, and its session was revoked. */
export interface TokenReuseDetected {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.token_reuse_detected";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The session the token belongs to. */
    sessionId: string;
    /** The generation of the token that came back. */
    presentedGeneration: number;
    /** The generation that was current. */
    currentGeneration: number;
    /** What the service did about it. */
    action: "session_revoked";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A second factor is in use: logins need it from now on. */
export interface MfaEnrolled {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.mfa_enrolled";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A second factor was given up: logins need the password alone again. */
export interface MfaRemoved {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.mfa_removed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A login's password was right, and the second factor was asked for. */
export interface MfaChallenged {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.mfa_challenged";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The second factor of a login was right. */
export interface MfaVerified {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.mfa_verified";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** The second factor of a login was wrong. */
export interface MfaFailed {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.mfa_failed";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** New recovery codes took the place of the old ones. */
export interface RecoveryCodesGenerated {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.recovery_codes_generated";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** A login used up a recovery code. */
export interface RecoveryCodeUsed {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.recovery_code_used";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The factor. */
    factorId: string;
    /** What it is. */
    factorType: "totp" | "webauthn" | "recovery_code";
  };
  /** Where the event comes from. */
  metadata: Metadata;
}

/** An application recorded something of its own about its user. */
export interface Custom {
  /** UUIDv7; also `Nats-Msg-Id` and `ce-id`. Recognise repeated messages by it. */
  id: string;
  /** The subject the event is published on. */
  subject: "auth.user.custom";
  /** The major version of this schema; also the `.vN` of `ce-type`. */
  schemaVersion: 1;
  /** What happened. */
  data: {
    /** The account the event is about. */
    userId: string;
    /** When it happened. */
    timestamp: string;
    /** Counts the account's events from 1, without gaps, in the order they were committed. */
    userSeq: number;
    /** Who did it, when it was not the user. */
    actor?: Actor;
    /** The application's name for what happened: a letter, then up to 63 letters, digits, `_`, `-` or `.`. */
    name: string;
    /** What the application says about it: at most 32 keys at all depths together, and 4 KiB of compact JSON. May hold personal data. */
    attributes?: Record<string, unknown>;
  };
  /** Where the event comes from. */
  metadata: Metadata;
}
