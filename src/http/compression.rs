//! Compresses answers with gzip for clients that accept it (RFC 9110 section 12.5.3).
//!
//! Only answers to GET are compressed. Tokens and secrets are in answers to POST alone, so that the
//! length of a compressed answer says nothing about them (BREACH). Event streams are not
//! compressed, since each event must leave at once, nor is an answer with an entity tag: the tag
//! would name two different sequences of bytes.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use poem::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use poem::{Request, Response};

/// Shorter bodies fit into one packet as they are.
const MIN_BYTES: usize = 1024;

/// What a request says about the encoding of its answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// The answer is never compressed.
    Never,
    /// It could be, but the client does not accept it.
    Identity,
    /// The client accepts gzip.
    Gzip,
}

impl Encoding {
    /// Read the method and `Accept-Encoding`.
    pub(super) fn of(request: &Request) -> Self {
        match *request.method() {
            Method::GET if accepts_gzip(request.headers()) => Self::Gzip,
            Method::GET | Method::HEAD => Self::Identity,
            _ => Self::Never,
        }
    }

    /// Compress the answer where that is accepted, and say that it depends on the request.
    pub(super) async fn apply(self, response: &mut Response) {
        if matches!(self, Self::Never) || !is_compressible(response) {
            return;
        }
        response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
        if !matches!(self, Self::Gzip) {
            return;
        }
        // The bodies of all but event streams are in memory already: nothing is read, and nothing
        // fails.
        let Ok(body) = response.take_body().into_bytes().await else {
            return;
        };
        if body.len() < MIN_BYTES {
            response.set_body(body);
            return;
        }
        let compressed = match response.data::<Precompressed>() {
            Some(kept) => kept.of(&body),
            None => gzip(&body, Compression::fast()),
        };
        match compressed.filter(|compressed| compressed.len() < body.len()) {
            Some(compressed) => {
                response.set_body(compressed);
                let headers = response.headers_mut();
                headers.remove(CONTENT_LENGTH);
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            None => response.set_body(body),
        }
    }
}

/// The compressed form of a document that never changes, made when it is first wanted. Goes along
/// with each of its answers as their data.
#[derive(Debug, Clone, Default)]
pub(super) struct Precompressed(Arc<OnceLock<Option<Bytes>>>);

impl Precompressed {
    fn of(&self, document: &[u8]) -> Option<Bytes> {
        self.0.get_or_init(|| gzip(document, Compression::default())).clone()
    }
}

fn gzip(body: &[u8], level: Compression) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    response.status() == StatusCode::OK
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(ETAG)
        && headers.get(CONTENT_TYPE).is_some_and(is_text)
}

/// Whether the media type is text or JSON, and no event stream.
fn is_text(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.split_once('/') {
        Some(("text", subtype)) => subtype != "event-stream",
        Some(("application", subtype)) => subtype == "json" || subtype.ends_with("+json"),
        _ => false,
    }
}

/// Whether the client accepts gzip, and likes it no less than the body as it is.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    for item in values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')) {
        let mut parts = item.split(';');
        let coding = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight = weight(parts);
        match coding.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "identity" => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let weight = gzip.or(any).unwrap_or(0);
    weight > 0 && weight >= identity.unwrap_or(0)
}

/// `q` in thousandths; 1000 when it is not given, 0 when it is not a number from 0 to 1.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let given = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    given.map_or(1000, thousandths)
}

fn thousandths(value: &str) -> u16 {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit()) && fraction.len() <= 3;
    match (whole, digits) {
        ("1", true) => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        accepts_gzip(&headers)
    }

    #[test]
    fn accept_encoding_is_read_as_the_rfc_says() {
        for accepted in [
            &["gzip"][..],
            &["x-gzip"],
            &["GZIP"],
            &["gzip, deflate, br, zstd"],
            &["br", "gzip"],
            &["gzip;q=0.5"],
            &["gzip; Q=0.001"],
            &["*"],
            &["br;q=1, *;q=0.1"],
            &["identity;q=0.5, gzip;q=1.0"],
            &["gzip, identity"],
        ] {
            assert!(accepts(accepted), "{accepted:?}");
        }
        for refused in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["gzip;q=0.000, *"],
            &["*;q=0"],
            &["identity, gzip;q=0.5"],
            &["gzip;q=high"],
            &["gzip;q=2"],
            &["gzipped"],
        ] {
            assert!(!accepts(refused), "{refused:?}");
        }
    }

    /// An entity tag that two sequences of bytes share would be a lie (RFC 9110 section 8.8.3).
    #[tokio::test]
    async fn an_answer_with_an_entity_tag_stays_as_it_is() {
        for (tag, encoding) in [(None, Some("gzip")), (Some("\"1\""), None)] {
            let mut builder = Response::builder().content_type("application/json");
            if let Some(tag) = tag {
                builder = builder.header(ETAG, tag);
            }
            let mut response = builder.body("x".repeat(MIN_BYTES));
            Encoding::Gzip.apply(&mut response).await;
            let found = response.headers().get(CONTENT_ENCODING);
            assert_eq!(found.map(HeaderValue::as_bytes), encoding.map(str::as_bytes));
        }
    }

    #[test]
    fn text_is_compressible_and_an_event_stream_is_not() {
        for text in [
            "text/html; charset=utf-8",
            "Application/JSON; charset=utf-8",
            "application/schema+json",
            "text/plain",
        ] {
            assert!(is_text(&HeaderValue::from_static(text)), "{text}");
        }
        for other in [
            "text/event-stream",
            "TEXT/Event-Stream; x=1",
            "image/png",
            "application/octet-stream",
            "",
        ] {
            assert!(!is_text(&HeaderValue::from_static(other)), "{other}");
        }
    }
}
