//! Parameters of paths. poem-openapi numbers them, so its errors do not have their names.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use uuid::Uuid;

use super::Parameter;
use crate::domain::user::role::Role;
use crate::http::problem::Problem;

/// A value that a part of a path can have.
pub trait PathParameter: Parameter {
    /// The name in the path of every operation.
    const NAME: &'static str;
}

impl PathParameter for Uuid {
    const NAME: &'static str = "id";
}

impl PathParameter for Role {
    const NAME: &'static str = "role";
}

/// A part of the path. poem-openapi recognizes the parameters of a path by the name of this type.
///
/// Malformed: 400 `invalid_parameter`.
pub struct Path<T>(pub T);

impl<'a, T: PathParameter> ApiExtractor<'a> for Path<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let text = request.raw_path_param(options.name).unwrap_or_default();
        let value = T::parse(text).map_err(|error| Problem::from(error.of_parameter(T::NAME)))?;
        Ok(Self(value))
    }
}
