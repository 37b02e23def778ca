//! GET and POST /users.

use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;

use crate::actions::users::create;
use crate::actions::users::list::{self, Filter, Page, Start};
use crate::domain::user::UserStatus;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::role::Role;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::cursor::{self, UserCursor};
use crate::http::dto::account::unknown_role;
use crate::http::dto::event_parameters::PageSize;
use crate::http::dto::user::UserBody;
use crate::http::dto::user_changes::{CreateUserRequest, ListedUser, UserList};
use crate::http::dto::user_parameters::{PageNumber, Search};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::etag;
use crate::http::fields::Fields;
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader};
use crate::http::middleware::RequestContext;
use crate::http::parameters::query::{ParameterNames, QueryParam};
use crate::http::payload::StrictJson;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::responses::{CreatedTagged, Success};
use crate::http::routes::Tag;

error_responses! { ListError: [BEARER, ALWAYS], [Forbidden, InvalidParameter] }
error_responses! {
    CreateError: [BODY, BEARER, IDEMPOTENCY, ALWAYS], [AnswerSpent, Forbidden, EmailTaken, UsernameTaken, RateLimited]
}

pub struct Users(pub Api);

#[OpenApi]
impl Users {
    /// List users
    ///
    /// Lists users, newest first, for administrators. `page` reaches the first 10 000 users; to
    /// reach all of them, send `next` of a page as `after` of the following request. Deleted users
    /// are listed only if `status` selects them.
    #[oai(path = "/users", method = "get", operation_id = "listUsers", tag = "Tag::Users")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Number of the page, from 1. Not together with `after`.
        page: Query<Option<QueryParam<PageNumber>>>,
        /// `next` of the previous page.
        after: Query<Option<QueryParam<UserCursor>>>,
        /// Users on a page.
        limit: Query<Option<QueryParam<PageSize>>>,
        /// Only users whose email address, username or name contains this text, regardless of case;
        /// 1 to 100 characters. One or two letters are found at the beginning of a word. Each
        /// Chinese, Japanese or Korean character counts as a word.
        search: Query<Option<QueryParam<Search>>>,
        /// Only users with this role.
        role: Query<Option<QueryParam<Role>>>,
        /// Only users with this status. Defaults to all but deleted users.
        status: Query<Option<QueryParam<UserStatus>>>,
        /// Only users with this account type.
        #[oai(name = "accountType")]
        account_type: Query<Option<QueryParam<AccountType>>>,
    ) -> Result<Success<UserList>, ListError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let filter = Filter {
            search: query.take("search", search).map(|search| search.0),
            role: query.take("role", role),
            status: query.take("status", status),
            account_type: query.take("accountType", account_type),
        };
        let page = query.take("page", page);
        let after = query.take("after", after);
        let limit = query.take("limit", limit).unwrap_or_default();
        let start = start(page, after, query.errors());
        let (filter, limit) = query.finish((filter, u64::from(limit.0)))?;
        let page = self.0.call(&context, |cx| list::run(cx, caller, filter, start, limit)).await?;
        Ok(Success::new(user_list(page, start, limit)))
    }

    /// Create a user
    ///
    /// Creates an account without logging in. For administrators. Records `auth.user.registered`
    /// with the administrator as its `actor`.
    ///
    /// With an `Idempotency-Key` the request can be repeated for a day: the same request gets the
    /// same user, as they are then. A repeated request with another password is refused and records
    /// `auth.user.reauthentication_failed`.
    #[oai(path = "/users", method = "post", operation_id = "createUser", tag = "Tag::Users")]
    async fn create(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// Makes the request idempotent: 1 to 255 visible ASCII characters, unique to this request,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<CreateUserRequest>,
    ) -> Result<CreatedTagged<UserBody>, CreateError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut input = body.0.parse()?;
        input.account.idempotency_key = key.0;
        let user = self.0.call(&context, |cx| create::run(cx, caller, input)).await?;
        let location = self.0.path_of(&format!("/users/{}", user.id));
        Ok(CreatedTagged::Created(Json(UserBody::from(&user)), etag::of(&user), location))
    }
}

fn start(page: Option<PageNumber>, after: Option<UserCursor>, fields: &mut Fields) -> Start {
    match (page, after) {
        (Some(_), Some(_)) => {
            let detail = "must not be given together with `page`";
            fields.refuse(FieldError::parameter("after", "exclusive", detail));
            Start::Page(1)
        }
        (page, None) => Start::Page(page.unwrap_or_default().0.into()),
        (None, Some(after)) => Start::After(after.0),
    }
}

fn user_list(page: Page, start: Start, limit: u64) -> UserList {
    let (current_page, has_prev_page) = match start {
        Start::Page(number) => (Some(number), number > 1),
        Start::After(_) => (None, true),
    };
    UserList {
        users: page.users.into_iter().map(listed_user).collect(),
        total_count: page.total,
        total_count_exact: page.total_is_exact,
        current_page,
        total_pages: page.total.div_ceil(limit),
        has_next_page: page.next.is_some(),
        has_prev_page,
        next: page.next.map(cursor::of_user),
        position: cursor::of_ledger(page.position),
    }
}

fn listed_user(listed: list::ListedUser) -> ListedUser {
    ListedUser { user: listed.user.into(), user_seq: listed.last_event.get() }
}

impl From<list::Refusal> for Problem {
    fn from(refusal: list::Refusal) -> Self {
        match refusal {
            list::Refusal::Forbidden => Self::new(ProblemCode::Forbidden),
            list::Refusal::TooFar => {
                let detail = "must lie within the first 10 000 users; use `after` to go further";
                FieldError::parameter("page", "too_far", detail).into()
            }
        }
    }
}

impl From<create::Refusal> for Problem {
    fn from(refusal: create::Refusal) -> Self {
        match refusal {
            create::Refusal::UnknownRole => unknown_role().at("/roles").into(),
            create::Refusal::Account(refusal) => refusal.into(),
            create::Refusal::Taken(taken) => taken.into(),
            create::Refusal::Key(refusal) => refusal.into(),
            create::Refusal::Admin(refusal) => refusal.into(),
        }
    }
}
