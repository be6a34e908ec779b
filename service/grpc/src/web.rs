//! gRPC-Web: the same services for browsers, which cannot read trailers and ask before they call another origin.

use crate::known_callers::KnownCallersLayer;
use axum::Router;
use axum::body::Body;
use axum::routing::Route;
use bytes::Bytes;
use cairn_stack::Origins;
use futures::future::{Either, MapOk, TryFutureExt};
use http::{HeaderName, Method, Request, Response, Version, header};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service, layer::layer_fn};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

/// What a page may read of an answer: in an answer without a body the status is in the headers.
const EXPOSED: [HeaderName; 4] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    header::DATE,
];
/// How long a browser may go by what it was told.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The services of `router` for known callers, and for browsers as well: for pages of these origins. A browser asks whether
/// it may call before it says who does, and is to understand a refusal.
pub fn for_browsers(router: Router, origins: Origins) -> Router {
    let allowed = match origins {
        Origins::Any => AllowOrigin::from(Any),
        Origins::Loopback => AllowOrigin::predicate(move |origin, _| origins.allowed(origin).is_some()),
    };
    let origins = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::POST])
        // Not `*`, which would leave out `authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_AGE);
    router.layer(layer_fn(move |route: Route| {
        let direct = KnownCallersLayer.layer(route);
        let web = origins.layer(GrpcWebLayer::new().layer(direct.clone()));
        Entrances { direct, web }
    }))
}

/// One entrance for browsers, through what they need, and one for everybody else, who need not pay for it with every
/// call.
#[derive(Clone, Debug)]
struct Entrances<D, W> {
    direct: D,
    web: W,
}

impl<D, W, A> Service<Request<Body>> for Entrances<D, W>
where
    D: Service<Request<Body>, Response = Response<Body>>,
    W: Service<Request<Body>, Response = Response<A>, Error = D::Error>,
    A: http_body::Body<Data = Bytes> + Send + 'static,
    A::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = D::Error;
    type Future = Either<D::Future, MapOk<W::Future, fn(Response<A>) -> Response<Body>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), D::Error>> {
        ready!(self.direct.poll_ready(cx))?;
        self.web.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_direct(&request) {
            return Either::Left(self.direct.call(request));
        }
        Either::Right(self.web.call(request).map_ok(|answer| answer.map(Body::new)))
    }
}

/// Whether a request is plain gRPC, of no page.
fn is_direct<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    request.version() == Version::HTTP_2
        && kind.starts_with(b"application/grpc")
        && !kind.starts_with(b"application/grpc-web")
        && !request.headers().contains_key(header::ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_grpc_of_no_page_goes_straight() {
        let request = |version, kind: &str, origin: Option<&str>| {
            let mut request = Request::post("/").version(version).header(header::CONTENT_TYPE, kind);
            if let Some(origin) = origin {
                request = request.header(header::ORIGIN, origin);
            }
            is_direct(&request.body(()).unwrap())
        };
        assert!(request(Version::HTTP_2, "application/grpc", None));
        assert!(request(Version::HTTP_2, "application/grpc+proto", None));
        assert!(!request(Version::HTTP_2, "application/grpc", Some("http://page.example")));
        assert!(!request(Version::HTTP_2, "application/grpc-web+proto", None));
        assert!(!request(Version::HTTP_11, "application/grpc", None));
        assert!(!is_direct(&Request::options("/").version(Version::HTTP_2).body(()).unwrap()));
    }
}
