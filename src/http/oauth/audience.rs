//! The audience of a token: a text for one service, an array for several (RFC 7519 section 4.1.3).

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

/// The services that a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience(pub Vec<String>);

impl Type for Audience {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;

    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "audience".into()
    }

    /// poem-openapi's `Union` would add the type `object`.
    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            one_of: vec![String::schema_ref(), Vec::<String>::schema_ref()],
            ..MetaSchema::ANY
        }))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromJSON for Audience {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(one)) => Ok(Self(vec![one])),
            value => Ok(Self(Vec::parse_from_json(value).map_err(|error| error.propagate())?)),
        }
    }
}

impl ToJSON for Audience {
    fn to_json(&self) -> Option<Value> {
        match self.0.as_slice() {
            [one] => one.to_json(),
            _ => self.0.to_json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_service_is_a_text_and_several_are_an_array() {
        for written in [json!("orders"), json!(["orders", "billing"]), json!([])] {
            let read = Audience::parse_from_json(Some(written.clone())).expect("an audience");
            assert_eq!(read.to_json(), Some(written));
        }
        assert!(Audience::parse_from_json(Some(json!(1))).is_err());
    }
}
