//! GET and POST /users.

use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::actions::accounts::register;
use crate::actions::users::list::{self, Filter, Place};
use crate::actions::users::{admin_guard, create};
use crate::domain::user::UserStatus;
use crate::domain::user::account::{AccountType, Role};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::account::{profile_problem, unknown_role};
use crate::http::dto::user::{Fields, UserBody, field_error};
use crate::http::dto::user_changes::{NewUser, UserList};
use crate::http::dto::user_parameters::{PageNumber, PageSize, Search};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::etag;
use crate::http::idempotency::{self, IDEMPOTENCY, IdempotencyHeader};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::query::{ParameterNames, QueryParam};
use crate::http::routes::Tag;

/// Users.
#[derive(ApiResponse)]
enum Listed {
    /// The users that were asked for.
    #[oai(status = 200)]
    Ok(Json<UserList>),
}

/// A new account.
#[derive(ApiResponse)]
enum Created {
    /// The account exists, and so does its event. Nobody is signed in.
    #[oai(status = 201)]
    Created(
        Json<UserBody>,
        /// The version of the user, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

error_responses! {
    /// Why there is no list.
    ListError: [BEARER, ALWAYS], [Forbidden, ValidationFailed]
}
error_responses! {
    /// Why there is no new account.
    CreateError: [BODY, BEARER, IDEMPOTENCY, ALWAYS], [AnswerSpent, Forbidden, EmailTaken, UsernameTaken, RateLimited]
}
/// The resource.
pub struct Users(pub Api);

#[OpenApi]
impl Users {
    /// List users
    ///
    /// Newest first, for administrators. `page` leads through the first 10 000 users, `next` of a page as the next one's `after`
    /// through all of them. Deleted users are listed when `status` asks for them.
    #[oai(path = "/users", method = "get", operation_id = "listUsers", tag = "Tag::Users")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// The number of the page, from 1. Not together with `after`.
        page: Query<Option<QueryParam<PageNumber>>>,
        /// `next` of the page before.
        after: Query<Option<QueryParam<Uuid>>>,
        /// Users on a page.
        limit: Query<Option<QueryParam<PageSize>>>,
        /// Only users with this in their address, username or a name, regardless of case; at least 3 characters.
        search: Query<Option<QueryParam<Search>>>,
        /// Only users with this role.
        role: Query<Option<QueryParam<Role>>>,
        /// Only users in this state; without it, all but deleted ones.
        status: Query<Option<QueryParam<UserStatus>>>,
        /// Only accounts of this type.
        #[oai(name = "accountType")]
        account_type: Query<Option<QueryParam<AccountType>>>,
    ) -> Result<Listed, ListError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        let known = ["page", "after", "limit", "search", "role", "status", "accountType"];
        names.reject_unknown(&known, &mut fields);
        let filter = Filter {
            search: QueryParam::value(search.0, "search", &mut fields).map(|search| search.0),
            role: QueryParam::value(role.0, "role", &mut fields),
            status: QueryParam::value(status.0, "status", &mut fields),
            account_type: QueryParam::value(account_type.0, "accountType", &mut fields),
        };
        let page = QueryParam::value(page.0, "page", &mut fields);
        let after = QueryParam::value(after.0, "after", &mut fields);
        let limit = PageSize::or_default(QueryParam::value(limit.0, "limit", &mut fields));
        let place = match (page, after) {
            (Some(_), Some(_)) => {
                let detail = "must not be given together with `page`";
                fields.refuse(FieldError::new("/after", "exclusive", detail));
                Place::Page(1)
            }
            (page, None) => Place::Page(page.map_or(1, |page| page.0)),
            (None, Some(after)) => Place::After(after.into()),
        };
        let filter = fields.finish(Some(filter))?;
        let work = self.0.run(&context, |auth, _| async move {
            list::run(&auth, &identity, filter, place, limit).await
        });
        let found = work.await?.map_err(|error| match error {
            list::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
            list::Error::TooFar => too_far(),
            list::Error::Failure(error) => failure(error),
        })?;
        Ok(Listed::Ok(Json(list(&found, place, limit))))
    }

    /// Make an account
    ///
    /// For administrators. Records `auth.user.registered` with the administrator as its `actor`.
    ///
    /// With an `Idempotency-Key` it can be sent again for a day: the same request gets the same account, as it is then. Another password
    /// than the account's is refused, and records `auth.user.login_failed`.
    #[oai(path = "/users", method = "post", operation_id = "createUser", tag = "Tag::Users")]
    async fn create(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// Makes the request one that can be repeated: 1 to 255 visible ASCII characters that no other request has, such as a UUID.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<NewUser>,
    ) -> Result<Created, CreateError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut input = body.0.parse()?;
        input.account.idempotency_key = key.0;
        let work = self.0.run(&context, |auth, origin| async move {
            create::run(&auth, &origin, &identity, input).await
        });
        let user = work.await?.map_err(|error| match error {
            create::Error::UnknownRole => Problem::validation(vec![unknown_role("/roles")]),
            create::Error::Account(error) => not_registered(error),
            create::Error::Refused(error) => refused(error),
        })?;
        Ok(Created::Created(Json(UserBody::from(&user)), etag::of(&user)))
    }
}

fn list(found: &list::Page, place: Place, limit: u64) -> UserList {
    let (current_page, has_prev_page) = match place {
        Place::Page(number) => (Some(number), number > 1),
        Place::After(_) => (None, true),
    };
    UserList {
        users: found.users.iter().map(UserBody::from).collect(),
        total_count: found.total,
        total_count_exact: found.total_is_exact,
        current_page,
        total_pages: found.total.div_ceil(limit),
        has_next_page: found.next.is_some(),
        has_prev_page,
        next: found.next.map(|next| next.as_uuid()),
    }
}

fn too_far() -> Problem {
    Problem::validation(vec![FieldError::new(
        "/page",
        "too_far",
        "leads no further than 10 000 users: go on with `after`",
    )])
}

/// Why somebody has no account.
pub(in crate::http::routes) fn not_registered(error: register::Error) -> Problem {
    match error {
        register::Error::Password(error) => Problem::validation(vec![field_error("/password", error)]),
        register::Error::ProfileError(error) => profile_problem(&error),
        register::Error::EmailTaken => Problem::new(ProblemCode::EmailTaken),
        register::Error::UsernameTaken => Problem::new(ProblemCode::UsernameTaken),
        register::Error::Key(error) => idempotency::refused(error),
        register::Error::Failure(error) => failure(error),
    }
}

/// Why an administrator's change was not made.
pub(in crate::http::routes) fn refused(error: admin_guard::Error) -> Problem {
    match error {
        admin_guard::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
        admin_guard::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
        admin_guard::Error::NotFound => Problem::new(ProblemCode::NotFound),
        admin_guard::Error::Stale => Problem::new(ProblemCode::PreconditionFailed),
        admin_guard::Error::LastAdministrator => Problem::new(ProblemCode::LastAdministrator),
        admin_guard::Error::Failure(error) => failure(error),
    }
}
